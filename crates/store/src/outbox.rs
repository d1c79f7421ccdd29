//! What the delivery worker does to a mail that is to be sent (SND-1 to SND-4): claim it, take its attempts, record each
//! answer, and settle what an attempt has left open when it was cut off.

mod outcome;

pub use outcome::RecipientOutcome;

use crate::{
    Store, StoreError,
    events::{self, EventKind, NewEvent},
    schema::{conversations, delivery_recipients as recipients, messages, outbox, outbox_queue as queue},
    transaction::{Tx, database_time},
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::EmailAddress,
    delivery::{DeliveryState, RecipientState, next_attempt},
    ids::{ConversationId, MailboxId, MessageId, UserId, WorkspaceId},
};
use std::time::Duration;
use uuid::Uuid;

/// The right to deliver one mail, until it lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The mail.
    pub message_id: MessageId,
    /// What tells this lease from later ones.
    pub token: Uuid,
}

impl Store {
    /// Claims mails that are due and that nobody holds, for so long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_deliveries(
        &self,
        limit: i64,
        lease: Duration,
    ) -> Result<Vec<DeliveryLease>, StoreError> {
        let lease = seconds(lease);
        self.write_global(async |tx| {
            let now = database_time(tx).await?;
            let due: Vec<(Uuid, Uuid)> = queue::table
                .filter(queue::due_at.le(now))
                .filter(queue::leased_until.is_null().or(queue::leased_until.lt(now)))
                .order(queue::due_at)
                .limit(limit)
                .select((queue::workspace_id, queue::message_id))
                .for_update()
                .skip_locked()
                .load(&mut tx.conn())
                .await?;
            let mut claimed = Vec::with_capacity(due.len());
            for (workspace, message) in due {
                let token = Uuid::new_v4();
                diesel::update(queue::table.find((workspace, message)))
                    .set((queue::lease_token.eq(token), queue::leased_until.eq(now + lease)))
                    .execute(&mut tx.conn())
                    .await?;
                claimed.push(DeliveryLease {
                    workspace_id: WorkspaceId(workspace),
                    message_id: MessageId(message),
                    token,
                });
            }
            Ok(claimed)
        })
        .await
    }

    /// Holds a lease for so long from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where it has lapsed and somebody else has it, or the mail is done.
    pub async fn renew_delivery(&self, lease: &DeliveryLease, time: Duration) -> Result<(), StoreError> {
        self.write_global(async |tx| {
            let until = database_time(tx).await? + seconds(time);
            let renewed = diesel::update(queue::table.find((lease.workspace_id.0, lease.message_id.0)))
                .filter(queue::lease_token.eq(lease.token))
                .set(queue::leased_until.eq(until))
                .execute(&mut tx.conn())
                .await?;
            if renewed == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
        })
        .await
    }

    /// Gives the lease back; the mail is due again at this time.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn postpone_delivery(
        &self,
        lease: &DeliveryLease,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_global(async |tx| put_back(tx, lease, due_at).await).await
    }

    /// Begins an attempt: it is counted, and what waits is being sent.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], also where an earlier attempt's end is not known: that is settled first.
    pub async fn begin_attempt(&self, lease: &DeliveryLease) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            let begun = diesel::update(outbox::table.find((lease.workspace_id.0, lease.message_id.0)))
                .filter(outbox::data_started_at.is_null())
                .set((
                    outbox::state.eq(DeliveryState::Sending.as_str()),
                    outbox::attempts.eq(outbox::attempts + 1),
                    outbox::first_attempt_at.eq(coalesce(outbox::first_attempt_at, Utc::now())),
                    outbox::attempt_token.eq(lease.token),
                    outbox::next_attempt_at.eq(None::<DateTime<Utc>>),
                    outbox::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            if begun != 1 {
                return Err(StoreError::LeaseLost);
            }
            diesel::update(of_message(lease))
                .filter(recipients::state.eq(RecipientState::Queued.as_str()))
                .set(recipients::state.eq(RecipientState::Sending.as_str()))
                .execute(&mut tx.conn())
                .await?;
            announce(tx, lease.workspace_id, lease.message_id).await
        })
        .await
    }

    /// Commits that the body is about to be sent: from here on the mail may have left (SND-3).
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: the body must not be sent.
    pub async fn begin_data(&self, lease: &DeliveryLease) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            let begun = diesel::update(outbox::table.find((lease.workspace_id.0, lease.message_id.0)))
                .filter(outbox::attempt_token.eq(lease.token))
                .filter(outbox::data_started_at.is_null())
                .set(outbox::data_started_at.eq(Utc::now()))
                .execute(&mut tx.conn())
                .await?;
            if begun == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
        })
        .await
    }

    /// Records what the attempt has come to and settles what is next: another attempt, a look at the Sent folder, or
    /// nothing. A recipient that was put off for a day is given up.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn finish_attempt(
        &self,
        lease: &DeliveryLease,
        outcomes: Vec<(EmailAddress, RecipientOutcome)>,
        first_retry: chrono::Duration,
        jitter: f64,
    ) -> Result<DeliveryState, StoreError> {
        let outcomes = &outcomes;
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            let now = Utc::now();
            let (attempts, first_attempt_at): (i32, Option<DateTime<Utc>>) = outbox::table
                .find((lease.workspace_id.0, lease.message_id.0))
                .filter(outbox::attempt_token.eq(lease.token))
                .select((outbox::attempts, outbox::first_attempt_at))
                .for_no_key_update()
                .first(&mut tx.conn())
                .await
                .optional()?
                .ok_or(StoreError::LeaseLost)?;
            let attempts = u32::try_from(attempts).unwrap_or(0);
            let began_at = first_attempt_at.unwrap_or(now);
            let retry_at = next_attempt(attempts, began_at, now, first_retry, jitter);
            let mut lost = false;
            for (address, outcome) in outcomes {
                let mut state = outcome.state();
                if state == RecipientState::Queued && retry_at.is_none() {
                    state = RecipientState::Failed;
                }
                lost |= matches!(outcome, RecipientOutcome::Unknown { .. });
                set_recipient(tx, lease, address, state, outcome.code(), outcome.text()).await?;
            }
            let next = if lost { Next::Lost } else { Next::Known(retry_at) };
            settle(tx, lease, next, now).await
        })
        .await
    }

    /// Settles an attempt whose answer was lost, after the Sent folder was searched: there it is, or nobody knows (SND-3).
    /// It is never sent again by itself.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn resolve_lost(
        &self,
        lease: &DeliveryLease,
        found: bool,
    ) -> Result<DeliveryState, StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            let now = Utc::now();
            // A copy may be an earlier attempt's, which reached others: it proves nothing then.
            let before = states(tx, lease.workspace_id, lease.message_id).await?;
            let proven = found && !before.contains(&RecipientState::Sent);
            let (state, why) = if proven {
                (RecipientState::Sent, None)
            } else {
                (
                    RecipientState::Unknown,
                    Some("The server's answer was lost: it may have reached this recipient."),
                )
            };
            diesel::update(of_message(lease))
                .filter(recipients::state.eq(RecipientState::Sending.as_str()))
                .set((
                    recipients::state.eq(state.as_str()),
                    recipients::error.eq(why),
                    recipients::updated_at.eq(now),
                ))
                .execute(&mut tx.conn())
                .await?;
            if found {
                diesel::update(outbox::table.find((lease.workspace_id.0, lease.message_id.0)))
                    .set(outbox::sent_copy_at.eq(now))
                    .execute(&mut tx.conn())
                    .await?;
            }
            settle(tx, lease, Next::Known(Some(now)), now).await
        })
        .await
    }

    /// The Sent folder has the mail (SND-4), or is not to have it: nothing is left to do.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn copy_filed(&self, lease: &DeliveryLease) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            hold(tx, lease).await?;
            diesel::update(outbox::table.find((lease.workspace_id.0, lease.message_id.0)))
                .set(outbox::sent_copy_at.eq(Utc::now()))
                .execute(&mut tx.conn())
                .await?;
            settle(tx, lease, Next::Known(Some(Utc::now())), Utc::now()).await?;
            Ok(())
        })
        .await
    }
}

