//! Replies and new mails are accepted (RPL-1 to RPL-8): message, outbox row, event and idempotency record in one
//! transaction (SND-1).

use crate::{
    IdempotencyClaim, Outcome, Store, StoreError, StoredAnswer,
    aggregate::{self, Locked, Shown},
    conversations,
    editor::{self, Writer, last_sender, participants, sender},
    events::{self, EventKind, NewEvent},
    idempotency::with_idempotency,
    message_load::load_one,
    message_rows::{self, AuthorRef, Field, NewMessage},
    messages::Message,
    outgoing::{self, Accepted, Answered},
    schema::{mailboxes, message_refs, workspaces},
    stream::load_card,
    threads::{self, Addition, ThreadStart, token_digest},
    transaction::Tx,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, MailboxAccess},
    address::{EmailAddress, NamedAddress},
    conversation::{Arrival, Command},
    ids::{AttachmentId, ConversationId, MailboxId, MessageId, ThreadId, UserId},
    message::{Direction, Position, RfcMessageId},
    refusal::Refusal,
    reply::{Body, Recipients, Written, compose_body, references, token_reference},
    subject::{reply_subject, subject_key},
    threading::ThreadingRule,
};
use rand::RngExt;
use uuid::Uuid;

/// A reply as its writer wants it.
#[derive(Clone, Debug)]
pub struct ReplyDraft {
    /// To; `None`: as by default (WIN-4).
    pub to: Option<Vec<NamedAddress>>,
    /// Cc; `None`: as by default.
    pub cc: Option<Vec<NamedAddress>>,
    /// Bcc.
    pub bcc: Vec<NamedAddress>,
    /// What was written, in both forms, sanitised.
    pub body: Written,
    /// STR-2's preview of it.
    pub preview: String,
    /// The writer's signature, where it is to stand there (RPL-3).
    pub signature: Option<Written>,
    /// Whether the conversation's last message is quoted.
    pub include_quote: bool,
    /// Uploaded files.
    pub attachment_ids: Vec<AttachmentId>,
    /// The message that the writer last saw (RPL-6).
    pub last_seen_message_id: Option<MessageId>,
    /// Send it even where a newer one has arrived.
    pub force: bool,
    /// The request as it came: for the editor, when the mail is taken back.
    pub request: serde_json::Value,
}

/// A new mail as its writer wants it (RPL-8).
#[derive(Clone, Debug)]
pub struct NewMailDraft {
    /// The mailbox to send through.
    pub mailbox_id: MailboxId,
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc.
    pub cc: Vec<NamedAddress>,
    /// Bcc.
    pub bcc: Vec<NamedAddress>,
    /// Subject.
    pub subject: String,
    /// What was written, in both forms, sanitised.
    pub body: Written,
    /// STR-2's preview of it.
    pub preview: String,
    /// The writer's signature, where it is to stand there.
    pub signature: Option<Written>,
    /// Uploaded files.
    pub attachment_ids: Vec<AttachmentId>,
    /// The request as it came.
    pub request: serde_json::Value,
}

