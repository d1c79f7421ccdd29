//! A mail becomes a message, exactly once, in the right thread, in one transaction with its folder's position (MAIL-1).

mod screening;

use self::screening::Screened;
use crate::{
    MailboxLease, Store, StoreError,
    aggregate::{self, Shown},
    birth::{self, MailboxFacts},
    bursts,
    correspondents::{OwnAddresses, contact_for, contact_of},
    delivery_evidence,
    events::{self, EventKind, NewEvent},
    folders::{Passed, take_step},
    mail_in::{Ingested, Step},
    merge::{self, Connection, Hinge},
    message_rows::{self, AuthorRef, NewMessage},
    outbox,
    schema::messages,
    threads::{self, Addition, LockedRefs, Thread, ThreadStart},
    transaction::Tx,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    burst::Verdict,
    conversation::{Arrival, Command},
    ids::{ContactId, ConversationId, MailboxId, MessageId, WorkspaceId},
    incoming::{IncomingMail, IncomingSource, IntakeReason},
    message::{self, Direction, Position, RfcMessageId, Source},
    threading::{Known, Placement, ThreadingRule, place},
};
use uuid::Uuid;

impl Store {
    /// Takes a mail in. It is stored once, however often it is read and wherever: what is known already only moves the
    /// position (MAIL-3).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the lease or the position is not what the reader believes; whatever the database
    /// fails with. Nothing happened then, the position included.
    pub async fn ingest(
        &self,
        lease: &MailboxLease,
        step: &Step,
        mail: IncomingMail,
    ) -> Result<Ingested, StoreError> {
        let mail = &mail;
        self.write(lease.workspace_id, async |tx| {
            let (workspace, mailbox) = (lease.workspace_id, lease.mailbox_id);
            let intake = Intake { tx, workspace, mailbox, origin: Origin::Folder(step), mail };
            let moving = take_step(tx, lease, step, Passed::Message);
            let ((), screened) = tokio::try_join!(biased; moving, intake.screen())?;
            intake.take_in(screened).await
        })
        .await
    }
}

/// Where a mail on its way in comes from.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// Its place in a folder of the mailbox.
    Folder(&'a Step),
    /// A file that an operator gave.
    Archive,
    /// The intake list, where it stands already.
    Replay,
}

/// One mail on its way in.
pub(crate) struct Intake<'a> {
    pub(crate) tx: &'a Tx,
    pub(crate) workspace: WorkspaceId,
    pub(crate) mailbox: MailboxId,
    pub(crate) origin: Origin<'a>,
    pub(crate) mail: &'a IncomingMail,
}

