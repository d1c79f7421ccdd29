//! What providers have granted (OAuth 2): the refresh token of a mailbox that signs in without a password, and the access
//! token that its workers share. One process asks the provider at a time; the others wait for what it gets.

use crate::{
    Store,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    mailbox::MailboxState,
    mailbox_queue,
    schema::{mailbox_grants as grants, mailboxes},
    seal::Place,
    transaction::{Tx, database_time},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::ids::{MailboxId, WorkspaceId};
use secrecy::SecretString;
use std::time::Duration;
use uuid::Uuid;

/// What the owner of a mailbox reads whose grant has ended.
pub const SIGN_IN_NEEDED: &str = "needs sign-in again";

/// A new access token is asked for when this much of the old one's time is left.
const EARLY: TimeDelta = TimeDelta::minutes(5);

/// What a provider's token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Signs in for a while.
    pub access_token: SecretString,
    /// How long it does.
    pub lasts: Duration,
    /// Gets the next one. A refresh need not give another one: the old one stays then.
    pub refresh_token: Option<SecretString>,
}

/// A grant of a provider's, for a mailbox to be connected with.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The provider, by the operator's name for it.
    pub provider: String,
    /// Signs in for a while.
    pub access_token: SecretString,
    /// How long it does.
    pub lasts: Duration,
    /// Gets the next one.
    pub refresh_token: SecretString,
}

/// An access token that a mailbox signs in with.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: SecretString,
    /// Counts the grant's tokens: which one it is, without naming it.
    pub number: i64,
}

/// The right, and the duty, to ask the provider for a mailbox's next access token.
#[derive(Clone, Debug)]
pub struct Asking {
    workspace: WorkspaceId,
    mailbox: MailboxId,
    /// What tells it from others.
    token: Uuid,
    /// What is shown to the provider.
    pub refresh_token: SecretString,
    /// So often it was asked in vain since it last answered.
    pub failures: u32,
    /// The old access token, where it is still good for a little.
    pub meanwhile: Option<AccessToken>,
}

/// Why a provider gave no token, where that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskFault {
    /// It could not be asked, or can't answer now.
    Unavailable,
    /// It does not take Postroom's registration.
    Registration,
}

impl AskFault {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Registration => "registration",
        }
    }
}

/// How a mailbox stands with its provider.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Here is a token.
    Ready(AccessToken),
    /// There is none, and whoever hears this is to get one.
    Ask(Asking),
    /// Somebody else is getting one.
    Wait,
    /// The provider was asked in vain, for this reason, and is left alone for now.
    Later(AskFault),
    /// It refuses to go on; the mailbox's owner must sign in there again.
    Revoked,
}

