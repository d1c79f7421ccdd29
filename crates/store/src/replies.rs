//! Replies and new mails are accepted (RPL-1 to RPL-8): message, outbox row, event and idempotency record in one
//! transaction (SND-1).

use crate::{
    IdempotencyClaim, Outcome, Store, StoreError, StoredAnswer,
    aggregate::{self, Locked, Shown},
    audit, conversations,
    drafts::{self, Place, Prepared},
    events::{self, EventKind, NewEvent},
    idempotency::with_idempotency,
    message_load::load_one,
    message_rows::{self, AuthorRef, Field, NewMessage},
    messages::Message,
    outgoing::{self, Accepted},
    schema::{message_refs, workspaces},
    threads::{self, ThreadStart, token_digest},
    transaction::Tx,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::NamedAddress,
    conversation::{Arrival, Command},
    ids::{AttachmentId, ConversationId, MailboxId, MessageId, ThreadId, WorkspaceId},
    message::{Direction, Position, RfcMessageId},
    reply::{Written, references, token_reference},
    subject::subject_key,
    threading::ThreadingRule,
};
use rand::RngExt;
use serde_json::{Value, json};
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
            let thread = conversations::visible_thread(tx, actor, id).await?;
            let effect = accept_reply(tx, actor, (id, thread), draft);
            once(tx, actor, claim, effect, answer).await
        })
        .await
    }

    /// Accepts a new mail: it begins a thread, which becomes a conversation when the other side replies (CNV-1).
    ///
    /// # Errors
    /// As for [`Store::reply`]; [`Refusal::NoSendingMailbox`](postroom_domain::refusal::Refusal::NoSendingMailbox) where the mailbox is not the actor's to send from.
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
    (id, thread): (ConversationId, ThreadId),
    draft: &ReplyDraft,
) -> Result<(Message, Vec<NewEvent>), StoreError> {
    let workspace = actor.workspace_id;
    threads::lock(tx, workspace, thread).await?;
    let mut locked = conversations::lock_visible(tx, actor, id).await?;
    let place = Place { conversation: id, thread: locked.thread, mailbox: locked.mailbox, last: locked.last };
    let seen = drafts::seen(tx, actor, &place, draft).await?;
    if place.moved_on(seen) && !draft.force {
        return Err(StoreError::MovedOn { newest: locked.last.id });
    }
    let (prepared, _) = drafts::prepare_reply(tx, actor, &place, draft).await?;
    let letter = Letter {
        thread: locked.thread,
        prepared: &prepared,
        preview: &draft.preview,
        behind: Some(locked.last.at),
        attachments: &draft.attachment_ids,
        request: &draft.request,
    };
    let accepted = accept(tx, actor, &letter).await?;
    // Where the writer does not say what they saw, they saw what was there before their own mail.
    let seen = seen.unwrap_or(locked.last);
    let events = hear(tx, actor, &mut locked, seen, &accepted).await?;
    Ok((load_one(tx, workspace, accepted.position.id).await?, events))
}

