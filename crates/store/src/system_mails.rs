//! The mails of Postroom's own: they wait in a queue, for a worker that holds a lease. Sending one twice does no harm, the
//! link in it is good once; losing one would.

use crate::{
    Store,
    account_links::{self, LinkPurpose},
    audit,
    error::StoreError,
    schema::{
        account_links as links, password_reset_requests as requests, sign_ins, system_mail_queue as queue,
        system_mails as mails, users, workspaces,
    },
    seal::Place,
    transaction::{Tx, database_time},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    ids::{UserId, WorkspaceId},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Whoever asks again within this time has a mail on its way already: nobody's mailbox is to be filled through us.
const ASKED_JUST_NOW: TimeDelta = TimeDelta::minutes(1);
/// Who uses one address in more workspaces than this, and names none, gets mails for the first ones.
const MOST_ACCOUNTS: i64 = 10;

/// The right to send one of these mails, until it lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemMailLease {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The mail.
    pub mail_id: Uuid,
    /// What tells this lease from later ones.
    pub token: Uuid,
}

/// A mail to send.
#[derive(Clone, Debug)]
pub struct SystemMail {
    /// Whom to.
    pub to: NamedAddress,
    /// What its link is for.
    pub purpose: LinkPurpose,
    /// The link's token.
    pub token: SecretString,
    /// The workspace's name.
    pub workspace_name: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

impl Store {
    /// Leases up to so many mails that are due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_system_mails(
        &self,
        limit: i64,
        lease: Duration,
    ) -> Result<Vec<SystemMailLease>, StoreError> {
        self.write_global(async |tx| {
            let now = database_time(tx).await?;
            let due: Vec<(Uuid, Uuid)> = queue::table
                .filter(queue::due_at.le(now))
                .filter(queue::leased_until.is_null().or(queue::leased_until.lt(now)))
                .order(queue::due_at)
                .limit(limit)
                .for_update()
                .skip_locked()
                .select((queue::workspace_id, queue::mail_id))
                .load(&mut tx.conn())
                .await?;
            let token = Uuid::new_v4();
            let ids: Vec<Uuid> = due.iter().map(|(_, mail)| *mail).collect();
            diesel::update(queue::table)
                .filter(queue::mail_id.eq_any(ids))
                .set((queue::lease_token.eq(token), queue::leased_until.eq(until(now, lease))))
                .execute(&mut tx.conn())
                .await?;
            let lease_of = |(workspace, mail_id): (Uuid, Uuid)| SystemMailLease {
                workspace_id: workspace.into(),
                mail_id,
                token,
            };
            Ok(due.into_iter().map(lease_of).collect())
        })
        .await
    }

    /// Makes a lease last on from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where it has lapsed, or the mail is not to be sent any more.
    pub async fn renew_system_mail(&self, held: &SystemMailLease, lease: Duration) -> Result<(), StoreError> {
        self.write_global(async |tx| {
            let now = database_time(tx).await?;
            let renewed = diesel::update(queue::table.find((held.workspace_id.0, held.mail_id)))
                .filter(queue::lease_token.eq(held.token))
                .set(queue::leased_until.eq(until(now, lease)))
                .execute(&mut tx.conn())
                .await?;
            if renewed == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
        })
        .await
    }

    /// The mail, where its link is still good. Where it is not, there is nothing to send: the mail is gone.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], [`StoreError::Secret`].
    pub async fn system_mail(&self, lease: &SystemMailLease) -> Result<Option<SystemMail>, StoreError> {
        type Row = (String, String, String, Vec<u8>, String, i32, DateTime<Utc>);
        let workspace = lease.workspace_id;
        let tx = self.begin_read(workspace).await?;
        let row: Option<Row> = mails::table
            .find((workspace.0, lease.mail_id))
            .inner_join(
                users::table
                    .on(users::workspace_id.eq(mails::workspace_id).and(users::id.eq(mails::user_id))),
            )
            .inner_join(workspaces::table.on(workspaces::id.eq(mails::workspace_id)))
            .inner_join(
                links::table.on(links::workspace_id
                    .eq(mails::workspace_id)
                    .and(links::user_id.eq(mails::user_id))
                    .and(links::purpose.eq(mails::purpose))),
            )
            .filter(links::expires_at.gt(Utc::now()))
            .select((
                users::name,
                users::email,
                mails::purpose,
                mails::token,
                workspaces::name,
                mails::attempts,
                mails::created_at,
            ))
            .first(&mut tx.conn())
            .await
            .optional()?;
        tx.commit().await?;
        let Some((name, email, purpose, sealed, workspace_name, attempts, created_at)) = row else {
            self.finish_system_mail(lease).await?;
            return Ok(None);
        };
        let address =
            EmailAddress::parse(&email).map_err(|_| StoreError::Corrupt("a user's address".into()))?;
        let place = Place::SystemMail(workspace, lease.mail_id);
        Ok(Some(SystemMail {
            to: NamedAddress { name: Some(name), address },
            purpose: LinkPurpose::from_name(&purpose)?,
            token: self.inner.master_key.open_text(place, &sealed)?,
            workspace_name,
            attempts: u32::try_from(attempts).unwrap_or(0),
            created_at,
        }))
    }