type Row = (
    (Vec<u8>, Option<Vec<u8>>, i64),
    (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    (Option<DateTime<Utc>>, i32, Option<DateTime<Utc>>, Option<String>, bool),
);

impl Store {
    /// The mailbox's access token. Where there is none that lasts, the first to ask is told to get one, and has `lease` for
    /// that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the mailbox signs in otherwise, [`StoreError::Secret`].
    pub async fn access_token(
        &self,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        lease: Duration,
    ) -> Result<Standing, StoreError> {
        self.write(workspace, async |tx| {
            let this = grants::table.find((workspace.0, mailbox.0));
            let row: Row = this
                .select((
                    (grants::refresh_token, grants::access_token, grants::number),
                    (grants::renew_at, grants::expires_at),
                    (
                        grants::asking_until,
                        grants::failures,
                        grants::retry_at,
                        grants::fault,
                        grants::revoked,
                    ),
                ))
                .for_no_key_update()
                .first(&mut tx.conn())
                .await?;
            let (
                (refresh, access, number),
                (renew_at, expires_at),
                (asking, failures, retry_at, fault, revoked),
            ) = row;
            if revoked {
                return Ok(Standing::Revoked);
            }
            let now = database_time(tx).await?;
            let key = &self.inner.master_key;
            let passed = |moment: Option<DateTime<Utc>>| moment.is_none_or(|moment| moment <= now);
            let good = match access.filter(|_| !passed(expires_at)) {
                Some(sealed) => {
                    let token = key.open_text(Place::AccessToken(workspace, mailbox), &sealed)?;
                    Some(AccessToken { token, number })
                }
                None => None,
            };
            match good {
                Some(token) if !passed(renew_at) => Ok(Standing::Ready(token)),
                meanwhile if passed(asking) && passed(retry_at) => {
                    let token = Uuid::new_v4();
                    let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
                    diesel::update(this)
                        .set((grants::asking_token.eq(token), grants::asking_until.eq(until)))
                        .execute(&mut tx.conn())
                        .await?;
                    Ok(Standing::Ask(Asking {
                        workspace,
                        mailbox,
                        token,
                        refresh_token: key.open_text(Place::RefreshToken(workspace, mailbox), &refresh)?,
                        failures: u32::try_from(failures).unwrap_or(u32::MAX),
                        meanwhile,
                    }))
                }
                Some(token) => Ok(Standing::Ready(token)),
                None if passed(asking) => {
                    let registration = fault.as_deref() == Some(AskFault::Registration.as_str());
                    let fault = if registration { AskFault::Registration } else { AskFault::Unavailable };
                    Ok(Standing::Later(fault))
                }
                None => Ok(Standing::Wait),
            }
        })
        .await
    }

    /// Keeps what the provider gave. Where the mailbox has been connected anew meanwhile, that holds, and this is dropped.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_tokens(&self, asking: &Asking, tokens: &Tokens) -> Result<(), StoreError> {
        let (workspace, mailbox) = (asking.workspace, asking.mailbox);
        let access = &self.seal_text(Place::AccessToken(workspace, mailbox), &tokens.access_token)?;
        let seal = |token| self.seal_text(Place::RefreshToken(workspace, mailbox), token);
        let refresh = &tokens.refresh_token.as_ref().map(seal).transpose()?;
        self.write(workspace, async |tx| {
            let (renew_at, expires_at) = times(database_time(tx).await?, tokens.lasts);
            diesel::update(mine(asking))
                .set((
                    refresh.as_ref().map(|refresh| grants::refresh_token.eq(refresh)),
                    grants::access_token.eq(access),
                    grants::number.eq(grants::number + 1),
                    (grants::renew_at.eq(renew_at), grants::expires_at.eq(expires_at)),
                    (grants::failures.eq(0), grants::retry_at.eq(None::<DateTime<Utc>>)),
                    free(),
                    grants::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// The provider gave nothing, for a reason that may pass: it is asked again after `pause` at the earliest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn asked_in_vain(
        &self,
        asking: &Asking,
        fault: AskFault,
        pause: Duration,
    ) -> Result<(), StoreError> {
        self.write(asking.workspace, async |tx| {
            let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
            let retry_at = database_time(tx).await? + pause;
            diesel::update(mine(asking))
                .set((
                    grants::failures.eq(grants::failures + 1),
                    grants::retry_at.eq(retry_at),
                    grants::fault.eq(fault.as_str()),
                    free(),
                ))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// The provider has ended the grant: nothing is tried any more, and the mailbox's owner is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grant_ended(&self, asking: &Asking) -> Result<(), StoreError> {
        let (workspace, mailbox) = (asking.workspace, asking.mailbox);
        self.write(workspace, async |tx| {
            let ended = diesel::update(mine(asking))
                .set((grants::revoked.eq(true), grants::access_token.eq(None::<Vec<u8>>), free()))
                .execute(&mut tx.conn())
                .await?;
            if ended == 0 {
                return Ok(());
            }
            diesel::update(mailboxes::table.find((workspace.0, mailbox.0)))
                .set((
                    mailboxes::state.eq(MailboxState::Refused.as_str()),
                    mailboxes::last_error.eq(SIGN_IN_NEEDED),
                ))
                .execute(&mut tx.conn())
                .await?;
            // Whoever still reads with the last token finds out.
            mailbox_queue::hurry(tx, workspace, Some(mailbox)).await?;
            let event = NewEvent::of(EventKind::MailboxUpdated, None, mailbox);
            events::append(tx, workspace, &[event]).await
        })
        .await
    }

    /// A server has refused this token: it is not used again. Where there is another one by now, that stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_refused(
        &self,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        token: &AccessToken,
    ) -> Result<(), StoreError> {
        self.write(workspace, async |tx| {
            diesel::update(grants::table.find((workspace.0, mailbox.0)))
                .filter(grants::number.eq(token.number))
                .set(grants::access_token.eq(None::<Vec<u8>>))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }
}

/// When a token that lasts so long is renewed, and when it ends.
fn times(now: DateTime<Utc>, lasts: Duration) -> (DateTime<Utc>, DateTime<Utc>) {
    let lasts = TimeDelta::from_std(lasts).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1));
    (now + lasts - EARLY.min(lasts / 5), now + lasts)
}

/// The grant, as long as nobody else has come to ask for it.
#[diesel::dsl::auto_type(no_type_alias)]
fn mine(asking: &Asking) -> _ {
    let (workspace, mailbox, token): (Uuid, Uuid, Uuid) =
        (asking.workspace.0, asking.mailbox.0, asking.token);
    grants::table
        .filter(grants::workspace_id.eq(workspace))
        .filter(grants::mailbox_id.eq(mailbox))
        .filter(grants::asking_token.eq(token))
}

/// Nobody asks.
#[diesel::dsl::auto_type(no_type_alias)]
fn free() -> _ {
    let (nobody, never): (Option<Uuid>, Option<DateTime<Utc>>) = (None, None);
    (grants::asking_token.eq(nobody), grants::asking_until.eq(never))
}

/// A grant's tokens, sealed.
pub(crate) struct SealedGrant {
    provider: String,
    access_token: Vec<u8>,
    refresh_token: Vec<u8>,
    lasts: Duration,
}

impl Store {
    pub(crate) fn seal_grant(
        &self,
        workspace: WorkspaceId,
        mailbox: MailboxId,
        grant: &NewGrant,
    ) -> Result<SealedGrant, StoreError> {
        Ok(SealedGrant {
            provider: grant.provider.clone(),
            access_token: self.seal_text(Place::AccessToken(workspace, mailbox), &grant.access_token)?,
            refresh_token: self.seal_text(Place::RefreshToken(workspace, mailbox), &grant.refresh_token)?,
            lasts: grant.lasts,
        })
    }
}

/// Puts a grant in the place of what the mailbox had. Whoever asks for the old one's next token is not heard any more.
pub(crate) async fn replace(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    grant: &SealedGrant,
) -> Result<(), StoreError> {
    let (renew_at, expires_at) = times(database_time(tx).await?, grant.lasts);
    remove(tx, workspace, mailbox).await?;
    diesel::insert_into(grants::table)
        .values((
            (grants::workspace_id.eq(workspace.0), grants::mailbox_id.eq(mailbox.0)),
            (
                grants::provider.eq(&grant.provider),
                grants::refresh_token.eq(&grant.refresh_token),
                grants::access_token.eq(&grant.access_token),
            ),
            (grants::renew_at.eq(renew_at), grants::expires_at.eq(expires_at)),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// The mailbox signs in with passwords from now on.
pub(crate) async fn remove(tx: &Tx, workspace: WorkspaceId, mailbox: MailboxId) -> Result<(), StoreError> {
    diesel::delete(grants::table.find((workspace.0, mailbox.0))).execute(&mut tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now = DateTime::UNIX_EPOCH;
        let hour = times(now, Duration::from_secs(3600));
        assert_eq!(hour, (now + TimeDelta::minutes(55), now + TimeDelta::hours(1)));
        let short = times(now, Duration::from_secs(10));
        assert_eq!(short, (now + TimeDelta::seconds(8), now + TimeDelta::seconds(10)));
        let absurd = times(now, Duration::MAX);
        assert_eq!(absurd.1, now + TimeDelta::days(1), "whatever a provider says, it is asked once a day");
    }
}