fn seconds(time: Duration) -> chrono::Duration {
    chrono::Duration::from_std(time).unwrap_or(chrono::Duration::MAX)
}

diesel::define_sql_function! {
    /// The first of the two that is there.
    fn coalesce(kept: Nullable<Timestamptz>, new: Timestamptz) -> Nullable<Timestamptz>;
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of_message<'a>(lease: &'a DeliveryLease) -> _ {
    let (workspace, message): (Uuid, Uuid) = (lease.workspace_id.0, lease.message_id.0);
    recipients::table
        .filter(recipients::workspace_id.eq(workspace))
        .filter(recipients::message_id.eq(message))
}

/// Refuses where the lease is not ours any more; holds its row till the transaction ends.
pub(crate) async fn hold(tx: &Tx, lease: &DeliveryLease) -> Result<(), StoreError> {
    let until: Option<Option<DateTime<Utc>>> = queue::table
        .find((lease.workspace_id.0, lease.message_id.0))
        .filter(queue::lease_token.eq(lease.token))
        .select(queue::leased_until)
        .for_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    match until.flatten() {
        Some(until) if until > database_time(tx).await? => Ok(()),
        _ => Err(StoreError::LeaseLost),
    }
}

async fn put_back(tx: &Tx, lease: &DeliveryLease, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = diesel::update(queue::table.find((lease.workspace_id.0, lease.message_id.0)))
        .filter(queue::lease_token.eq(lease.token))
        .set((
            queue::due_at.eq(due_at),
            queue::lease_token.eq(None::<Uuid>),
            queue::leased_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(&mut tx.conn())
        .await?;
    if done == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

async fn set_recipient(
    tx: &Tx,
    lease: &DeliveryLease,
    address: &EmailAddress,
    state: RecipientState,
    code: Option<i32>,
    text: Option<&str>,
) -> Result<(), StoreError> {
    diesel::update(recipients::table.find((lease.workspace_id.0, lease.message_id.0, address.as_str())))
        // The report that it came back may be read before the answer that it was taken is recorded.
        .filter(recipients::state.ne(RecipientState::Bounced.as_str()))
        .set((
            recipients::state.eq(state.as_str()),
            recipients::code.eq(code),
            recipients::error.eq(text.map(|text| text.replace('\0', ""))),
            recipients::updated_at.eq(Utc::now()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// What waits for its next attempt through this mailbox is tried at once. What has not been tried yet keeps its time: it
/// may still be taken back.
pub(crate) async fn hurry(tx: &Tx, workspace: WorkspaceId, mailbox: MailboxId) -> Result<(), StoreError> {
    let now = Utc::now();
    let waiting: Vec<Uuid> = outbox::table
        .filter(outbox::workspace_id.eq(workspace.0))
        .filter(outbox::mailbox_id.eq(mailbox.0))
        .filter(outbox::state.eq(DeliveryState::Queued.as_str()))
        .filter(outbox::attempts.gt(0))
        .select(outbox::message_id)
        .load(&mut tx.conn())
        .await?;
    let free: Vec<Uuid> = diesel::update(queue::table)
        .filter(queue::workspace_id.eq(workspace.0))
        .filter(queue::message_id.eq_any(&waiting))
        .filter(queue::lease_token.is_null())
        .set(queue::due_at.eq(now))
        .returning(queue::message_id)
        .get_results(&mut tx.conn())
        .await?;
    diesel::update(outbox::table)
        .filter(outbox::workspace_id.eq(workspace.0))
        .filter(outbox::message_id.eq_any(&free))
        .set(outbox::next_attempt_at.eq(now))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// What an attempt has left.
#[derive(Clone, Copy)]
enum Next {
    /// The answer was lost: the Sent folder is searched.
    Lost,
    /// Every recipient's answer is known; those that were put off are due then.
    Known(Option<DateTime<Utc>>),
}

/// Brings the mail's own state in line with its recipients', and its queue row with what is left to do.
async fn settle(
    tx: &Tx,
    lease: &DeliveryLease,
    next: Next,
    now: DateTime<Utc>,
) -> Result<DeliveryState, StoreError> {
    let (workspace, message) = (lease.workspace_id, lease.message_id);
    let states = states(tx, workspace, message).await?;
    let state = DeliveryState::of(&states);
    let waiting = states.contains(&RecipientState::Queued);
    let any_sent = states.contains(&RecipientState::Sent);
    let retry_at = match next {
        Next::Known(at) if waiting => at,
        _ => None,
    };
    let this = outbox::table.find((workspace.0, message.0));
    let finished = state.is_final().then_some(now);
    diesel::update(this)
        .set((
            outbox::state.eq(state.as_str()),
            outbox::next_attempt_at.eq(retry_at),
            outbox::finished_at.eq(finished),
            outbox::updated_at.eq(now),
        ))
        .execute(&mut tx.conn())
        .await?;
    if let Next::Known(_) = next {
        // The attempt's end is known: the next one may begin.
        diesel::update(this)
            .set(outbox::data_started_at.eq(None::<DateTime<Utc>>))
            .execute(&mut tx.conn())
            .await?;
    }
    let copied: Option<DateTime<Utc>> = this.select(outbox::sent_copy_at).first(&mut tx.conn()).await?;
    match (next, retry_at) {
        (Next::Lost, _) => put_back(tx, lease, now).await?,
        (Next::Known(_), Some(at)) => put_back(tx, lease, at).await?,
        (Next::Known(_), None) if any_sent && copied.is_none() => put_back(tx, lease, now).await?,
        (Next::Known(_), None) => {
            diesel::delete(queue::table.find((workspace.0, message.0))).execute(&mut tx.conn()).await?;
        }
    }
    announce(tx, workspace, message).await?;
    Ok(state)
}

pub(crate) async fn states(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
) -> Result<Vec<RecipientState>, StoreError> {
    let names: Vec<String> = recipients::table
        .filter(recipients::workspace_id.eq(workspace.0))
        .filter(recipients::message_id.eq(message.0))
        .select(recipients::state)
        .load(&mut tx.conn())
        .await?;
    names
        .iter()
        .map(|name| {
            RecipientState::from_name(name).ok_or_else(|| StoreError::Corrupt("a recipient's state".into()))
        })
        .collect()
}

/// Tells that a mail's delivery has changed: the transaction's last step.
pub(crate) async fn announce(tx: &Tx, workspace: WorkspaceId, message: MessageId) -> Result<(), StoreError> {
    let thread = messages::table.find((workspace.0, message.0)).select(messages::thread_id);
    let conversation: Option<(Uuid, Uuid)> = conversations::table
        .filter(conversations::workspace_id.eq(workspace.0))
        .filter(conversations::thread_id.nullable().eq(thread.single_value()))
        .select((conversations::id, conversations::owner_id))
        .first(&mut tx.conn())
        .await
        .optional()?;
    let event = NewEvent {
        conversation: conversation.map(|(id, _)| ConversationId(id)),
        owners: conversation.map(|(_, owner)| (UserId(owner), UserId(owner))),
        ..NewEvent::of(EventKind::MessageUpdated, None, message)
    };
    events::append(tx, workspace, &[event]).await
}
