//! What the editor begins with (WIN-4): who takes part, whom a reply goes to, and through which mailbox it leaves.

use crate::{
    conversations::Participant,
    correspondents::{OwnAddresses, full_name},
    error::StoreError,
    schema::{contact_emails, contacts, mailboxes, message_recipients, messages, thread_parties, users},
    stream::Card,
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, MailboxAccess},
    address::{EmailAddress, NamedAddress},
    ids::{ContactId, MailboxId, ThreadId, UserId, WorkspaceId},
    message::Direction,
    reply::{DefaultRecipients, LastSender, default_recipients},
};
use uuid::Uuid;

/// Whom a reply goes to unless its writer says otherwise.
pub(crate) fn recipients(
    card: &Card,
    last: Option<&LastSender>,
    participants: &[Participant],
) -> DefaultRecipients {
    let named = |name: &str, email: &str| {
        let address = EmailAddress::parse(email).ok()?;
        let name = Some(name.to_owned()).filter(|name| !name.is_empty() && name != email);
        Some(NamedAddress { name, address })
    };
    let contact = &card.primary_contact;
    let primary = contact.email.as_deref().and_then(|email| named(&contact.name, email));
    let parties: Vec<NamedAddress> =
        participants.iter().filter_map(|one| named(&one.name, &one.email)).collect();
    default_recipients(last, primary.as_ref(), &parties)
}

/// The external people of a thread, with the contacts that they are; not those whom nobody else may learn of (RPL-2).
pub(crate) async fn participants(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<Vec<Participant>, StoreError> {
    type Row = (String, Option<Uuid>, Option<String>, Option<String>, Option<Vec<u8>>);
    let rows: Vec<Row> = thread_parties::table
        .left_join(
            contact_emails::table.on(contact_emails::workspace_id
                .eq(thread_parties::workspace_id)
                .and(contact_emails::address.eq(thread_parties::address))),
        )
        .left_join(
            contacts::table.on(contacts::workspace_id
                .eq(thread_parties::workspace_id)
                .and(contacts::id.nullable().eq(contact_emails::contact_id.nullable()))),
        )
        .filter(thread_parties::workspace_id.eq(workspace.0))
        .filter(thread_parties::thread_id.eq(thread.0))
        .filter(thread_parties::hidden.eq(false))
        .order(thread_parties::address)
        .select((
            thread_parties::address,
            contacts::id.nullable(),
            contacts::first_name.nullable(),
            contacts::last_name.nullable(),
            contacts::avatar_sha256.nullable(),
        ))
        .load(&mut tx.conn())
        .await?;
    let participant = |(email, contact, first, last, avatar): Row| Participant {
        contact_id: contact.map(ContactId),
        name: full_name(first.as_deref(), last.as_deref(), Some(&email)),
        email,
        avatar,
    };
    Ok(rows.into_iter().map(participant).collect())
}

/// The last person who wrote from outside, with the Reply-To they gave.
pub(crate) async fn last_sender(
    tx: &Tx,
    workspace: WorkspaceId,
    thread: ThreadId,
) -> Result<Option<LastSender>, StoreError> {
    type Row = (Uuid, Option<String>, String, bool);
    let last: Option<Row> = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::thread_id.eq(thread.0))
        .filter(messages::direction.eq(Direction::Inbound.as_str()))
        .filter(messages::automatic.eq(false))
        .filter(messages::variant_of.is_null())
        .order((messages::received_at.desc(), messages::id.desc()))
        .select((messages::id, messages::from_name, messages::from_address, messages::sender_known))
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some((id, name, address, known)) = last else { return Ok(None) };
    let Ok(address) = EmailAddress::parse(&address) else { return Ok(None) };
    let reply_to: Option<(Option<String>, String)> = message_recipients::table
        .filter(message_recipients::workspace_id.eq(workspace.0))
        .filter(message_recipients::message_id.eq(id))
        .filter(message_recipients::field.eq("reply_to"))
        .order(message_recipients::position)
        .select((message_recipients::name, message_recipients::address))
        .first(&mut tx.conn())
        .await
        .optional()?;
    let reply_to = reply_to.and_then(|(name, address)| {
        Some(NamedAddress { name, address: EmailAddress::parse(&address).ok()? })
    });
    // A Reply-To that leads back to us is a mistake of the sender's program.
    let ours = OwnAddresses::among(tx, workspace, reply_to.iter().map(|one| &one.address)).await?;
    let reply_to = reply_to.filter(|one| !ours.contains(&one.address));
    Ok(Some(LastSender { from: NamedAddress { name, address }, reply_to, known }))
}

/// Who writes, and through which mailbox (RPL-1).
pub(crate) struct Writer {
    pub(crate) name: String,
    pub(crate) signature_enabled: bool,
    pub(crate) signature_html: String,
    pub(crate) time_zone: String,
    /// The mailbox to send through, and its address.
    pub(crate) address: Option<(MailboxId, EmailAddress)>,
}

/// The actor as a writer: through this mailbox where it is theirs to use, else through their own, else through none.
pub(crate) async fn sender(tx: &Tx, actor: &Actor, preferred: MailboxId) -> Result<Writer, StoreError> {
    let me = users::table.find((actor.workspace_id.0, actor.user_id.0)).select((
        users::name,
        users::signature_enabled,
        users::signature_html,
        users::time_zone,
    ));
    let usable = mailboxes::table
        .filter(mailboxes::workspace_id.eq(actor.workspace_id.0))
        .filter(mailboxes::active)
        .filter(mailboxes::id.eq(preferred.0).or(mailboxes::user_id.eq(actor.user_id.0)))
        .order((mailboxes::created_at, mailboxes::id))
        .select((mailboxes::id, mailboxes::user_id, mailboxes::address));
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let (me, usable) = tokio::try_join!(
        me.first::<(String, bool, String, String)>(&mut first),
        usable.load::<(Uuid, Option<Uuid>, String)>(&mut second)
    )?;
    let mut mine = usable;
    mine.retain(|(id, user, _)| {
        let access = MailboxAccess { id: MailboxId(*id), user_id: user.map(UserId), active: true };
        access.may_send(actor.user_id)
    });
    let chosen = mine.iter().find(|(id, ..)| *id == preferred.0).or_else(|| mine.as_slice().first());
    let address = match chosen {
        Some((id, _, address)) => Some((
            MailboxId(*id),
            EmailAddress::parse(address).map_err(|_| StoreError::Corrupt("a mailbox's address".into()))?,
        )),
        None => None,
    };
    let (name, signature_enabled, signature_html, time_zone) = me;
    Ok(Writer { name, signature_enabled, signature_html, time_zone, address })
}