impl Store {
    /// Accepts a reply: it shows in the conversation at once, and is sent after the workspace's undo time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::MovedOn`] (RPL-6), a refusal (RPL-4, no mailbox to send from), or what an
    /// idempotency key is refused with; nothing is accepted then.
    pub async fn reply(
        &self,
        actor: &Actor,
        id: ConversationId,
        draft: ReplyDraft,
        claim: Option<IdempotencyClaim>,
        answer: impl Fn(&Message) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Message>, StoreError> {
        let (draft, claim, answer) = (&draft, claim.as_ref(), &answer);
        self.write(actor.workspace_id, async |tx| {
            // Whoever may not see the conversation (any more) gets no replay either.
            conversations::visible_thread(tx, actor, id).await?;
            let effect = accept_reply(tx, actor, id, draft);
            once(tx, actor, claim, effect, answer).await
        })
        .await
    }

    /// Accepts a new mail: it begins a thread, which becomes a conversation when the other side replies (CNV-1).
    ///
    /// # Errors
    /// As for [`Store::reply`]; [`Refusal::NoSendingMailbox`] where the mailbox is not the actor's to send from.
    pub async fn new_mail(
        &self,
        actor: &Actor,
        draft: NewMailDraft,
        claim: Option<IdempotencyClaim>,
        answer: impl Fn(&Message) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Message>, StoreError> {
        let (draft, claim, answer) = (&draft, claim.as_ref(), &answer);
        self.write(actor.workspace_id, async |tx| {
            let effect = accept_new_mail(tx, actor, draft);
            once(tx, actor, claim, effect, answer).await
        })
        .await
    }
}

/// Carries the effect out once, keeps the answer, and only then takes the events' numbers, which others wait for.
async fn once(
    tx: &Tx,
    actor: &Actor,
    claim: Option<&IdempotencyClaim>,
    effect: impl Future<Output = Result<(Message, Vec<NewEvent>), StoreError>>,
    answer: &(impl Fn(&Message) -> StoredAnswer + Sync),
) -> Result<Outcome<Message>, StoreError> {
    let workspace = actor.workspace_id;
    match with_idempotency(tx, workspace, claim, effect, |(message, _)| answer(message)).await? {
        Outcome::Replayed(stored) => Ok(Outcome::Replayed(stored)),
        Outcome::Done((message, news)) => {
            events::append(tx, workspace, &news).await?;
            Ok(Outcome::Done(message))
        }
    }
}

async fn accept_reply(
    tx: &Tx,
    actor: &Actor,
    id: ConversationId,
    draft: &ReplyDraft,
) -> Result<(Message, Vec<NewEvent>), StoreError> {
    let workspace = actor.workspace_id;
    let thread = conversations::visible_thread(tx, actor, id).await?;
    threads::lock(tx, workspace, thread).await?;
    let mut locked = conversations::lock(tx, actor, id).await?;
    let seen = match draft.last_seen_message_id {
        Some(seen) => match conversations::position_of(tx, workspace, locked.thread, seen).await {
            Err(StoreError::NotFound) => return Err(Refusal::UnknownMessage.into()),
            position => Some(position?),
        },
        None => None,
    };
    if !draft.force && seen.is_some_and(|seen| seen < locked.last) {
        return Err(StoreError::MovedOn { newest: locked.last.id });
    }
    let writer = sender(tx, actor, locked.mailbox).await?;
    let (mailbox, from) = writer.address.clone().ok_or(Refusal::NoSendingMailbox)?;
    let recipients = reply_recipients(tx, actor, &locked, draft).await?;
    let answered = outgoing::answered(tx, workspace, locked.thread, locked.last.id).await?;
    let quoted = match draft.include_quote {
        true => Some(outgoing::quoted(&answered, &writer.time_zone)),
        false => None,
    };
    let body = compose_body(&draft.body, draft.signature.as_ref(), quoted.as_ref())?;
    let subject = load_card(tx, workspace, id).await?.subject;
    let accepted = accept(
        tx,
        actor,
        &Letter {
            thread: locked.thread,
            mailbox,
            from: &from,
            writer: &writer,
            recipients: &recipients,
            subject: &reply_subject(&subject),
            body: &body,
            preview: &draft.preview,
            answered: Some(&answered),
            behind: Some(locked.last.at),
            attachments: &draft.attachment_ids,
            request: &draft.request,
        },
    )
    .await?;
    let events = hear(tx, actor, &mut locked, draft, &accepted).await?;
    Ok((load_one(tx, workspace, accepted.position.id).await?, events))
}

/// The conversation hears of the reply: it is on the card, it is activity, it counts as having seen (CNV-5 to CNV-7).
async fn hear(
    tx: &Tx,
    actor: &Actor,
    locked: &mut Locked,
    draft: &ReplyDraft,
    accepted: &Accepted,
) -> Result<Vec<NewEvent>, StoreError> {
    let workspace = actor.workspace_id;
    aggregate::show(tx, workspace, locked, &accepted.shown, false).await?;
    // Where the writer does not say what they saw, they saw what was there before their own mail.
    let shown = draft.last_seen_message_id.unwrap_or(locked.last.id);
    conversations::see(tx, actor, locked, Some(shown), false).await?;
    let arrival = Arrival {
        position: accepted.position,
        direction: Direction::Outbound,
        automatic: false,
        imported: false,
    };
    let changes = locked.state.decide(&Command::Receive(arrival), accepted.position.at)?;
    aggregate::save(tx, workspace, locked, &changes).await?;
    let owners = (locked.state.owner, locked.state.owner);
    let created = NewEvent {
        conversation: Some(locked.id),
        owners: Some(owners),
        ..NewEvent::of(EventKind::MessageCreated, Some(actor.user_id), accepted.position.id)
    };
    let updated =
        NewEvent::of_conversation(EventKind::ConversationUpdated, Some(actor.user_id), locked.id, owners);
    Ok(vec![created, updated])
}

async fn reply_recipients(
    tx: &Tx,
    actor: &Actor,
    locked: &Locked,
    draft: &ReplyDraft,
) -> Result<Recipients, StoreError> {
    let (to, cc) = match (&draft.to, &draft.cc) {
        (Some(to), Some(cc)) => (to.clone(), cc.clone()),
        (to, cc) => {
            let card = load_card(tx, actor.workspace_id, locked.id).await?;
            let people = participants(tx, actor.workspace_id, locked.thread).await?;
            let last = last_sender(tx, actor.workspace_id, locked.thread).await?;
            let defaults = editor::recipients(&card, last.as_ref(), &people);
            (to.clone().unwrap_or(defaults.to), cc.clone().unwrap_or(defaults.cc))
        }
    };
    Ok(Recipients::new(to, cc, draft.bcc.clone())?)
}

async fn accept_new_mail(
    tx: &Tx,
    actor: &Actor,
    draft: &NewMailDraft,
) -> Result<(Message, Vec<NewEvent>), StoreError> {
    let workspace = actor.workspace_id;
    let mailbox = draft.mailbox_id;
    let row: Option<(Option<Uuid>, bool)> = mailboxes::table
        .find((workspace.0, mailbox.0))
        .select((mailboxes::user_id, mailboxes::active))
        .first(&mut tx.conn())
        .await
        .optional()?;
    let usable = row.is_some_and(|(user, active)| {
        MailboxAccess { id: mailbox, user_id: user.map(UserId), active }.may_send(actor.user_id)
    });
    if !usable {
        return Err(Refusal::NoSendingMailbox.into());
    }
    let writer = sender(tx, actor, mailbox).await?;
    let (_, from) = writer.address.clone().ok_or(Refusal::NoSendingMailbox)?;
    let recipients = Recipients::new(draft.to.clone(), draft.cc.clone(), draft.bcc.clone())?;
    let body = compose_body(&draft.body, draft.signature.as_ref(), None)?;
    let start = ThreadStart {
        mailbox,
        subject_key: &subject_key(&draft.subject),
        token_digest: None,
        at: Utc::now(),
    };
    let thread = threads::begin_thread(tx, workspace, &start).await?.id;
    let accepted = accept(
        tx,
        actor,
        &Letter {
            thread,
            mailbox,
            from: &from,
            writer: &writer,
            recipients: &recipients,
            subject: &draft.subject,
            body: &body,
            preview: &draft.preview,
            answered: None,
            behind: None,
            attachments: &draft.attachment_ids,
            request: &draft.request,
        },
    )
    .await?;
    let message = load_one(tx, workspace, accepted.position.id).await?;
    let created = NewEvent::of(EventKind::MessageCreated, Some(actor.user_id), accepted.position.id);
    Ok((message, vec![created]))
}

/// A mail that is ready to be accepted.
struct Letter<'a> {
    thread: ThreadId,
    mailbox: MailboxId,
    from: &'a EmailAddress,
    writer: &'a Writer,
    recipients: &'a Recipients,
    subject: &'a str,
    body: &'a Body,
    preview: &'a str,
    answered: Option<&'a Answered>,
    /// It stands behind this in the window: the newest message that is there.
    behind: Option<DateTime<Utc>>,
    attachments: &'a [AttachmentId],
    request: &'a serde_json::Value,
}

/// Writes message, recipients, files and outbox row; its Message-ID is ours and can't be guessed.
async fn accept(tx: &Tx, actor: &Actor, letter: &Letter<'_>) -> Result<Accepted, StoreError> {
    let workspace = actor.workspace_id;
    let now = microseconds(Utc::now());
    // The mail servers' clocks are not ours: an answer never stands before what it answers.
    let at = letter.behind.map_or(now, |behind| now.max(behind + TimeDelta::microseconds(1)));
    let (tag, undo): (String, i16) = workspaces::table
        .find(workspace.0)
        .select((workspaces::tag, workspaces::undo_send_seconds))
        .first(&mut tx.conn())
        .await?;
    let domain = letter.from.domain();
    let own = RfcMessageId::parse(&format!("{}.{tag}@{domain}", Uuid::new_v4()))
        .ok_or_else(|| StoreError::Corrupt("a mailbox's domain".into()))?;
    let token = match letter.answered.and_then(|answered| answered.token.clone()) {
        Some(token) => token,
        None => new_token(tx, actor, letter.thread, domain).await?,
    };
    let answered = letter.answered.map(|one| (&one.message_id, one.references.as_slice()));
    let line = references(Some(&token), answered);
    let id = MessageId(Uuid::now_v7());
    let new = NewMessage {
        id,
        thread: letter.thread,
        mailbox: letter.mailbox,
        direction: Direction::Outbound,
        issued: true,
        rfc_message_id: &own,
        content_digest: None,
        in_reply_to: letter.answered.map(|one| one.message_id.as_str()).into_iter().collect(),
        references: line.iter().map(RfcMessageId::as_str).collect(),
        raw_sha256: None,
        subject: letter.subject,
        from_name: Some(&letter.writer.name),
        from_address: letter.from.as_str(),
        author: AuthorRef::User(actor.user_id),
        sent_at: Some(now),
        received_at: at,
        preview: letter.preview,
        automatic: false,
        has_attachments: false,
        imported: false,
        variant_of: None,
        rule: if letter.answered.is_some() { ThreadingRule::Reference } else { ThreadingRule::NewThread },
        matched: letter.answered.map(|one| one.message_id.as_str()),
        sender_known: true,
        sender_verified: true,
        notices: &[],
        text: &letter.body.whole.text,
        html: Some(&letter.body.whole.html),
        segments: &letter.body.segments,
        recipients: vec![
            (Field::To, &letter.recipients.to),
            (Field::Cc, &letter.recipients.cc),
            (Field::Bcc, &letter.recipients.bcc),
        ],
    };
    claim_message_id(tx, actor, &own).await?;
    message_rows::insert(tx, workspace, &new).await?;
    let html = &letter.body.whole.html;
    let has_attachments = outgoing::take_attachments(tx, actor, id, letter.attachments, html).await?;
    outgoing::join_thread(
        tx,
        workspace,
        &Addition {
            thread: letter.thread,
            own: &own,
            named: vec![],
            parties: letter
                .recipients
                .to
                .iter()
                .chain(&letter.recipients.cc)
                .map(|one| &one.address)
                .collect(),
            hidden_parties: letter.recipients.bcc.iter().map(|one| &one.address).collect(),
            at,
        },
    )
    .await?;
    let undo = chrono::Duration::seconds(i64::from(undo));
    outgoing::enqueue(tx, workspace, id, letter.mailbox, letter.recipients, letter.request, now + undo)
        .await?;
    let position = Position { at, id };
    let shown = Shown {
        position,
        direction: Direction::Outbound,
        automatic: false,
        imported: false,
        has_attachments,
        preview: letter.preview.to_owned(),
        subject: letter.subject.to_owned(),
        author: AuthorRef::User(actor.user_id),
        written_name: Some(letter.writer.name.clone()),
        author_address: letter.from.as_str().to_owned(),
    };
    Ok(Accepted { position, shown })
}

/// PostgreSQL keeps microseconds: what is compared later is cut before it is kept.
fn microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

async fn claim_message_id(tx: &Tx, actor: &Actor, own: &RfcMessageId) -> Result<(), StoreError> {
    diesel::insert_into(message_refs::table)
        .values((
            message_refs::workspace_id.eq(actor.workspace_id.0),
            message_refs::message_id.eq(own.as_str()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// A thread's first mail of ours gives it its token; only the token's digest is kept with the thread.
async fn new_token(
    tx: &Tx,
    actor: &Actor,
    thread: ThreadId,
    domain: &str,
) -> Result<RfcMessageId, StoreError> {
    use crate::schema::threads as table;
    let token = format!("{:032x}", rand::rng().random::<u128>());
    diesel::update(table::table.find((actor.workspace_id.0, thread.0)))
        .set(table::token_digest.eq(token_digest(&token)))
        .execute(&mut tx.conn())
        .await?;
    token_reference(&token, domain).ok_or_else(|| StoreError::Corrupt("a mailbox's domain".into()))
}