    /// It is sent, or never will be: nothing of it is kept.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn finish_system_mail(&self, lease: &SystemMailLease) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            let gone = diesel::delete(queue::table.find((lease.workspace_id.0, lease.mail_id)))
                .filter(queue::lease_token.eq(lease.token))
                .execute(&mut tx.conn())
                .await?;
            if gone == 0 {
                return Err(StoreError::LeaseLost);
            }
            diesel::delete(mails::table.find((lease.workspace_id.0, lease.mail_id)))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// It could not be sent now; it is tried again then. Where no attempt was made (`tried` is false), none counts.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn postpone_system_mail(
        &self,
        lease: &SystemMailLease,
        due_at: DateTime<Utc>,
        tried: bool,
    ) -> Result<(), StoreError> {
        self.write(lease.workspace_id, async |tx| {
            let released = diesel::update(queue::table.find((lease.workspace_id.0, lease.mail_id)))
                .filter(queue::lease_token.eq(lease.token))
                .set((
                    queue::due_at.eq(due_at),
                    queue::lease_token.eq(None::<Uuid>),
                    queue::leased_until.eq(None::<DateTime<Utc>>),
                ))
                .execute(&mut tx.conn())
                .await?;
            if released == 0 {
                return Err(StoreError::LeaseLost);
            }
            diesel::update(mails::table.find((lease.workspace_id.0, lease.mail_id)))
                .set(mails::attempts.eq(mails::attempts + i32::from(tried)))
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }

    /// Looks up for whom new passwords were asked, and puts the mails with their links into the queue. Where there is no
    /// such account, nothing happens. Tells how many requests there were; any number of processes may do this at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_password_reset_requests(&self) -> Result<usize, StoreError> {
        type Request = (Uuid, String, Option<String>, Option<String>);
        let tx = self.begin_read_global().await?;
        let waiting: Vec<Request> = requests::table
            .order(requests::created_at)
            .limit(100)
            .select((requests::id, requests::email, requests::workspace, requests::request_id))
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        let count = waiting.len();
        for (id, email, slug, request_id) in waiting {
            for (workspace, user) in self.accounts_of(&email, slug.as_deref()).await? {
                self.answer_for(id, (workspace, user), request_id.as_deref()).await?;
            }
            self.write_global(async |tx| {
                diesel::delete(requests::table.find(id)).execute(&mut tx.conn()).await?;
                Ok(())
            })
            .await?;
        }
        Ok(count)
    }

    async fn accounts_of(
        &self,
        email: &str,
        slug: Option<&str>,
    ) -> Result<Vec<(WorkspaceId, UserId)>, StoreError> {
        let tx = self.begin_read_global().await?;
        let mut query = sign_ins::table
            .inner_join(workspaces::table.on(workspaces::id.eq(sign_ins::workspace_id)))
            .filter(sign_ins::email.eq(email))
            .order(sign_ins::workspace_id)
            .limit(MOST_ACCOUNTS)
            .select((sign_ins::workspace_id, sign_ins::user_id))
            .into_boxed();
        if let Some(slug) = slug {
            query = query.filter(workspaces::slug.eq(slug));
        }
        let found: Vec<(Uuid, Uuid)> = query.load(&mut tx.conn()).await?;
        tx.commit().await?;
        Ok(found.into_iter().map(|(workspace, user)| (workspace.into(), user.into())).collect())
    }

    /// Makes the link and the mail for one account, unless somebody else has taken up the request meanwhile.
    async fn answer_for(
        &self,
        request: Uuid,
        (workspace, user): (WorkspaceId, UserId),
        request_id: Option<&str>,
    ) -> Result<(), StoreError> {
        let purpose = LinkPurpose::PasswordReset;
        self.write(workspace, async |tx| {
            let mine: Option<Uuid> = requests::table
                .find(request)
                .for_update()
                .skip_locked()
                .select(requests::id)
                .first(&mut tx.conn())
                .await
                .optional()?;
            if mine.is_none() || !hold_active(tx, workspace, user).await? {
                return Ok(());
            }
            if asked_just_now(tx, workspace, user).await? {
                return Ok(());
            }
            let token = account_links::issue(tx, workspace, user, purpose).await?;
            account_links::mail(tx, &self.inner.master_key, (workspace, user), purpose, &token).await?;
            let entry = audit::Entry::new("user.password_reset_requested", "user", user)
                .change(Value::Null, json!({ "request_id": request_id }));
            audit::record_by(tx, workspace, None, entry).await
        })
        .await
    }
}

/// Whether the user is active; where they are, nobody else makes them a link meanwhile.
async fn hold_active(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<bool, StoreError> {
    let held: Option<Uuid> = users::table
        .find((workspace.0, user.0))
        .filter(users::active)
        .for_no_key_update()
        .select(users::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(held.is_some())
}

async fn asked_just_now(tx: &Tx, workspace: WorkspaceId, user: UserId) -> Result<bool, StoreError> {
    let since = Utc::now() - ASKED_JUST_NOW;
    let open = links::table
        .filter(links::workspace_id.eq(workspace.0).and(links::user_id.eq(user.0)))
        .filter(links::purpose.eq(LinkPurpose::PasswordReset.as_str()).and(links::created_at.gt(since)));
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(&mut tx.conn()).await?)
}

fn until(now: DateTime<Utc>, lease: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
}
