//! What mail that is read tells of mail that was sent: its copy in a Sent folder (SND-3), a report that it came back
//! (MAIL-8).

use crate::{
    error::StoreError,
    outbox::states,
    schema::{delivery_recipients as recipients, messages, outbox},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    delivery::{DeliveryState, RecipientState},
    delivery_words::of_bounce,
    ids::{MessageId, WorkspaceId},
    incoming::BounceReport,
};
use uuid::Uuid;

/// A mail that we issued lies in a Sent folder: it has been sent. True where that was not known yet.
pub(crate) async fn seen_in_sent_folder(
    tx: &Tx,
    workspace: WorkspaceId,
    message: MessageId,
) -> Result<bool, StoreError> {
    let now = Utc::now();
    let this = outbox::table.find((workspace.0, message.0));
    let begun: Option<Option<DateTime<Utc>>> =
        this.select(outbox::data_started_at).for_no_key_update().first(&mut tx.conn()).await.optional()?;
    let Some(begun) = begun else { return Ok(false) };
    diesel::update(this.filter(outbox::sent_copy_at.is_null()))
        .set(outbox::sent_copy_at.eq(now))
        .execute(&mut tx.conn())
        .await?;
    let doubtful: &[&str] = if begun.is_some() {
        &[RecipientState::Sending.as_str(), RecipientState::Unknown.as_str()]
    } else {
        &[RecipientState::Unknown.as_str()]
    };
    if states(tx, workspace, message).await?.contains(&RecipientState::Sent) {
        // The copy may be of the attempt that reached those: it proves nothing of the others.
        return Ok(false);
    }
    let changed = diesel::update(
        recipients::table
            .filter(recipients::workspace_id.eq(workspace.0))
            .filter(recipients::message_id.eq(message.0))
            .filter(recipients::state.eq_any(doubtful)),
    )
    .set((
        recipients::state.eq(RecipientState::Sent.as_str()),
        recipients::error.eq(None::<String>),
        recipients::updated_at.eq(now),
    ))
    .execute(&mut tx.conn())
    .await?;
    if changed > 0 {
        set_state(tx, workspace, message).await?;
    }
    Ok(changed > 0)
}

async fn set_state(tx: &Tx, workspace: WorkspaceId, message: MessageId) -> Result<(), StoreError> {
    let state = DeliveryState::of(&states(tx, workspace, message).await?);
    diesel::update(outbox::table.find((workspace.0, message.0)))
        .set((outbox::state.eq(state.as_str()), outbox::updated_at.eq(Utc::now())))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Marks the mail that a report says came back (MAIL-8), and tells which it was. The recipients that it names, or, where
/// it names none of ours and there was only one, that one.
pub(crate) async fn record_bounce(
    tx: &Tx,
    workspace: WorkspaceId,
    report: &BounceReport,
) -> Result<Option<MessageId>, StoreError> {
    let Some(original) = &report.original else { return Ok(None) };
    let id: Option<Uuid> = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::rfc_message_id.eq(original.as_str()))
        .filter(messages::issued)
        .select(messages::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    outbox::table
        .find((workspace.0, id))
        .select(outbox::message_id)
        .for_no_key_update()
        .first::<Uuid>(&mut tx.conn())
        .await?;
    let ours: Vec<String> = recipients::table
        .filter(recipients::workspace_id.eq(workspace.0))
        .filter(recipients::message_id.eq(id))
        .select(recipients::address)
        .for_no_key_update()
        .load(&mut tx.conn())
        .await?;
    let mut marked = false;
    if let ([only], []) = (ours.as_slice(), report.recipients.as_slice()) {
        marked = mark_bounced(tx, (workspace.0, id, only), &of_bounce(None, "")).await?;
    }
    for failed in &report.recipients {
        let address = match ours.as_slice() {
            [only] if report.recipients.len() == 1 => only.as_str(),
            _ => failed.address.as_str(),
        };
        let reason = of_bounce(failed.status.as_deref(), &failed.reason);
        marked |= mark_bounced(tx, (workspace.0, id, address), &reason).await?;
    }
    if !marked {
        return Ok(None);
    }
    set_state(tx, workspace, MessageId(id)).await?;
    Ok(Some(MessageId(id)))
}

async fn mark_bounced(tx: &Tx, key: (Uuid, Uuid, &str), reason: &str) -> Result<bool, StoreError> {
    let changed = diesel::update(recipients::table.find(key))
        .set((
            recipients::state.eq(RecipientState::Bounced.as_str()),
            recipients::error.eq(reason.replace('\0', "")),
            recipients::updated_at.eq(Utc::now()),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(changed > 0)
}
