//! One request sent twice is carried out once (RPL-7): key, effect and answer commit together.

use crate::{Store, error::StoreError, schema::idempotency_keys as keys, transaction::Tx};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{UserId, WorkspaceId};
use sha2::{Digest, Sha256};

/// An answer is given again for so long; later the key is as good as new.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// A request's `Idempotency-Key` with what it was used for. The key's scope is the workspace and the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// Who asks.
    pub user: UserId,
    /// The key as the client chose it, 1 to 255 characters.
    pub key: String,
    /// A keyed digest over method, path and body: the same key with another one is refused.
    pub fingerprint: [u8; 32],
}

/// An answer as it was given the first time. Only successful ones are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// What became of a request that may have been sent before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was carried out now.
    Done(T),
    /// It had been carried out before; nothing happened now.
    Replayed(StoredAnswer),
}

/// Carries out `effect` unless the claim's request was carried out before, and keeps the answer to it. Without a claim
/// it is simply carried out. `effect` is a future that does nothing before it is awaited, which a replay never does.
///
/// # Errors
/// [`StoreError::KeyInProgress`] while the first request still runs, [`StoreError::KeyReused`] where it was another
/// request, and whatever `effect` fails with.
pub(crate) async fn with_idempotency<T>(
    tx: &Tx,
    workspace: WorkspaceId,
    claim: Option<&IdempotencyClaim>,
    effect: impl Future<Output = Result<T, StoreError>>,
    answer: impl Fn(&T) -> StoredAnswer,
) -> Result<Outcome<T>, StoreError> {
    let Some(claim) = claim else {
        return effect.await.map(Outcome::Done);
    };
    lock(tx, workspace, claim).await?;
    if let Some(stored) = look_up(tx, workspace, claim).await? {
        return Ok(Outcome::Replayed(stored));
    }
    let done = effect.await?;
    keep(tx, workspace, claim, &answer(&done)).await?;
    Ok(Outcome::Done(done))
}

impl Store {
    /// The answer that was given to this very request before, for what has to be done outside before it is carried out
    /// and can be done once only. Carrying it out asks again.
    ///
    /// # Errors
    /// [`StoreError::KeyInProgress`], [`StoreError::KeyReused`].
    pub async fn answered_before(
        &self,
        workspace: WorkspaceId,
        claim: &IdempotencyClaim,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        self.write(workspace, async |tx| {
            lock(tx, workspace, claim).await?;
            look_up(tx, workspace, claim).await
        })
        .await
    }
}

/// Held until the transaction ends. Taken before looking, in a statement of its own: what the first request committed
/// is then visible to the look-up.
async fn lock(tx: &Tx, workspace: WorkspaceId, claim: &IdempotencyClaim) -> Result<(), StoreError> {
    let free: bool = diesel::select(pg_try_advisory_xact_lock(lock_number(workspace, claim)))
        .get_result(&mut tx.conn())
        .await?;
    if free { Ok(()) } else { Err(StoreError::KeyInProgress) }
}

diesel::define_sql_function! {
    /// Takes the lock until the end of the transaction, or tells at once that somebody else has it.
    fn pg_try_advisory_xact_lock(number: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

fn lock_number(workspace: WorkspaceId, claim: &IdempotencyClaim) -> i64 {
    let digest = Sha256::new()
        .chain_update("postroom idempotency")
        .chain_update(workspace.0.as_bytes())
        .chain_update(claim.user.0.as_bytes())
        .chain_update(&claim.key)
        .finalize();
    digest.iter().take(8).fold(0, |number, &byte| (number << 8) | i64::from(byte))
}

async fn look_up(
    tx: &Tx,
    workspace: WorkspaceId,
    claim: &IdempotencyClaim,
) -> Result<Option<StoredAnswer>, StoreError> {
    type Row = (Vec<u8>, i16, Option<String>, Vec<u8>);
    let row: Option<Row> = keys::table
        .find((workspace.0, claim.user.0, &claim.key))
        .filter(keys::created_at.gt(Utc::now() - KEPT))
        .select((keys::fingerprint, keys::status, keys::location, keys::body))
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some((fingerprint, status, location, body)) = row else {
        return Ok(None);
    };
    if fingerprint != claim.fingerprint {
        return Err(StoreError::KeyReused);
    }
    let status = u16::try_from(status).map_err(|_| StoreError::Corrupt("a stored answer's status".into()))?;
    Ok(Some(StoredAnswer { status, location, body }))
}

async fn keep(
    tx: &Tx,
    workspace: WorkspaceId,
    claim: &IdempotencyClaim,
    answer: &StoredAnswer,
) -> Result<(), StoreError> {
    let status =
        i16::try_from(answer.status).map_err(|_| StoreError::Corrupt("an answer's status".into()))?;
    let row = (
        keys::fingerprint.eq(claim.fingerprint.as_slice()),
        keys::status.eq(status),
        keys::location.eq(answer.location.as_deref()),
        keys::body.eq(answer.body.as_slice()),
        keys::created_at.eq(Utc::now()),
    );
    diesel::insert_into(keys::table)
        .values((
            keys::workspace_id.eq(workspace.0),
            keys::user_id.eq(claim.user.0),
            keys::key.eq(&claim.key),
            row,
        ))
        // Only one that is too old to be looked up can stand here.
        .on_conflict((keys::workspace_id, keys::user_id, keys::key))
        .do_update()
        .set(row)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

impl crate::Store {
    /// Deletes the answers of a workspace that are no longer given again, and tells how many.
    pub(crate) async fn purge_idempotency_keys(
        &self,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        self.write(workspace, async |tx| {
            Ok(diesel::delete(keys::table)
                .filter(keys::workspace_id.eq(workspace.0))
                .filter(keys::created_at.le(now - KEPT))
                .execute(&mut tx.conn())
                .await?)
        })
        .await
    }
}
