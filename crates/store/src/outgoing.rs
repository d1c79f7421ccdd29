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
    threads,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    delivery::DeliveryState,
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
    /// What stands below the answer.
    earlier: Option<Earlier>,
}

/// A message as it is quoted.
struct Earlier {
    author: String,
    at: DateTime<Utc>,
    body: Written,
}

type AnsweredRow = (
    (String, Vec<String>, Vec<String>, Option<String>),
    (Option<String>, String, Option<String>, Option<String>, Option<String>),
    (Option<DateTime<Utc>>, DateTime<Utc>, String, Option<String>),
);

/// Loads the message to answer. One of ours that can still be taken back is answered but not quoted: a quote of it would
/// leave all the same. What stands before it is quoted then.
pub(crate) async fn answered(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    id: MessageId,
) -> Result<Answered, StoreError> {
    let (row, token) = tokio::try_join!(answered_row(tx, workspace, id.0), token(tx, workspace, thread))?;
    let ((message_id, refs, in_reply_to, state), author, content) = row;
    // RFC 5322, 3.6.4: without References, the one id of In-Reply-To stands for them.
    let line = if refs.is_empty() && in_reply_to.len() == 1 { in_reply_to } else { refs };
    let earlier = match state {
        Some(state) if waiting().contains(&state.as_str()) => match last_gone(tx, workspace, thread).await? {
            Some(id) => {
                let (_, author, content) = answered_row(tx, workspace, id).await?;
                Some(earlier(author, content))
            }
            None => None,
        },
        _ => Some(earlier(author, content)),
    };
    Ok(Answered {
        message_id: RfcMessageId::parse(&message_id)
            .ok_or_else(|| StoreError::Corrupt("a Message-ID that is none".into()))?,
        references: line.iter().filter_map(|id| RfcMessageId::parse(id)).collect(),
        token,
        earlier,
    })
}

/// Mails in these states may not have left yet.
fn waiting() -> [&'static str; 2] {
    [DeliveryState::Queued.as_str(), DeliveryState::Sending.as_str()]
}

async fn answered_row(tx: &Tx, workspace: WorkspaceId, id: Uuid) -> Result<AnsweredRow, StoreError> {
    Ok(messages::table
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
        .left_join(
            outbox::table
                .on(outbox::workspace_id.eq(messages::workspace_id).and(outbox::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::id.eq(id))
        .select((
            (
                messages::rfc_message_id,
                message_bodies::refs,
                message_bodies::in_reply_to,
                outbox::state.nullable(),
            ),
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
        .await?)
}

/// The thread's last message that has come in or gone out.
async fn last_gone(tx: &Tx, workspace: WorkspaceId, thread: ThreadId) -> Result<Option<Uuid>, StoreError> {
    Ok(messages::table
        .left_join(
            outbox::table
                .on(outbox::workspace_id.eq(messages::workspace_id).and(outbox::message_id.eq(messages::id))),
        )
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(messages::variant_of.is_null())
        .filter(outbox::state.nullable().is_null().or(outbox::state.ne_all(waiting()).assume_not_null()))
        .order((messages::received_at.desc(), messages::id.desc()))
        .select(messages::id)
        .first(&mut tx.conn())
        .await
        .optional()?)
}

fn earlier(
    (from_name, address, user, first, last): (
        Option<String>,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
    ),
    (sent_at, received_at, text, html): (Option<DateTime<Utc>>, DateTime<Utc>, String, Option<String>),
) -> Earlier {
    let contact = full_name(first.as_deref(), last.as_deref(), None);
    let author = user
        .or_else(|| Some(contact).filter(|name| !name.is_empty()))
        .or_else(|| from_name.filter(|name| !name.trim().is_empty()))
        .unwrap_or(address);
    Earlier { author, at: sent_at.unwrap_or(received_at), body: as_quoted(text, html) }
}

/// A quote has at most so many bytes in each form: a mail of many megabytes would come back whole with every answer, and
/// servers would refuse it.
const MAX_QUOTED: usize = 256 * 1024;

/// A mail as it can stand below another one. A longer one is cut, and so only its text is quoted.
fn as_quoted(mut text: String, html: Option<String>) -> Written {
    if text.len() > MAX_QUOTED {
        text.truncate(text.floor_char_boundary(MAX_QUOTED));
        text.push_str("\n[…]");
    }
    // The quoted mail's own pictures don't go along: without an address nothing is shown in their place.
    let html = html
        .filter(|html| html.len() <= MAX_QUOTED)
        .map(|html| html.replace("src=\"cid:", "data-cid=\""))
        .unwrap_or_else(|| format!("<pre>{}</pre>", escape(&text)));
    Written { text, html }
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

/// What stands below the answer as a quote, its time in the writer's time zone.
pub(crate) fn quoted(answered: &Answered, time_zone: &str) -> Option<Quoted> {
    let earlier = answered.earlier.as_ref()?;
    let zone: Tz = time_zone.parse().unwrap_or(Tz::UTC);
    Some(Quoted {
        author: earlier.author.clone(),
        at: earlier.at.with_timezone(&zone).fixed_offset(),
        body: earlier.body.clone(),
    })
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
    if ids.is_empty() {
        return Ok(Files { all: vec![] });
    }
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

/// Whoever the message is addressed to takes part in its thread from now on; not our own people.
pub(crate) async fn join_thread(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
    recipients: &Recipients,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ours = OwnAddresses::among(tx, workspace, recipients.envelope().map(|one| &one.address)).await?;
    let seen = ours.external(recipients.to.iter().chain(&recipients.cc));
    let hidden = ours.external(recipients.bcc.iter());
    let seen = seen.into_iter().map(|one| (one.address.as_str(), false));
    let hidden = hidden.into_iter().map(|one| (one.address.as_str(), true));
    threads::add_parties(tx, workspace, thread, seen.chain(hidden)).await?;
    threads::reach(tx, workspace, thread, at).await
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
    let queued = (
        outbox_queue::workspace_id.eq(workspace.0),
        outbox_queue::message_id.eq(message.0),
        outbox_queue::due_at.eq(due_at),
    );
    let (mut first, mut second) = (tx.conn(), tx.conn());
    tokio::try_join!(
        diesel::insert_into(delivery_recipients::table).values(rows).execute(&mut first),
        diesel::insert_into(outbox_queue::table).values(queued).execute(&mut second),
    )?;
    Ok(())
}
