//! A connected mailbox is changed, or removed (ACC-4).

use crate::{
    Store,
    audit::{self, Entry},
    error::StoreError,
    events::{self, EventKind, NewEvent},
    further_folders,
    grants::{self, NewGrant, SealedGrant},
    mailbox::{Credentials, Mailbox, MailboxState, Ownership, Security, SentCopy, Server},
    mailbox_queue,
    mailboxes::{load_visible, require_active_user},
    outbox,
    schema::mailboxes,
    seal::Place,
    transaction::Tx,
    workspaces::require_conversations,
};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    conversation::StartsOn,
    fault::{Fault, FieldFault},
    ids::{MailboxId, UserId, WorkspaceId},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// What changes of a mail server and the account there; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ServerPatch {
    /// A name or an address.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub security: Option<Security>,
    /// The account's name.
    pub username: Option<String>,
    /// The account's password.
    pub password: Option<SecretString>,
}

impl ServerPatch {
    /// The server with the changes.
    #[must_use]
    pub fn applied_to(&self, present: &Server) -> Server {
        Server {
            host: self.host.clone().unwrap_or_else(|| present.host.clone()),
            port: self.port.unwrap_or(present.port),
            security: self.security.unwrap_or(present.security),
            username: self.username.clone().unwrap_or_else(|| present.username.clone()),
        }
    }

    fn is_empty(&self) -> bool {
        let Self { host, port, security, username, password } = self;
        host.is_none() && port.is_none() && security.is_none() && username.is_none() && password.is_none()
    }

    /// A password goes to the server that it was given for, and to no other: with another address, or another way to
    /// secure the connection, it is needed again.
    fn lacks_password(&self, present: &Server) -> bool {
        let after = self.applied_to(present);
        let elsewhere =
            (&after.host, after.port, after.security) != (&present.host, present.port, present.security);
        elsewhere && self.password.is_none()
    }
}

/// What a mailbox's provider has granted, and the provider's servers.
#[derive(Clone, Debug)]
pub struct GrantPatch {
    /// The grant.
    pub grant: NewGrant,
    /// The provider's server to read.
    pub imap: Server,
    /// The provider's server to send through.
    pub smtp: Server,
}

/// What a user changes of a mailbox; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct MailboxPatch {
    /// What stands beside the address; may be empty.
    pub display_name: Option<String>,
    /// CNV-2, of a shared one.
    pub default_owner_id: Option<Option<UserId>>,
    /// CNV-1 for this mailbox.
    pub conversation_starts_on: Option<Option<StartsOn>>,
    /// It signs in through its provider from now on, or anew. The patches of the servers count for nothing then: a
    /// provider's tokens go to its servers alone.
    pub grant: Option<GrantPatch>,
    /// The server to read.
    pub imap: ServerPatch,
    /// The server to send through.
    pub smtp: ServerPatch,
    /// MAIL-15.
    pub authserv_id: Option<Option<String>>,
    /// SND-4.
    pub sent_copy: Option<SentCopy>,
    /// Folders that are read beside the inbox and that of sent mail; each once.
    pub folders: Option<Vec<String>>,
}

impl MailboxPatch {
    /// The mailbox with the changes.
    fn applied_to(&self, present: &Mailbox) -> Result<Mailbox, StoreError> {
        let mut faults = self.servers_faults(present);
        let ownership = match (present.ownership, self.default_owner_id) {
            (Ownership::Shared(_), Some(owner)) => Ownership::Shared(owner),
            (Ownership::Personal(_), Some(Some(_))) => {
                let detail = "Only a shared mailbox has one.";
                faults.push(FieldFault::at(&["default_owner_id"], Fault::InvalidValue, detail));
                present.ownership
            }
            (unchanged, _) => unchanged,
        };
        if !faults.is_empty() {
            return Err(StoreError::Fields(faults));
        }
        let starts_on = self.conversation_starts_on.unwrap_or(present.conversation_starts_on);
        let (imap, smtp, provider) = match &self.grant {
            Some(GrantPatch { grant, imap, smtp }) => {
                (imap.clone(), smtp.clone(), Some(grant.provider.clone()))
            }
            None => {
                let stays = self.imap.is_empty() && self.smtp.is_empty();
                let provider = present.provider.clone().filter(|_| stays);
                (self.imap.applied_to(&present.imap), self.smtp.applied_to(&present.smtp), provider)
            }
        };
        Ok(Mailbox {
            display_name: self.display_name.clone().unwrap_or_else(|| present.display_name.clone()),
            ownership,
            conversation_starts_on: starts_on,
            imap,
            smtp,
            provider,
            authserv_id: self.authserv_id.clone().unwrap_or_else(|| present.authserv_id.clone()),
            sent_copy: self.sent_copy.unwrap_or(present.sent_copy),
            folders: self.sorted_folders().unwrap_or_else(|| present.folders.clone()),
            ..present.clone()
        })
    }

