//! The parts of accepting a mail that touch other tables: the message that is answered, uploaded files, the outbox.

use crate::{
    aggregate::Shown,
    correspondents::{OwnAddresses, full_name},
    error::StoreError,
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

/// Gives the writer's uploads to the message; one that the HTML shows becomes an inline picture. True where any is not.
pub(crate) async fn take_attachments(
    tx: &Tx,
    actor: &Actor,
    message: MessageId,
    ids: &[AttachmentId],
    html: &str,
) -> Result<bool, StoreError> {
    let mut any_shown_apart = false;
    for (index, id) in ids.iter().enumerate() {
        let content_id = id.to_string();
        let inline = html.contains(&format!("cid:{content_id}"));
        let taken = diesel::update(attachments::table.find((actor.workspace_id.0, id.0)))
            .filter(attachments::message_id.is_null())
            .filter(attachments::uploaded_by.eq(actor.user_id.0))
            .set((
                attachments::message_id.eq(message.0),
                attachments::position.eq(i32::try_from(index).unwrap_or(i32::MAX)),
                attachments::is_inline.eq(inline),
                attachments::content_id.eq(inline.then_some(content_id)),
            ))
            .execute(&mut tx.conn())
            .await?;
        if taken != 1 {
            return Err(Refusal::UnknownAttachment { index }.into());
        }
        any_shown_apart |= !inline;
    }
    Ok(any_shown_apart)
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
    message: MessageId,
    mailbox: MailboxId,
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
