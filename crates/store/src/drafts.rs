//! What a draft becomes: who it is from and to, under which subject, with which body. The same for the preview as for the
//! mail that leaves (RPL-9).

use crate::{
    NewMailDraft, ReplyDraft, StoreError, conversations,
    editor::{self, Writer, last_sender, participants, sender},
    outgoing::{self, Answered},
    schema::mailboxes,
    stream::{Card, load_card},
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, MailboxAccess},
    address::EmailAddress,
    ids::{ConversationId, MailboxId, ThreadId, UserId},
    message::Position,
    refusal::Refusal,
    reply::{Body, LastSender, Recipients, compose_body},
    subject::reply_subject,
};
use uuid::Uuid;

/// The conversation that is answered.
pub(crate) struct Place {
    pub(crate) conversation: ConversationId,
    pub(crate) thread: ThreadId,
    pub(crate) mailbox: MailboxId,
    /// Its last message.
    pub(crate) last: Position,
}

/// A draft with all that was left open decided.
pub(crate) struct Prepared {
    pub(crate) writer: Writer,
    pub(crate) mailbox: MailboxId,
    pub(crate) from: EmailAddress,
    pub(crate) recipients: Recipients,
    pub(crate) answered: Option<Answered>,
    pub(crate) subject: String,
    pub(crate) body: Body,
}

/// What stands around a reply.
pub(crate) struct Surroundings {
    pub(crate) card: Card,
    /// The last person who wrote from outside.
    pub(crate) last_sender: Option<LastSender>,
    /// How many parties are no default copies, since they are too many (WIN-4).
    pub(crate) copies_left_out: usize,
}

/// What the writer says that they have seen (RPL-6); `None` where they don't say.
pub(crate) async fn seen(
    tx: &Tx,
    actor: &Actor,
    place: &Place,
    draft: &ReplyDraft,
) -> Result<Option<Position>, StoreError> {
    match draft.last_seen_message_id {
        None => Ok(None),
        Some(id) if id == place.last.id => Ok(Some(place.last)),
        Some(id) => match conversations::position_of(tx, actor.workspace_id, place.thread, id).await {
            Ok(seen) => Ok(Some(seen)),
            Err(StoreError::NotFound) => Err(Refusal::UnknownMessage.into()),
            Err(error) => Err(error),
        },
    }
}

impl Place {
    /// Whether a newer message has come than the writer says that they have seen (RPL-6).
    pub(crate) fn moved_on(&self, seen: Option<Position>) -> bool {
        seen.is_some_and(|seen| seen < self.last)
    }
}

/// Makes a reply of a draft.
pub(crate) async fn prepare_reply(
    tx: &Tx,
    actor: &Actor,
    place: &Place,
    draft: &ReplyDraft,
) -> Result<(Prepared, Surroundings), StoreError> {
    let workspace = actor.workspace_id;
    let (writer, card, people, last_sender, answered) = tokio::try_join!(
        sender(tx, actor, place.mailbox),
        load_card(tx, workspace, place.conversation),
        participants(tx, workspace, place.thread),
        last_sender(tx, workspace, place.thread),
        outgoing::answered(tx, workspace, place.thread, place.last.id),
    )?;
    let (mailbox, from) = writer.address.clone().ok_or(Refusal::NoSendingMailbox)?;
    let defaults = editor::recipients(&card, last_sender.as_ref(), &people);
    let copies_left_out = if draft.cc.is_none() { defaults.copies_left_out } else { 0 };
    let recipients = Recipients::new(
        draft.to.clone().unwrap_or(defaults.to),
        draft.cc.clone().unwrap_or(defaults.cc),
        draft.bcc.clone(),
    )?;
    let quoted = match draft.include_quote {
        true => outgoing::quoted(&answered, &writer.time_zone),
        false => None,
    };
    let body = compose_body(&draft.body, draft.signature.as_ref(), quoted.as_ref())?;
    let subject = reply_subject(&card.subject);
    let prepared = Prepared { writer, mailbox, from, recipients, answered: Some(answered), subject, body };
    Ok((prepared, Surroundings { card, last_sender, copies_left_out }))
}

/// Makes a new mail of a draft.
pub(crate) async fn prepare_new_mail(
    tx: &Tx,
    actor: &Actor,
    draft: &NewMailDraft,
) -> Result<Prepared, StoreError> {
    let mailbox = draft.mailbox_id;
    let row: Option<(Option<Uuid>, bool)> = mailboxes::table
        .find((actor.workspace_id.0, mailbox.0))
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
    let subject = draft.subject.clone();
    Ok(Prepared { writer, mailbox, from, recipients, answered: None, subject, body })
}