    /// As they are listed.
    fn sorted_folders(&self) -> Option<Vec<String>> {
        let mut folders = self.folders.clone()?;
        folders.sort_unstable();
        Some(folders)
    }

    /// What is wrong with the changes of the servers: passwords that are needed.
    fn servers_faults(&self, present: &Mailbox) -> Vec<FieldFault> {
        let stays = self.imap.is_empty() && self.smtp.is_empty();
        let faulty = |name: &str, patch: &ServerPatch, server: &Server| {
            let (lacks, detail) = if self.grant.is_some() {
                (false, "")
            } else if present.provider.is_some() {
                let detail = "This mailbox signs in through its provider. With both passwords it signs in with them instead.";
                (!stays && patch.password.is_none(), detail)
            } else {
                let detail = "Another server is another place for the password: give it again.";
                (patch.lacks_password(server), detail)
            };
            lacks.then(|| FieldFault::at(&[name, "password"], Fault::Required, detail))
        };
        let imap = faulty("imap", &self.imap, &present.imap);
        imap.into_iter().chain(faulty("smtp", &self.smtp, &present.smtp)).collect()
    }
}

/// Sealed passwords that take the place of those that are there.
struct NewSecrets {
    imap: Option<Vec<u8>>,
    smtp: Option<Vec<u8>>,
    grant: Option<SealedGrant>,
}

/// A mailbox's servers, and how it signs in there.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The server to read.
    pub imap: Server,
    /// The server to send through.
    pub smtp: Server,
    /// How to sign in at both.
    pub credentials: Credentials,
}

