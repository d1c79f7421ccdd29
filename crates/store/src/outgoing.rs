//! The parts of accepting a mail that touch other tables: the message that is answered, uploaded files, the outbox.

use crate::{
    aggregate::Shown,
    correspondents::{OwnAddresses, full_name},
    error::StoreError,
    message_load::{FILE, FileRow, file_from_row},
    messages::AttachmentInfo,
    schema::{
        attachments, contacts, delivery_recipients, message_bodies, messages, outbox, outbox_queue, users,
    },
    threads::{self, Addition},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::EmailAddress,
    ids::{AttachmentId, MailboxId, MessageId, ThreadId, WorkspaceId},
    message::{Position, RfcMessageId},
    refusal::Refusal,
    reply::{Quoted, Recipients, Written, token_of},
};
use std::collections::HashMap;
use uuid::Uuid;

/// The files of a mail have at most so many bytes together: more than most servers take once they are encoded.
const MAX_FILES: i64 = 25 * 1024 * 1024;

/// A mail that was accepted.
pub(crate) struct Accepted {
    pub(crate) position: Position,
    pub(crate) shown: Shown,
}

/// The message that is answered.
pub(crate) struct Answered {
    pub(crate) message_id: RfcMessageId,
    pub(crate) references: Vec<RfcMessageId>,
    /// The thread's token, where we have written in it before.
    pub(crate) token: Option<RfcMessageId>,
    author: String,
    at: DateTime<Utc>,
    body: Written,
}

type AnsweredRow = (
    (String, Vec<String>, Vec<String>),
    (Option<String>, String, Option<String>, Option<String>, Option<String>),
    (Option<DateTime<Utc>>, DateTime<Utc>, String, Option<String>),
);