/// The conversation hears of the reply: it is on the card, it is activity, it counts as having seen (CNV-5 to CNV-7).
async fn hear(
    tx: &Tx,
    actor: &Actor,
    locked: &mut Locked,
    seen: Position,
    accepted: &Accepted,
) -> Result<Vec<NewEvent>, StoreError> {
    let workspace = actor.workspace_id;
    let arrival = Arrival {
        position: accepted.position,
        direction: Direction::Outbound,
        automatic: false,
        imported: false,
    };
    // What was seen and what goes out don't touch each other: both are decided by what was there before.
    let mut changes = conversations::seeing(tx, workspace, locked, seen).await?;
    changes.extend(locked.state.decide(&Command::Receive(arrival), accepted.position.at)?);
    aggregate::receive(tx, workspace, locked, &changes, (&accepted.shown, false)).await?;
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

async fn accept_new_mail(
    tx: &Tx,
    actor: &Actor,
    draft: &NewMailDraft,
) -> Result<(Message, Vec<NewEvent>), StoreError> {
    let workspace = actor.workspace_id;
    let prepared = drafts::prepare_new_mail(tx, actor, draft).await?;
    let start = ThreadStart {
        mailbox: prepared.mailbox,
        subject_key: &subject_key(&draft.subject),
        token_digest: None,
        at: Utc::now(),
    };
    let letter = Letter {
        thread: threads::begin_thread(tx, workspace, &start).await?.id,
        prepared: &prepared,
        preview: &draft.preview,
        behind: None,
        attachments: &draft.attachment_ids,
        request: &draft.request,
    };
    let accepted = accept(tx, actor, &letter).await?;
    let message = load_one(tx, workspace, accepted.position.id).await?;
    let created = NewEvent::of(EventKind::MessageCreated, Some(actor.user_id), accepted.position.id);
    Ok((message, vec![created]))
}

/// A mail that is ready to be accepted.
struct Letter<'a> {
    thread: ThreadId,
    prepared: &'a Prepared,
    preview: &'a str,
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
    let settings =
        workspaces::table.find(workspace.0).select((workspaces::tag, workspaces::undo_send_seconds));
    let mut conn = tx.conn();
    let html = &letter.prepared.body.whole.html;
    let ((tag, undo), files) = tokio::try_join!(
        async { Ok(settings.first::<(String, i16)>(&mut conn).await?) },
        outgoing::find_files(tx, actor, letter.attachments, html, true),
    )?;
    let Prepared { writer, mailbox, from, recipients, answered, subject, body } = letter.prepared;
    let domain = from.domain();
    let own = RfcMessageId::parse(&format!("{}.{tag}@{domain}", Uuid::new_v4()))
        .ok_or_else(|| StoreError::Corrupt("a mailbox's domain".into()))?;
    let token = match answered.as_ref().and_then(|answered| answered.token.clone()) {
        Some(token) => token,
        None => new_token(tx, actor, letter.thread, domain).await?,
    };
    let chain = answered.as_ref().map(|one| (&one.message_id, one.references.as_slice()));
    let line = references(Some(&token), chain);
    let id = MessageId(Uuid::now_v7());
    let has_attachments = files.any_shown_apart();
    let new = NewMessage {
        id,
        thread: letter.thread,
        mailbox: *mailbox,
        direction: Direction::Outbound,
        issued: true,
        rfc_message_id: &own,
        content_digest: None,
        in_reply_to: answered.iter().map(|one| one.message_id.as_str()).collect(),
        references: line.iter().map(RfcMessageId::as_str).collect(),
        raw_sha256: None,
        subject,
        from_name: Some(&writer.name),
        from_address: from.as_str(),
        author: AuthorRef::User(actor.user_id),
        sent_at: Some(now),
        received_at: at,
        preview: letter.preview,
        automatic: false,
        has_attachments,
        imported: false,
        variant_of: None,
        rule: if answered.is_some() { ThreadingRule::Reference } else { ThreadingRule::NewThread },
        matched: answered.as_ref().map(|one| one.message_id.as_str()),
        sender_known: true,
        sender_verified: true,
        notices: &[],
        text: &body.whole.text,
        html: Some(&body.whole.html),
        segments: &body.segments,
        recipients: vec![
            (Field::To, &recipients.to),
            (Field::Cc, &recipients.cc),
            (Field::Bcc, &recipients.bcc),
        ],
    };
    tokio::try_join!(
        keep_message_id(tx, workspace, letter.thread, &own),
        message_rows::insert(tx, workspace, &new),
    )?;
    let addressed = recipients.to.len() + recipients.cc.len() + recipients.bcc.len();
    let written = audit::Entry::new("message.written", "message", id).change(
        Value::Null,
        json!({ "thread_id": letter.thread, "mailbox_id": mailbox, "recipients": addressed }),
    );
    let due_at = now + TimeDelta::seconds(i64::from(undo));
    tokio::try_join!(
        outgoing::take_files(tx, workspace, id, &files),
        outgoing::join_thread(tx, workspace, letter.thread, recipients, at),
        outgoing::enqueue(tx, workspace, (id, *mailbox), recipients, letter.request, due_at),
        audit::record(tx, actor, written),
    )?;
    let position = Position { at, id };
    let shown = Shown {
        position,
        direction: Direction::Outbound,
        automatic: false,
        imported: false,
        has_attachments,
        preview: letter.preview.to_owned(),
        subject: subject.clone(),
        author: AuthorRef::User(actor.user_id),
        written_name: Some(writer.name.clone()),
        author_address: from.as_str().to_owned(),
    };
    Ok(Accepted { position, shown })
}

/// PostgreSQL keeps microseconds: what is compared later is cut before it is kept.
fn microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// The new Message-ID is the thread's. Nobody else can wait for it: it was never said.
async fn keep_message_id(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    own: &RfcMessageId,
) -> Result<(), StoreError> {
    diesel::insert_into(message_refs::table)
        .values((
            message_refs::workspace_id.eq(workspace.0),
            message_refs::message_id.eq(own.as_str()),
            message_refs::thread_id.eq(thread.0),
            message_refs::seen.eq(true),
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