impl Store {
    /// A mailbox that the actor manages.
    ///
    /// # Errors
    /// [`StoreError::FeatureNotEnabled`]; [`StoreError::NotFound`] where they don't see it, [`StoreError::RoleNotAllowed`]
    /// where they may only send from it.
    pub async fn managed_mailbox(&self, actor: &Actor, id: MailboxId) -> Result<Mailbox, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        require_conversations(&tx, actor.workspace_id).await?;
        let mailbox = load_managed(&tx, actor, id).await?;
        tx.commit().await?;
        Ok(mailbox)
    }

    /// Changes a mailbox. Other servers, accounts or passwords end the stop after refused logins, and it is read with them
    /// at once. What is there already is no change.
    ///
    /// # Errors
    /// As [`Store::managed_mailbox`]; [`StoreError::StaleVersion`]; [`StoreError::Fields`] where another server lacks its
    /// password, [`StoreError::Invalid`] (`default_owner_id`) for somebody who is not an active user.
    pub async fn update_mailbox(
        &self,
        actor: &Actor,
        id: MailboxId,
        expected_version: Option<i64>,
        patch: &MailboxPatch,
    ) -> Result<Mailbox, StoreError> {
        let workspace = actor.workspace_id;
        let seal = |place, password: &Option<SecretString>| {
            password.as_ref().map(|secret| self.seal_text(place, secret)).transpose()
        };
        let secrets = &NewSecrets {
            imap: seal(Place::Imap(workspace, id), &patch.imap.password)?,
            smtp: seal(Place::Smtp(workspace, id), &patch.smtp.password)?,
            grant: match &patch.grant {
                Some(change) => Some(self.seal_grant(workspace, id, &change.grant)?),
                None => None,
            },
        };
        self.write(workspace, async |tx| {
            let before = lock_managed(tx, actor, id, expected_version).await?;
            let after = patch.applied_to(&before)?;
            let new_password = secrets.imap.is_some() || secrets.smtp.is_some();
            let new_secrets = new_password || secrets.grant.is_some();
            if after == before && !new_secrets {
                return Ok(before);
            }
            if after.ownership != before.ownership {
                require_active_user(tx, workspace, after.ownership).await?;
            }
            save(tx, workspace, &after, secrets).await?;
            further_folders::save(tx, workspace, id, &after.folders).await?;
            let reconnects = new_secrets
                || (&after.imap, &after.smtp, &after.provider, &after.authserv_id, &after.folders)
                    != (&before.imap, &before.smtp, &before.provider, &before.authserv_id, &before.folders);
            if reconnects {
                begin_anew(tx, workspace, id).await?;
            }
            let mailbox = load_visible(tx, actor, id).await?;
            let mut now = audited(&after);
            if let Some(fields) = now.as_object_mut().filter(|_| new_password) {
                fields.insert("password_changed".into(), true.into());
            }
            if let Some(fields) = now.as_object_mut().filter(|_| secrets.grant.is_some()) {
                fields.insert("signed_in_again".into(), true.into());
            }
            let entry = Entry::new("mailbox.updated", "mailbox", id).change(audited(&before), now);
            audit::record(tx, actor, entry).await?;
            announce(tx, actor, id).await?;
            Ok(mailbox)
        })
        .await
    }

    /// A mailbox's servers with these changes, and how it signs in there: for trying them. Nothing is saved.
    ///
    /// # Errors
    /// As [`Store::managed_mailbox`]; [`StoreError::Fields`] where another server lacks its password;
    /// [`StoreError::Secret`] where a stored one can't be opened.
    pub async fn mailbox_accounts(
        &self,
        actor: &Actor,
        id: MailboxId,
        imap: ServerPatch,
        smtp: ServerPatch,
    ) -> Result<Accounts, StoreError> {
        let workspace = actor.workspace_id;
        let tx = self.begin_read(workspace).await?;
        require_conversations(&tx, workspace).await?;
        let present = load_managed(&tx, actor, id).await?;
        let (imap_secret, smtp_secret): (Option<Vec<u8>>, Option<Vec<u8>>) = mailboxes::table
            .find((workspace.0, id.0))
            .select((mailboxes::imap_secret, mailboxes::smtp_secret))
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        let patch = MailboxPatch { imap, smtp, ..MailboxPatch::default() };
        let wanted = patch.applied_to(&present)?;
        let password = |given: Option<SecretString>, place, stored: Option<Vec<u8>>| match (given, stored) {
            (Some(password), _) => Ok(password),
            (None, Some(stored)) => self.inner.master_key.open_text(place, &stored),
            (None, None) => Err(StoreError::Corrupt("a mailbox without credentials".into())),
        };
        let credentials = match wanted.provider {
            Some(provider) => Credentials::Provider(provider),
            None => Credentials::Passwords {
                imap: password(patch.imap.password, Place::Imap(workspace, id), imap_secret)?,
                smtp: password(patch.smtp.password, Place::Smtp(workspace, id), smtp_secret)?,
            },
        };
        Ok(Accounts { workspace, mailbox: id, imap: wanted.imap, smtp: wanted.smtp, credentials })
    }

    /// Removes a mailbox: reading ends, nobody sends from it any more, its address is free. Its messages stay, and what
    /// was accepted for sending is sent.
    ///
    /// # Errors
    /// As [`Store::managed_mailbox`]; [`StoreError::StaleVersion`].
    pub async fn remove_mailbox(
        &self,
        actor: &Actor,
        id: MailboxId,
        expected_version: Option<i64>,
    ) -> Result<(), StoreError> {
        let workspace = actor.workspace_id;
        self.write(workspace, async |tx| {
            let before = lock_managed(tx, actor, id, expected_version).await?;
            diesel::update(mailboxes::table.find((workspace.0, id.0)))
                .set((
                    mailboxes::active.eq(false),
                    mailboxes::version.eq(mailboxes::version + 1),
                    mailboxes::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            mailbox_queue::dequeue(tx, workspace, id).await?;
            let entry = Entry::new("mailbox.removed", "mailbox", id).change(audited(&before), Value::Null);
            audit::record(tx, actor, entry).await?;
            announce(tx, actor, id).await
        })
        .await
    }
}

/// A mailbox, where the actor manages it.
pub(crate) async fn load_managed(tx: &Tx, actor: &Actor, id: MailboxId) -> Result<Mailbox, StoreError> {
    let mailbox = load_visible(tx, actor, id).await?;
    actor.require_mailbox(&mailbox.access())?;
    Ok(mailbox)
}

/// The same, locked, in the version that is meant.
async fn lock_managed(
    tx: &Tx,
    actor: &Actor,
    id: MailboxId,
    expected_version: Option<i64>,
) -> Result<Mailbox, StoreError> {
    require_conversations(tx, actor.workspace_id).await?;
    // Judged before it is locked: what is not theirs takes no longer than what isn't there.
    load_managed(tx, actor, id).await?;
    mailboxes::table
        .find((actor.workspace_id.0, id.0))
        .select(mailboxes::id)
        .for_no_key_update()
        .first::<Uuid>(&mut tx.conn())
        .await?;
    // As it is now that nobody else changes it.
    let mailbox = load_managed(tx, actor, id).await?;
    match expected_version {
        Some(version) if version != mailbox.version => Err(StoreError::StaleVersion),
        _ => Ok(mailbox),
    }
}

async fn save(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: &Mailbox,
    secrets: &NewSecrets,
) -> Result<(), StoreError> {
    let default_owner = match mailbox.ownership {
        Ownership::Shared(owner) => owner.map(|owner| owner.0),
        Ownership::Personal(_) => None,
    };
    let (imap, smtp) = (&mailbox.imap, &mailbox.smtp);
    diesel::update(mailboxes::table.find((workspace.0, mailbox.id.0)))
        .set((
            (
                mailboxes::display_name.eq(&mailbox.display_name),
                mailboxes::default_owner_id.eq(default_owner),
                mailboxes::conversation_starts_on.eq(mailbox.conversation_starts_on.map(StartsOn::as_str)),
                mailboxes::authserv_id.eq(&mailbox.authserv_id),
                mailboxes::sent_copy.eq(mailbox.sent_copy.as_str()),
            ),
            (
                mailboxes::imap_host.eq(&imap.host),
                mailboxes::imap_port.eq(i32::from(imap.port)),
                mailboxes::imap_security.eq(imap.security.as_str()),
                mailboxes::imap_username.eq(&imap.username),
                secrets.imap.as_ref().map(|secret| mailboxes::imap_secret.eq(secret)),
            ),
            (
                mailboxes::smtp_host.eq(&smtp.host),
                mailboxes::smtp_port.eq(i32::from(smtp.port)),
                mailboxes::smtp_security.eq(smtp.security.as_str()),
                mailboxes::smtp_username.eq(&smtp.username),
                secrets.smtp.as_ref().map(|secret| mailboxes::smtp_secret.eq(secret)),
            ),
            (mailboxes::version.eq(mailboxes::version + 1), mailboxes::updated_at.eq(Utc::now())),
        ))
        .execute(&mut tx.conn())
        .await?;
    match &secrets.grant {
        Some(grant) => {
            diesel::update(mailboxes::table.find((workspace.0, mailbox.id.0)))
                .set((mailboxes::imap_secret.eq(None::<Vec<u8>>), mailboxes::smtp_secret.eq(None::<Vec<u8>>)))
                .execute(&mut tx.conn())
                .await?;
            grants::replace(tx, workspace, mailbox.id, grant).await
        }
        None if mailbox.provider.is_none() => grants::remove(tx, workspace, mailbox.id).await,
        None => Ok(()),
    }
}

/// Forgets how it went with the old credentials, and takes the mailbox from the worker that reads with them: the next one
/// begins at once. What could not be sent with them is tried at once, too.
async fn begin_anew(tx: &Tx, workspace: WorkspaceId, id: MailboxId) -> Result<(), StoreError> {
    diesel::update(mailboxes::table.find((workspace.0, id.0)))
        .set((
            mailboxes::credentials_version.eq(mailboxes::credentials_version + 1),
            mailboxes::login_refusals.eq(0),
            mailboxes::state.eq(MailboxState::New.as_str()),
            mailboxes::last_error.eq(None::<String>),
        ))
        .execute(&mut tx.conn())
        .await?;
    outbox::hurry(tx, workspace, id).await?;
    mailbox_queue::hurry(tx, workspace, Some(id)).await
}

async fn announce(tx: &Tx, actor: &Actor, id: MailboxId) -> Result<(), StoreError> {
    let event = NewEvent::of(EventKind::MailboxUpdated, Some(actor.user_id), id);
    events::append(tx, actor.workspace_id, &[event]).await
}

/// What the audit trail says of a mailbox: never a password.
pub(crate) fn audited(mailbox: &Mailbox) -> Value {
    let server = |server: &Server| {
        json!({
            "host": server.host, "port": server.port, "security": server.security.as_str(),
            "username": server.username,
        })
    };
    let (user, default_owner) = match mailbox.ownership {
        Ownership::Personal(user) => (Some(user), None),
        Ownership::Shared(owner) => (None, owner),
    };
    json!({
        "address": mailbox.address,
        "display_name": mailbox.display_name,
        "user_id": user,
        "default_owner_id": default_owner,
        "conversation_starts_on": mailbox.conversation_starts_on.map(StartsOn::as_str),
        "imap": server(&mailbox.imap),
        "smtp": server(&mailbox.smtp),
        "provider": mailbox.provider,
        "authserv_id": mailbox.authserv_id,
        "sent_copy": mailbox.sent_copy.as_str(),
        "folders": mailbox.folders,
    })
}
