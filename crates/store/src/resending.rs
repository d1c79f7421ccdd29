//! A mail that did not get through is sent again, because a person says so (SND-3): the same bytes, the same Message-ID, to
//! those alone who don't have it.

use crate::{
    Store, StoreError, audit,
    message_load::load_one,
    messages::{Message, require_visible},
    outbox::{self, announce},
    schema::{delivery_recipients, mailboxes, outbox as mails, outbox_queue},
    transaction::{Tx, database_time},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, MailboxAccess},
    delivery::{DeliveryState, RecipientState, resendable},
    ids::{MailboxId, MessageId, UserId, WorkspaceId},
    refusal::Refusal,
};
use serde_json::{Value, json};
use uuid::Uuid;

impl Store {
    /// Sends a mail again to those whom it failed to reach; with `accept_duplicate` also to those who may have it.
    /// Nobody who has it for certain gets it again. It is due at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for what is no mail of ours that the actor may see; [`Refusal::NoSendingMailbox`] where
    /// the mailbox that it left through is not theirs to send from, or is disconnected; [`StoreError::AlreadySending`]
    /// while a worker has it; [`StoreError::NothingToRetry`] where nothing has failed; [`StoreError::MayDuplicate`].
    pub async fn retry_message(
        &self,
        actor: &Actor,
        id: MessageId,
        accept_duplicate: bool,
    ) -> Result<Message, StoreError> {
        self.write(actor.workspace_id, async |tx| retry(tx, actor, id, accept_duplicate).await).await
    }
}

async fn retry(tx: &Tx, actor: &Actor, id: MessageId, accept_duplicate: bool) -> Result<Message, StoreError> {
    let workspace = actor.workspace_id;
    require_visible(tx, actor, id).await?;
    require_mailbox(tx, actor, id).await?;
    let key = (workspace.0, id.0);
    let leased: Option<Option<DateTime<Utc>>> = outbox_queue::table
        .find(key)
        .select(outbox_queue::leased_until)
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    let begun: Option<DateTime<Utc>> = mails::table
        .find(key)
        .select(mails::data_started_at)
        .for_no_key_update()
        .first(&mut tx.conn())
        .await?;
    // An attempt whose end is not known yet is settled first.
    if begun.is_some() || leased.flatten() > Some(database_time(tx).await?) {
        return Err(StoreError::AlreadySending);
    }
    let states = outbox::states(tx, workspace, id).await?;
    let again = resendable(&states, accept_duplicate).ok_or(StoreError::NothingToRetry)?;
    if again.is_empty() {
        return Err(StoreError::MayDuplicate);
    }
    queue_again(tx, workspace, id, &again).await?;
    let message = load_one(tx, workspace, id).await?;
    let entry = audit::Entry::new("message.sent_again", "message", id)
        .change(Value::Null, json!({ "accept_duplicate": accept_duplicate }));
    audit::record(tx, actor, entry).await?;
    announce(tx, workspace, id).await?;
    Ok(message)
}

/// Whether the mail is ours to send: through a shared mailbox it is everybody's who sees it, through a personal one its
/// user's alone (ACC-4).
async fn require_mailbox(tx: &Tx, actor: &Actor, id: MessageId) -> Result<(), StoreError> {
    let (mailbox, user, active): (Uuid, Option<Uuid>, bool) = mails::table
        .inner_join(
            mailboxes::table
                .on(mailboxes::workspace_id.eq(mails::workspace_id).and(mailboxes::id.eq(mails::mailbox_id))),
        )
        .filter(mails::workspace_id.eq(actor.workspace_id.0))
        .filter(mails::message_id.eq(id.0))
        .select((mailboxes::id, mailboxes::user_id, mailboxes::active))
        .first(&mut tx.conn())
        .await?;
    let access = MailboxAccess { id: MailboxId(mailbox), user_id: user.map(UserId), active };
    if access.may_send(actor.user_id) { Ok(()) } else { Err(Refusal::NoSendingMailbox.into()) }
}

/// Those in one of these states wait again; the day after which they are given up begins anew.
async fn queue_again(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MessageId,
    again: &[RecipientState],
) -> Result<(), StoreError> {
    let at = Utc::now();
    let names = again.iter().map(|state| state.as_str());
    diesel::update(
        delivery_recipients::table
            .filter(delivery_recipients::workspace_id.eq(workspace.0))
            .filter(delivery_recipients::message_id.eq(id.0))
            .filter(delivery_recipients::state.eq_any(names)),
    )
    .set((
        delivery_recipients::state.eq(RecipientState::Queued.as_str()),
        delivery_recipients::code.eq(None::<i32>),
        delivery_recipients::error.eq(None::<String>),
        delivery_recipients::updated_at.eq(at),
    ))
    .execute(&mut tx.conn())
    .await?;
    let state = DeliveryState::of(&outbox::states(tx, workspace, id).await?);
    let doubtful = again.contains(&RecipientState::Unknown);
    diesel::update(mails::table.find((workspace.0, id.0)))
        .set((
            mails::state.eq(state.as_str()),
            mails::may_have_left.eq(mails::may_have_left.or(doubtful.into_sql::<diesel::sql_types::Bool>())),
            mails::attempts.eq(0),
            mails::first_attempt_at.eq(None::<DateTime<Utc>>),
            mails::cancel_until.eq(None::<DateTime<Utc>>),
            mails::next_attempt_at.eq(at),
            mails::finished_at.eq(None::<DateTime<Utc>>),
            mails::error.eq(None::<String>),
            mails::updated_at.eq(at),
        ))
        .execute(&mut tx.conn())
        .await?;
    let free = (
        outbox_queue::due_at.eq(at),
        outbox_queue::lease_token.eq(None::<Uuid>),
        outbox_queue::leased_until.eq(None::<DateTime<Utc>>),
    );
    diesel::insert_into(outbox_queue::table)
        .values((outbox_queue::workspace_id.eq(workspace.0), outbox_queue::message_id.eq(id.0), free))
        .on_conflict((outbox_queue::workspace_id, outbox_queue::message_id))
        .do_update()
        .set(free)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}
