//! Mailboxes as people see and connect them (ACC-4), and what a worker needs to connect to one.

use crate::{
    Store,
    audit::{self, Entry},
    error::{StoreError, taken},
    events::{self, EventKind, NewEvent},
    further_folders::{self, Reading},
    grants::{self, SealedGrant},
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    mailbox::{
        Credentials, Mailbox, MailboxConnection, MailboxState, NewCredentials, NewMailbox, Ownership,
        Security, SentCopy, Server,
    },
    mailbox_queue,
    mailbox_settings::audited,
    page::Page,
    schema::{mailbox_grants, mailboxes, users, workspaces},
    seal::Place,
    transaction::Tx,
    users::stays_active,
    workspaces::{FeatureState, require_conversations, starts_on},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    conversation::StartsOn,
    ids::{MailboxId, UserId, WorkspaceId},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

#[derive(Queryable, Selectable)]
#[diesel(table_name = mailboxes)]
struct MailboxRow {
    id: Uuid,
    address: String,
    display_name: String,
    user_id: Option<Uuid>,
    default_owner_id: Option<Uuid>,
    conversation_starts_on: Option<String>,
    imap_host: String,
    imap_port: i32,
    imap_security: String,
    imap_username: String,
    smtp_host: String,
    smtp_port: i32,
    smtp_security: String,
    smtp_username: String,
    authserv_id: Option<String>,
    sent_copy: String,
    backfill_days: i32,
    state: String,
    last_error: Option<String>,
    last_synced_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn server(host: String, port: i32, security: &str, username: String) -> Result<Server, StoreError> {
    let port = u16::try_from(port).map_err(|_| StoreError::Corrupt(format!("port {port}")))?;
    Ok(Server { host, port, security: Security::from_name(security)?, username })
}

impl MailboxRow {
    fn into_mailbox(self, provider: Option<String>, reading: &Reading) -> Result<Mailbox, StoreError> {
        Ok(Mailbox {
            folders: reading.named(self.id),
            read_folders: reading.folders(self.id),
            id: self.id.into(),
            address: self.address,
            display_name: self.display_name,
            ownership: match self.user_id {
                Some(user) => Ownership::Personal(user.into()),
                None => Ownership::Shared(self.default_owner_id.map(UserId)),
            },
            conversation_starts_on: self.conversation_starts_on.as_deref().map(starts_on).transpose()?,
            imap: server(self.imap_host, self.imap_port, &self.imap_security, self.imap_username)?,
            smtp: server(self.smtp_host, self.smtp_port, &self.smtp_security, self.smtp_username)?,
            provider,
            authserv_id: self.authserv_id,
            sent_copy: SentCopy::from_name(&self.sent_copy)?,
            backfill_days: u16::try_from(self.backfill_days)
                .map_err(|_| StoreError::Corrupt("backfill_days".into()))?,
            state: MailboxState::from_name(&self.state)?,
            last_error: self.last_error,
            last_synced_at: self.last_synced_at,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// Connects a mailbox (ACC-4): everybody their own, administrators everybody's and shared ones. Nothing is connected
    /// to here; a worker begins to read it at once.
    ///
    /// # Errors
    /// [`StoreError::FeatureNotEnabled`], [`StoreError::RoleNotAllowed`], [`StoreError::ScopeNotAllowed`], [`StoreError::Taken`] (`address`),
    /// [`StoreError::Invalid`] where a user is named who is not an active one, and those of the idempotency key.
    pub async fn create_mailbox(
        &self,
        actor: &Actor,
        new: &NewMailbox,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Mailbox) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Mailbox>, StoreError> {
        let id = MailboxId(Uuid::now_v7());
        let (workspace, answer) = (actor.workspace_id, &answer);
        let secrets = &self.seal_credentials(workspace, id, &new.credentials)?;
        self.write(workspace, async |tx| {
            require_conversations(tx, workspace).await?;
            new.ownership.require_connectable_by(actor)?;
            let effect = async {
                require_active_user(tx, workspace, new.ownership).await?;
                insert_mailbox(tx, workspace, id, new, secrets).await?;
                further_folders::save(tx, workspace, id, &new.folders).await?;
                mailbox_queue::enqueue(tx, workspace, id).await?;
                let mailbox = load_visible(tx, actor, id).await?;
                let entry = Entry::new("mailbox.created", "mailbox", id);
                audit::record(tx, actor, entry.change(Value::Null, audited(&mailbox))).await?;
                let event = NewEvent::of(EventKind::MailboxUpdated, Some(actor.user_id), id);
                events::append(tx, workspace, &[event]).await?;
                Ok(mailbox)
            };
            with_idempotency(tx, workspace, claim, effect, answer).await
        })
        .await
    }

    pub(crate) fn seal_credentials(
        &self,
        workspace: WorkspaceId,
        id: MailboxId,
        credentials: &NewCredentials,
    ) -> Result<SealedCredentials, StoreError> {
        Ok(match credentials {
            NewCredentials::Passwords { imap, smtp } => SealedCredentials::Passwords {
                imap: self.seal_text(Place::Imap(workspace, id), imap)?,
                smtp: self.seal_text(Place::Smtp(workspace, id), smtp)?,
            },
            NewCredentials::Grant(grant) => SealedCredentials::Grant(self.seal_grant(workspace, id, grant)?),
        })
    }

    pub(crate) fn seal_text(&self, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, StoreError> {
        self.inner.master_key.seal(place, secret.expose_secret().as_bytes())
    }

    /// The mailboxes by address: those that the actor may send from; administrators see all. `after` is the last one of
    /// the page before.
    ///
    /// # Errors
    /// [`StoreError::FeatureNotEnabled`].
    pub async fn mailboxes(
        &self,
        actor: &Actor,
        after: Option<&(String, MailboxId)>,
        limit: u16,
    ) -> Result<Page<Mailbox>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let mut query = visible(actor)
            .order((mailboxes::address, mailboxes::id))
            .limit(i64::from(limit) + 1)
            .select(MailboxRow::as_select());
        if let Some((address, id)) = after {
            let further =
                mailboxes::address.gt(address).or(mailboxes::address.eq(address).and(mailboxes::id.gt(id.0)));
            query = query.filter(mailboxes::address.ge(address).and(further));
        }
        require_conversations(&tx, actor.workspace_id).await?;
        let rows: Vec<MailboxRow> = query.load(&mut tx.conn()).await?;
        let mailboxes = with_progress(&tx, actor.workspace_id, rows).await?;
        tx.commit().await?;
        Ok(Page::of(mailboxes, limit))
    }

    /// One mailbox.
    ///
    /// # Errors
    /// [`StoreError::FeatureNotEnabled`], [`StoreError::NotFound`] also where the actor may not send from it.
    pub async fn mailbox(&self, actor: &Actor, id: MailboxId) -> Result<Mailbox, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        require_conversations(&tx, actor.workspace_id).await?;
        let mailbox = load_visible(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(mailbox)
    }

    /// What a worker needs to connect to a mailbox, with the passwords opened.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Secret`].
    pub async fn mailbox_connection(
        &self,
        workspace: WorkspaceId,
        id: MailboxId,
    ) -> Result<MailboxConnection, StoreError> {
        type Secrets = (Option<Vec<u8>>, Option<Vec<u8>>, Option<(String, bool)>);
        type Rest = (DateTime<Utc>, i32, i64, bool, Option<bool>, String);
        let tx = self.begin_read(workspace).await?;
        let (row, (imap, smtp, grant), rest): (MailboxRow, Secrets, Rest) = mailboxes::table
            .find((workspace.0, id.0))
            .inner_join(workspaces::table.on(workspaces::id.eq(mailboxes::workspace_id)))
            .left_join(
                users::table.on(users::workspace_id
                    .eq(mailboxes::workspace_id)
                    .and(users::id.nullable().eq(mailboxes::user_id))),
            )
            .left_join(
                mailbox_grants::table.on(mailbox_grants::workspace_id
                    .eq(mailboxes::workspace_id)
                    .and(mailbox_grants::mailbox_id.eq(mailboxes::id))),
            )
            .select((
                MailboxRow::as_select(),
                (
                    mailboxes::imap_secret,
                    mailboxes::smtp_secret,
                    (mailbox_grants::provider, mailbox_grants::revoked).nullable(),
                ),
                (
                    mailboxes::read_since,
                    mailboxes::login_refusals,
                    mailboxes::credentials_version,
                    mailboxes::active,
                    users::active.nullable(),
                    workspaces::conversations_feature,
                ),
            ))
            .first(&mut tx.conn())
            .await?;
        let folders = further_folders::load(&tx, workspace, id).await?;
        tx.commit().await?;
        let (read_since, refusals, credentials_version, active, user_active, feature) = rest;
        let key = &self.inner.master_key;
        let mailbox = row.into_mailbox(None, &Reading::default())?;
        let revoked = matches!(grant, Some((_, true)));
        let credentials = match (grant, imap, smtp) {
            (Some((provider, _)), ..) => Credentials::Provider(provider),
            (None, Some(imap), Some(smtp)) => Credentials::Passwords {
                imap: key.open_text(Place::Imap(workspace, id), &imap)?,
                smtp: key.open_text(Place::Smtp(workspace, id), &smtp)?,
            },
            (None, ..) => return Err(StoreError::Corrupt("a mailbox without credentials".into())),
        };
        Ok(MailboxConnection {
            id,
            workspace_id: workspace,
            address: mailbox.address,
            imap: mailbox.imap,
            smtp: mailbox.smtp,
            credentials,
            authserv_id: mailbox.authserv_id,
            sent_copy: mailbox.sent_copy,
            read_since,
            folders,
            state: mailbox.state,
            login_refusals: u16::try_from(refusals).unwrap_or(u16::MAX),
            credentials_version,
            revoked,
            // ACC-5: a leaver's own mail is theirs.
            reads: active
                && user_active != Some(false)
                && FeatureState::from_name(&feature)? == FeatureState::Enabled,
        })
    }
}

/// What a mailbox signs in with, sealed.
pub(crate) enum SealedCredentials {
    Passwords { imap: Vec<u8>, smtp: Vec<u8> },
    Grant(SealedGrant),
}

impl SealedCredentials {
    fn passwords(&self) -> (Option<&[u8]>, Option<&[u8]>) {
        match self {
            Self::Passwords { imap, smtp } => (Some(imap), Some(smtp)),
            Self::Grant(_) => (None, None),
        }
    }
}

pub(crate) async fn require_active_user(
    tx: &Tx,
    workspace: WorkspaceId,
    ownership: Ownership,
) -> Result<(), StoreError> {
    let (field, user) = match ownership {
        Ownership::Personal(user) => ("user_id", user),
        Ownership::Shared(Some(user)) => ("default_owner_id", user),
        Ownership::Shared(None) => return Ok(()),
    };
    if stays_active(tx, workspace, user).await? {
        Ok(())
    } else {
        Err(StoreError::Invalid { field, why: "this is not an active user of the workspace" })
    }
}

async fn insert_mailbox(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MailboxId,
    new: &NewMailbox,
    credentials: &SealedCredentials,
) -> Result<(), StoreError> {
    let (kind, user, default_owner) = match new.ownership {
        Ownership::Personal(user) => ("personal", Some(user.0), None),
        Ownership::Shared(owner) => ("shared", None, owner.map(|owner| owner.0)),
    };
    let (imap, smtp) = (&new.imap, &new.smtp);
    let (imap_secret, smtp_secret) = credentials.passwords();
    let now = Utc::now();
    diesel::insert_into(mailboxes::table)
        .values((
            (
                mailboxes::workspace_id.eq(workspace.0),
                mailboxes::id.eq(id.0),
                mailboxes::address.eq(new.address.as_str()),
                mailboxes::display_name.eq(&new.display_name),
                mailboxes::kind.eq(kind),
                mailboxes::user_id.eq(user),
                mailboxes::default_owner_id.eq(default_owner),
                mailboxes::conversation_starts_on.eq(new.conversation_starts_on.map(StartsOn::as_str)),
            ),
            (
                mailboxes::imap_host.eq(&imap.host),
                mailboxes::imap_port.eq(i32::from(imap.port)),
                mailboxes::imap_security.eq(imap.security.as_str()),
                mailboxes::imap_username.eq(&imap.username),
                mailboxes::imap_secret.eq(imap_secret),
            ),
            (
                mailboxes::smtp_host.eq(&smtp.host),
                mailboxes::smtp_port.eq(i32::from(smtp.port)),
                mailboxes::smtp_security.eq(smtp.security.as_str()),
                mailboxes::smtp_username.eq(&smtp.username),
                mailboxes::smtp_secret.eq(smtp_secret),
            ),
            (
                mailboxes::authserv_id.eq(&new.authserv_id),
                mailboxes::sent_copy.eq(new.sent_copy.as_str()),
                mailboxes::backfill_days.eq(i32::from(new.backfill_days)),
                mailboxes::read_since.eq(now - TimeDelta::days(i64::from(new.backfill_days))),
            ),
        ))
        .execute(&mut tx.conn())
        .await
        .map_err(|error| taken(error, &[("mailboxes_address", "address")]))?;
    match credentials {
        SealedCredentials::Passwords { .. } => Ok(()),
        SealedCredentials::Grant(grant) => grants::replace(tx, workspace, id, grant).await,
    }
}

/// The mailboxes that exist for the actor: shared ones and their own; for administrators all.
fn visible(actor: &Actor) -> mailboxes::BoxedQuery<'static, diesel::pg::Pg> {
    let query = mailboxes::table
        .filter(mailboxes::workspace_id.eq(actor.workspace_id.0).and(mailboxes::active))
        .into_boxed();
    if actor.may(Permission::ManageUsers) {
        query
    } else {
        query.filter(mailboxes::user_id.is_null().or(mailboxes::user_id.eq(actor.user_id.0)))
    }
}

pub(crate) async fn load_visible(tx: &Tx, actor: &Actor, id: MailboxId) -> Result<Mailbox, StoreError> {
    let row = visible(actor)
        .filter(mailboxes::id.eq(id.0))
        .select(MailboxRow::as_select())
        .first(&mut tx.conn())
        .await?;
    let mut found = with_progress(tx, actor.workspace_id, vec![row]).await?;
    found.pop().ok_or(StoreError::NotFound)
}

/// Adds what is read, how far that is, and which provider each signs in through: a query each for all.
async fn with_progress(
    tx: &Tx,
    workspace: WorkspaceId,
    rows: Vec<MailboxRow>,
) -> Result<Vec<Mailbox>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let reading = Reading::of(tx, workspace, &ids).await?;
    let providers: Vec<(Uuid, String)> = mailbox_grants::table
        .filter(mailbox_grants::workspace_id.eq(workspace.0).and(mailbox_grants::mailbox_id.eq_any(&ids)))
        .select((mailbox_grants::mailbox_id, mailbox_grants::provider))
        .load(&mut tx.conn())
        .await?;
    rows.into_iter()
        .map(|row| {
            let provider = providers.iter().find(|(mailbox, _)| *mailbox == row.id);
            row.into_mailbox(provider.map(|(_, provider)| provider.clone()), &reading)
        })
        .collect()
}