impl Intake<'_> {
    pub(crate) async fn run(&self) -> Result<Ingested, StoreError> {
        self.take_in(self.screen().await?).await
    }

    // Each round trip to the database takes longer than most of its answers. So what does not wait for an answer is sent
    // together, in the order in which it must be done: `biased` keeps that order, and tells the first error.

    async fn take_in(&self, screened: Screened) -> Result<Ingested, StoreError> {
        if let Some(reason) = screened.listed_before {
            return Ok(Ingested::ListedBefore(reason));
        }
        if screened.is_ignored {
            self.list(IntakeReason::IgnoredSender, None).await?;
            return Ok(Ingested::Listed(IntakeReason::IgnoredSender));
        }
        if let Some(report) = &self.mail.bounce {
            let of = delivery_evidence::record_bounce(self.tx, self.workspace, report).await?;
            let reason = if of.is_some() { IntakeReason::Bounce } else { IntakeReason::UnmatchedBounce };
            self.list(reason, None).await?;
            if let Some(message) = of {
                outbox::announce(self.tx, self.workspace, message).await?;
            }
            return Ok(Ingested::Bounce { of });
        }
        let (tx, workspace, mail) = (self.tx, self.workspace, self.mail);
        let people = mail.from.iter().chain(&mail.to).chain(&mail.cc).chain(&mail.bcc);
        let (refs, namesakes, look, facts, ours) = tokio::try_join!(
            biased;
            LockedRefs::lock(tx, workspace, &mail.headers),
            self.namesakes(),
            self.look_for_loop(),
            MailboxFacts::load(tx, workspace, self.mailbox),
            OwnAddresses::among(tx, workspace, people.map(|one| &one.address)),
        )?;
        if let Some(known) = self.known_message(namesakes).await? {
            return Ok(Ingested::Known(known));
        }
        if let Some(look) = look.as_ref().filter(|look| look.verdict != Verdict::Passes) {
            self.cut(look).await?;
            return Ok(Ingested::Listed(IntakeReason::Loop));
        }
        self.place(&refs, look.as_ref(), facts, ours).await
    }

    async fn place(
        &self,
        refs: &LockedRefs,
        look: Option<&bursts::Look>,
        facts: MailboxFacts,
        ours: OwnAddresses,
    ) -> Result<Ingested, StoreError> {
        let (tx, workspace, mail) = (self.tx, self.workspace, self.mail);
        let sender = Sender::of(mail, &ours, &facts);
        let external = sender.external.is_some();
        let direction = sender.origin.direction;
        let known = refs.known(tx, workspace, facts.id, mail, (direction, external)).await?;
        let placement = place(&mail.headers, &known);
        let start = ThreadStart {
            mailbox: facts.id,
            subject_key: &mail.headers.subject_key,
            token_digest: None,
            at: mail.received_at,
        };
        let ((), thread) = tokio::try_join!(
            biased;
            self.count(look),
            threads::open_thread(tx, workspace, &placement, &start),
        )?;
        if placement.is_loose(&known) {
            threads::make_strangers(tx, workspace, thread.id).await?;
        }
        let (sender_known, author, at, variant_of) = tokio::try_join!(
            biased;
            self.is_known(&sender, &placement, &known, &thread),
            self.contact_of(&sender),
            self.place_in_time(&placement, &thread),
            self.variant_of(&thread),
        )?;
        let author = match sender.external {
            // A stranger's data is not shown before a user addresses them (MAIL-16).
            Some(_) => AuthorRef::Contact(author.filter(|_| sender_known)),
            None => sender.author,
        };
        let placed = Placed { facts, ours, sender, placement, thread, sender_known, author, at, variant_of };
        let (message, ()) = tokio::try_join!(biased; self.write_message(&placed), self.join_thread(&placed))?;
        let hinge = Hinge {
            is_ours: placed.sender.origin.direction == Direction::Outbound,
            sender: placed.sender.external,
        };
        let connection =
            merge::connect(tx, workspace, placed.thread.id, &placed.placement.connects, &hinge).await?;
        match message {
            Written::Variant(id) => {
                self.list(IntakeReason::Variant, Some(id)).await?;
                Ok(Ingested::Stored { message_id: id, conversation_id: None })
            }
            Written::Message(shown) => {
                // MAIL-12: what is no usual message is listed, too.
                let reason = mail.intake.or(mail.automatic.then_some(IntakeReason::Automatic));
                if let Some(reason) = reason {
                    self.list(reason, Some(shown.position.id)).await?;
                }
                let conversation_id = self.converse(&placed, shown.clone(), &connection, refs).await?;
                Ok(Ingested::Stored { message_id: shown.position.id, conversation_id })
            }
        }
    }

    async fn is_known(
        &self,
        sender: &Sender<'_>,
        placement: &Placement,
        known: &Known,
        thread: &Thread,
    ) -> Result<bool, StoreError> {
        match sender.external {
            // Who wrote what those there answer takes part.
            Some(_) if placement.answered(known) => Ok(true),
            Some(address) if !thread.is_new => {
                threads::is_party(self.tx, self.workspace, thread.id, address).await
            }
            // Whoever claims to be one of us without proof is not known, wherever it writes.
            None => Ok(sender.origin.direction == Direction::Outbound),
            Some(_) => Ok(true),
        }
    }

    async fn contact_of(&self, sender: &Sender<'_>) -> Result<Option<ContactId>, StoreError> {
        match sender.external {
            Some(address) => contact_of(self.tx, self.workspace, address.as_str()).await,
            None => Ok(None),
        }
    }

    /// INTERNALDATE (CNV-10), but never before the message that it answers: servers cut it to whole seconds, and their
    /// clocks differ.
    async fn place_in_time(
        &self,
        placement: &Placement,
        thread: &Thread,
    ) -> Result<DateTime<Utc>, StoreError> {
        let received_at = self.mail.received_at;
        let Some(answered) =
            placement.matched.as_ref().filter(|_| placement.rule == ThreadingRule::Reference)
        else {
            return Ok(received_at);
        };
        let before: Option<DateTime<Utc>> = messages::table
            .filter(messages::workspace_id.eq(self.workspace.0))
            .filter(messages::rfc_message_id.eq(answered.as_str()))
            .filter(messages::thread_id.eq(thread.id.0))
            .select(diesel::dsl::max(messages::received_at))
            .first(&mut self.tx.conn())
            .await?;
        Ok(before.map_or(received_at, |before| received_at.max(before + TimeDelta::microseconds(1))))
    }

    async fn write_message(&self, placed: &Placed<'_>) -> Result<Written, StoreError> {
        let mail = self.mail;
        let id = MessageId(Uuid::now_v7());
        let (name, address) = match &mail.from {
            Some(from) => (from.name.as_deref(), from.address.as_str()),
            None => (None, ""),
        };
        let new = NewMessage {
            id,
            thread: placed.thread.id,
            mailbox: placed.facts.id,
            direction: placed.sender.origin.direction,
            issued: false,
            rfc_message_id: &mail.headers.message_id,
            content_digest: Some(mail.content_digest),
            in_reply_to: mail.headers.in_reply_to.iter().map(RfcMessageId::as_str).collect(),
            references: mail.headers.references.iter().map(RfcMessageId::as_str).collect(),
            raw_sha256: mail.raw_sha256,
            subject: &mail.subject,
            from_name: name,
            from_address: address,
            author: placed.author,
            sent_at: mail.sent_at,
            received_at: placed.at,
            preview: &mail.preview,
            automatic: mail.automatic,
            has_attachments: mail.attachments.iter().any(|file| !file.inline),
            imported: mail.imported,
            variant_of: placed.variant_of,
            rule: placed.placement.rule,
            matched: placed.placement.matched.as_ref().map(RfcMessageId::as_str),
            sender_known: placed.sender_known,
            sender_verified: placed.sender.origin.sender_verified,
            notices: &mail.notices,
            text: &mail.text,
            html: mail.html.as_deref(),
            segments: &mail.segments,
            recipients: message_rows::recipients_of(mail),
        };
        tokio::try_join!(
            biased;
            message_rows::insert(self.tx, self.workspace, &new),
            message_rows::insert_attachments(self.tx, self.workspace, id, mail),
        )?;
        if placed.variant_of.is_some() {
            return Ok(Written::Variant(id));
        }
        Ok(Written::Message(Shown {
            position: Position { at: placed.at, id },
            direction: new.direction,
            automatic: mail.automatic,
            imported: mail.imported,
            has_attachments: new.has_attachments,
            preview: mail.preview.clone(),
            subject: mail.subject.clone(),
            author: placed.author,
            written_name: name.filter(|name| !name.trim().is_empty()).map(str::to_owned),
            author_address: address.to_owned(),
        }))
    }

    /// A message of this thread with the same Message-ID and another content: it is shown once (MAIL-3).
    async fn variant_of(&self, thread: &Thread) -> Result<Option<MessageId>, StoreError> {
        if thread.is_new {
            return Ok(None);
        }
        let id: Option<Uuid> = messages::table
            .filter(messages::workspace_id.eq(self.workspace.0))
            .filter(messages::rfc_message_id.eq(self.mail.headers.message_id.as_str()))
            .filter(messages::thread_id.eq(thread.id.0))
            .filter(messages::variant_of.is_null())
            .select(messages::id)
            .first(&mut self.tx.conn())
            .await
            .optional()?;
        Ok(id.map(MessageId))
    }

    async fn join_thread(&self, placed: &Placed<'_>) -> Result<(), StoreError> {
        let mail = self.mail;
        // MAIL-16: a stranger takes part only when somebody addresses them on purpose.
        let parties: Vec<&EmailAddress> = if placed.sender_known {
            let addressed = placed.ours.external(mail.to.iter().chain(&mail.cc));
            placed.sender.external.into_iter().chain(addressed.into_iter().map(|one| &one.address)).collect()
        } else {
            vec![]
        };
        let addition = Addition {
            thread: &placed.thread,
            own: &mail.headers.message_id,
            named: mail.headers.named(),
            parties,
            hidden_parties: self.hidden_parties(placed),
            at: placed.at,
        };
        threads::add_to_thread(self.tx, self.workspace, &addition).await
    }

    /// Whom our own people addressed in Bcc, in their own mail programs.
    fn hidden_parties(&self, placed: &Placed<'_>) -> Vec<&EmailAddress> {
        let external = placed.ours.external(self.mail.bcc.iter().filter(|_| placed.sender_known));
        external.into_iter().map(|one| &one.address).collect()
    }

    /// The conversation hears of the message, or is born by it (CNV-1).
    async fn converse(
        &self,
        placed: &Placed<'_>,
        mut shown: Shown,
        connection: &Connection,
        refs: &LockedRefs,
    ) -> Result<Option<ConversationId>, StoreError> {
        let (tx, workspace) = (self.tx, self.workspace);
        let (thread, gone) = match connection {
            Connection::Apart => (placed.thread.id, [].as_slice()),
            Connection::Merged { into, gone } => (*into, gone.as_slice()),
        };
        let created = NewEvent::of(EventKind::MessageCreated, None, shown.position.id);
        // A thread that this message has begun is no conversation yet, and has no other.
        let is_alone = placed.thread.is_new && matches!(connection, Connection::Apart);
        let locked = match is_alone {
            true => None,
            false => aggregate::lock_of_thread(tx, workspace, thread).await?,
        };
        let Some(mut locked) = locked else {
            if shown.automatic && matches!(connection, Connection::Apart) {
                // It makes no conversation (MAIL-7): the thread, which may be long, is not looked at.
                events::append(tx, workspace, &[created]).await?;
                return Ok(None);
            }
            let answers_unseen = placed.sender.external.is_some() && refs.answers_unseen(&self.mail.headers);
            let occasion = birth::Occasion {
                thread,
                facts: &placed.facts,
                answers_unseen: answers_unseen.then_some(shown.position.id),
                imported: self.mail.imported,
            };
            return birth::consider(tx, workspace, &occasion, is_alone.then_some(shown), created).await;
        };
        self.name_author(placed, &locked, &mut shown).await?;
        let arrival = Arrival {
            position: shown.position,
            direction: shown.direction,
            automatic: shown.automatic,
            imported: shown.imported,
        };
        let changes = locked.state.decide(&Command::Receive(arrival), Utc::now())?;
        match connection {
            Connection::Apart => {
                let is_first = shown.position.at < placed.thread.first_message_at;
                aggregate::receive(tx, workspace, &mut locked, &changes, (&shown, is_first)).await?;
            }
            Connection::Merged { .. } => {
                aggregate::show_all(tx, workspace, &locked).await?;
                aggregate::save(tx, workspace, &mut locked, &changes).await?;
            }
        }
        let owners = (locked.state.owner, locked.state.owner);
        let mut news = vec![
            NewEvent { conversation: Some(locked.id), owners: Some(owners), ..created },
            NewEvent::of_conversation(EventKind::ConversationUpdated, None, locked.id, owners),
        ];
        news.extend(gone.iter().map(|&(id, owner)| {
            NewEvent::of_conversation(EventKind::ConversationRemoved, None, id, (owner, owner))
        }));
        events::append(tx, workspace, &news).await?;
        Ok(Some(locked.id))
    }

    /// An external person who takes part and writes for the first time becomes a contact (CNV-3).
    async fn name_author(
        &self,
        placed: &Placed<'_>,
        locked: &aggregate::Locked,
        shown: &mut Shown,
    ) -> Result<(), StoreError> {
        let from =
            self.mail.from.as_ref().filter(|_| placed.sender.external.is_some() && placed.sender_known);
        let (Some(from), AuthorRef::Contact(None)) = (from, shown.author) else { return Ok(()) };
        let contact = contact_for(self.tx, self.workspace, from, locked.state.owner).await?;
        birth::attribute(self.tx, self.workspace, locked.thread, &from.address, contact).await?;
        shown.author = AuthorRef::Contact(Some(contact));
        Ok(())
    }
}