/// Loads the message to answer.
pub(crate) async fn answered(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    id: MessageId,
) -> Result<Answered, StoreError> {
    let row: AnsweredRow = messages::table
        .inner_join(
            message_bodies::table.on(message_bodies::workspace_id
                .eq(messages::workspace_id)
                .and(message_bodies::message_id.eq(messages::id))),
        )
        .left_join(
            users::table.on(users::workspace_id
                .eq(messages::workspace_id)
                .and(users::id.nullable().eq(messages::author_user_id))),
        )
        .left_join(
            contacts::table.on(contacts::workspace_id
                .eq(messages::workspace_id)
                .and(contacts::id.nullable().eq(messages::author_contact_id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::id.eq(id.0))
        .select((
            (messages::rfc_message_id, message_bodies::refs, message_bodies::in_reply_to),
            (
                messages::from_name,
                messages::from_address,
                users::name.nullable(),
                contacts::first_name.nullable(),
                contacts::last_name.nullable(),
            ),
            (messages::sent_at, messages::received_at, message_bodies::text, message_bodies::html),
        ))
        .first(&mut tx.conn())
        .await?;
    let ((message_id, refs, in_reply_to), (from_name, address, user, first, last), rest) = row;
    let (sent_at, received_at, text, html) = rest;
    // RFC 5322, 3.6.4: without References, the one id of In-Reply-To stands for them.
    let line = if refs.is_empty() && in_reply_to.len() == 1 { in_reply_to } else { refs };
    let contact = full_name(first.as_deref(), last.as_deref(), None);
    let author = user
        .or_else(|| Some(contact).filter(|name| !name.is_empty()))
        .or_else(|| from_name.filter(|name| !name.trim().is_empty()))
        .unwrap_or(address);
    // The quoted mail's own pictures don't go along: without an address nothing is shown in their place.
    let html = html.map(|html| html.replace("src=\"cid:", "data-cid=\""));
    let html = html.unwrap_or_else(|| format!("<pre>{}</pre>", escape(&text)));
    Ok(Answered {
        message_id: RfcMessageId::parse(&message_id)
            .ok_or_else(|| StoreError::Corrupt("a Message-ID that is none".into()))?,
        references: line.iter().filter_map(|id| RfcMessageId::parse(id)).collect(),
        token: token(tx, workspace, thread).await?,
        author,
        at: sent_at.unwrap_or(received_at),
        body: Written { text, html },
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The token that our mails in this thread carry: it stands in any of them.
async fn token(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<Option<RfcMessageId>, StoreError> {
    let refs: Option<Vec<String>> = messages::table
        .inner_join(
            message_bodies::table.on(message_bodies::workspace_id
                .eq(messages::workspace_id)
                .and(message_bodies::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(messages::issued)
        .order(messages::received_at.desc())
        .select(message_bodies::refs)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(refs
        .unwrap_or_default()
        .iter()
        .filter_map(|id| RfcMessageId::parse(id))
        .find(|id| token_of(id).is_some()))
}

/// The answered message as a quote, its time in the writer's time zone.
pub(crate) fn quoted(answered: &Answered, time_zone: &str) -> Quoted {
    let zone: Tz = time_zone.parse().unwrap_or(Tz::UTC);
    Quoted {
        author: answered.author.clone(),
        at: answered.at.with_timezone(&zone).fixed_offset(),
        body: answered.body.clone(),
    }
}

/// The writer's unused uploads, in the order of the mail.
pub(crate) struct Files {
    pub(crate) all: Vec<AttachmentInfo>,
}

impl Files {
    /// Whether any is more than a picture within the text.
    pub(crate) fn any_shown_apart(&self) -> bool {
        self.all.iter().any(|one| !one.inline)
    }
}

/// The writer's uploads for a mail, each still unused; one that the HTML shows is an inline picture. Locks them where
/// they are about to be `taken`.
pub(crate) async fn find_files(
    tx: &Tx,
    actor: &Actor,
    ids: &[AttachmentId],
    html: &str,
    taken: bool,
) -> Result<Files, StoreError> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let unused = attachments::table
        .filter(attachments::workspace_id.eq(actor.workspace_id.0))
        .filter(attachments::id.eq_any(&wanted))
        .filter(attachments::message_id.is_null())
        .filter(attachments::uploaded_by.eq(actor.user_id.0))
        .order(attachments::id)
        .select(FILE);
    let rows: Vec<FileRow> = match taken {
        true => unused.for_update().load(&mut tx.conn()).await?,
        false => unused.load(&mut tx.conn()).await?,
    };
    let mut found: HashMap<AttachmentId, AttachmentInfo> =
        rows.into_iter().map(file_from_row).map(|file| (file.id, file)).collect();
    let mut all = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        // Whoever is named twice is not there any more the second time.
        let mut file = found.remove(id).ok_or(Refusal::UnknownAttachment { index })?;
        file.inline = html.contains(&format!("cid:{id}"));
        file.content_id = file.inline.then(|| id.to_string());
        all.push(file);
    }
    if all.iter().map(|file| file.size).sum::<i64>() > MAX_FILES {
        return Err(Refusal::FilesTooLarge.into());
    }
    Ok(Files { all })
}

/// Gives the files to the message.
pub(crate) async fn take_files(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
    files: &Files,
) -> Result<(), StoreError> {
    let mut conn = tx.conn();
    for (position, file) in (0i32..).zip(&files.all) {
        diesel::update(attachments::table.find((workspace.0, file.id.0)))
            .set((
                attachments::message_id.eq(message.0),
                attachments::unused_since.eq(None::<DateTime<Utc>>),
                attachments::position.eq(position),
                attachments::is_inline.eq(file.inline),
                attachments::content_id.eq(file.content_id.as_deref()),
            ))
            .execute(&mut conn)
            .await?;
    }
    Ok(())
}

/// The message belongs to its thread, and whoever it is addressed to takes part from now on; not our own people.
pub(crate) async fn join_thread<'a>(
    tx: &Tx,
    workspace: WorkspaceId,
    addition: &Addition<'a>,
) -> Result<(), StoreError> {
    let all = addition.parties.iter().chain(&addition.hidden_parties).copied();
    let ours = OwnAddresses::among(tx, workspace, all).await?;
    let external =
        |list: &[&'a EmailAddress]| list.iter().copied().filter(|one| !ours.contains(one)).collect();
    let parties = external(&addition.parties);
    let hidden_parties = external(&addition.hidden_parties);
    let addition = Addition {
        thread: addition.thread,
        own: addition.own,
        named: addition.named.clone(),
        parties,
        hidden_parties,
        at: addition.at,
    };
    threads::add_to_thread(tx, workspace, &addition).await
}

/// Puts the mail into the outbox, to be sent when it can't be taken back any more (RPL-5).
pub(crate) async fn enqueue(
    tx: &Tx,
    workspace: WorkspaceId,
    (message, mailbox): (MessageId, MailboxId),
    recipients: &Recipients,
    request: &serde_json::Value,
    due_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::workspace_id.eq(workspace.0),
            outbox::message_id.eq(message.0),
            outbox::mailbox_id.eq(mailbox.0),
            outbox::request.eq(request),
            outbox::cancel_until.eq(due_at),
            outbox::next_attempt_at.eq(due_at),
        ))
        .execute(&mut tx.conn())
        .await?;
    let rows: Vec<_> = recipients
        .envelope()
        .map(|one| {
            (
                delivery_recipients::workspace_id.eq(workspace.0),
                delivery_recipients::message_id.eq(message.0),
                delivery_recipients::address.eq(one.address.as_str()),
            )
        })
        .collect();
    diesel::insert_into(delivery_recipients::table).values(rows).execute(&mut tx.conn()).await?;
    diesel::insert_into(outbox_queue::table)
        .values((
            outbox_queue::workspace_id.eq(workspace.0),
            outbox_queue::message_id.eq(message.0),
            outbox_queue::due_at.eq(due_at),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