/// A mail whose thread is found.
struct Placed<'a> {
    facts: MailboxFacts,
    ours: OwnAddresses,
    sender: Sender<'a>,
    placement: Placement,
    thread: Thread,
    sender_known: bool,
    author: AuthorRef,
    /// Its place in time.
    at: DateTime<Utc>,
    /// The message of this thread that it is another form of.
    variant_of: Option<MessageId>,
}

/// What was written.
enum Written {
    Message(Shown),
    Variant(MessageId),
}

/// Who wrote a mail (MAIL-15).
struct Sender<'a> {
    origin: message::Origin,
    /// The external address, where it is one: not for our own mail, and not for what only claims to be ours.
    external: Option<&'a EmailAddress>,
    /// The author, where they are no external person.
    author: AuthorRef,
}

impl<'a> Sender<'a> {
    fn of(mail: &'a IncomingMail, ours: &OwnAddresses, facts: &MailboxFacts) -> Self {
        let from = mail.from.as_ref().map(|from| &from.address);
        let from_is_internal = from.is_some_and(|from| ours.contains(from));
        let source = match mail.source {
            IncomingSource::SentFolder => Source::SentFolder,
            IncomingSource::Received { authenticated } => {
                Source::Received { from_is_internal, authenticated }
            }
        };
        let origin = source.origin();
        let user = facts.user.filter(|_| mail.source == IncomingSource::SentFolder);
        let author = match user.or_else(|| from.and_then(|from| ours.user(from))) {
            Some(user) if origin.direction == Direction::Outbound => AuthorRef::User(user),
            _ if origin.direction == Direction::Outbound => AuthorRef::Mailbox,
            _ => AuthorRef::Contact(None),
        };
        let external = from.filter(|_| origin.direction == Direction::Inbound && !from_is_internal);
        Self { origin, external, author }
    }
}
