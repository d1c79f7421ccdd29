//! Workspaces: made by the operator, and the paid feature that they ask for (ACC-1).

use crate::{
    Store,
    audit::{self, Entry},
    error::{StoreError, taken},
    events::{self, EventKind, NewEvent},
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    mailbox_queue,
    schema::{sign_ins, users, workspace_counters, workspaces},
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Role},
    address::EmailAddress,
    conversation::StartsOn,
    ids::{UserId, WorkspaceId},
};
use rand::seq::IndexedRandom;
use serde_json::json;
use uuid::Uuid;

/// How a workspace stands to the Conversations feature (ACC-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureState {
    /// Nobody has asked for it.
    Disabled,
    /// Asked for; the operator enables it.
    Requested,
    /// In use.
    Enabled,
}

impl FeatureState {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Requested => "requested",
            Self::Enabled => "enabled",
        }
    }

    pub(crate) fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Disabled, Self::Requested, Self::Enabled]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("feature state {name}")))
    }
}

/// A workspace as its users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name in addresses and at sign-in.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// CNV-1, where a mailbox says nothing else.
    pub conversation_starts_on: StartsOn,
    /// RPL-5: a reply may be taken back for so long, 0 to 60 s.
    pub undo_send_seconds: u16,
    /// ACC-1.
    pub conversations: FeatureState,
    /// Counts edits.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// A workspace to be made, with its one owner (ACC-2).
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// 1 to 63 of a-z, 0-9 and `-`, not beginning with `-`.
    pub slug: String,
    /// 1 to 200 characters.
    pub name: String,
    /// The owner's address to sign in with.
    pub owner_email: EmailAddress,
    /// The owner's name, 1 to 200 characters.
    pub owner_name: String,
    /// The owner's password, hashed.
    pub owner_password_hash: String,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedWorkspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its owner.
    pub owner_id: UserId,
}

/// Where a workspace's wish for the feature stands (ACC-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureRequest {
    /// How it stands now.
    pub state: FeatureState,
    /// The first who asked; `None` where nobody has.
    pub asked: Option<FeatureAsked>,
}

/// Who asked for the feature first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureAsked {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub user_name: String,
    /// Their avatar's content.
    pub user_avatar: Option<Vec<u8>>,
    /// What they wrote to it.
    pub note: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
pub(crate) struct WorkspaceRow {
    id: Uuid,
    slug: String,
    name: String,
    conversation_starts_on: String,
    undo_send_seconds: i16,
    conversations_feature: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<WorkspaceRow> for Workspace {
    type Error = StoreError;

    fn try_from(row: WorkspaceRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            slug: row.slug,
            name: row.name,
            conversation_starts_on: starts_on(&row.conversation_starts_on)?,
            undo_send_seconds: u16::try_from(row.undo_send_seconds)
                .map_err(|_| StoreError::Corrupt("undo_send_seconds".into()))?,
            conversations: FeatureState::from_name(&row.conversations_feature)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// CNV-1's choice by its name in the database.
pub(crate) fn starts_on(name: &str) -> Result<StartsOn, StoreError> {
    [StartsOn::Reply, StartsOn::FirstInbound]
        .into_iter()
        .find(|choice| choice.as_str() == name)
        .ok_or_else(|| StoreError::Corrupt(format!("conversation_starts_on {name}")))
}

/// Refuses unless the workspace has the feature (ACC-1). One query; may be joined with others of the transaction.
///
/// # Errors
/// [`StoreError::FeatureNotEnabled`].
pub(crate) async fn require_conversations(tx: &Tx, workspace: WorkspaceId) -> Result<(), StoreError> {
    let state: Option<String> = workspaces::table
        .find(workspace.0)
        .select(workspaces::conversations_feature)
        .first(&mut tx.conn())
        .await
        .optional()?;
    match state.as_deref().map(FeatureState::from_name).transpose()? {
        Some(FeatureState::Enabled) => Ok(()),
        _ => Err(StoreError::FeatureNotEnabled),
    }
}

fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A name of a person or a workspace.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), StoreError> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(StoreError::Invalid { field, why: "a name has 1 to 200 characters" });
    }
    Ok(())
}

/// The unguessable part of the Message-IDs that a workspace issues.
fn new_tag() -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    (0..16).filter_map(|_| ALPHABET.choose(&mut rng)).map(|&byte| char::from(byte)).collect()
}

impl Store {
    /// Makes a workspace with its owner.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], [`StoreError::Taken`] (`slug`).
    pub async fn create_workspace(&self, new: &NewWorkspace) -> Result<CreatedWorkspace, StoreError> {
        if !is_slug(&new.slug) {
            let why = "a slug has 1 to 63 of a-z, 0-9 and -, and does not begin with -";
            return Err(StoreError::Invalid { field: "slug", why });
        }
        check_name("name", &new.name)?;
        check_name("owner_name", &new.owner_name)?;
        let created = CreatedWorkspace { id: Uuid::now_v7().into(), owner_id: Uuid::now_v7().into() };
        let tag = new_tag();
        self.write(created.id, async |tx| {
            diesel::insert_into(workspaces::table)
                .values((
                    workspaces::id.eq(created.id.0),
                    workspaces::slug.eq(&new.slug),
                    workspaces::name.eq(&new.name),
                    workspaces::tag.eq(&tag),
                ))
                .execute(&mut tx.conn())
                .await
                .map_err(|error| taken(error, &[("workspaces_slug_key", "slug")]))?;
            diesel::insert_into(workspace_counters::table)
                .values(workspace_counters::workspace_id.eq(created.id.0))
                .execute(&mut tx.conn())
                .await?;
            diesel::insert_into(users::table)
                .values((
                    users::workspace_id.eq(created.id.0),
                    users::id.eq(created.owner_id.0),
                    users::email.eq(new.owner_email.as_str()),
                    users::name.eq(&new.owner_name),
                    users::role.eq(Role::Owner.as_str()),
                    users::password_hash.eq(&new.owner_password_hash),
                ))
                .execute(&mut tx.conn())
                .await?;
            add_sign_in(tx, created.id, created.owner_id, &new.owner_email).await
        })
        .await?;
        Ok(created)
    }

    /// The id of a workspace, for the command line.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn workspace_id(&self, slug: &str) -> Result<WorkspaceId, StoreError> {
        let tx = self.begin_read_global().await?;
        let id: Uuid = workspaces::table
            .filter(workspaces::slug.eq(slug))
            .select(workspaces::id)
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        Ok(id.into())
    }

    /// Enables Conversations (ACC-1): it holds from the next request on, and mail is read from now on. Tells whether
    /// that was new.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where no workspace has the slug.
    pub async fn enable_conversations(&self, slug: &str) -> Result<bool, StoreError> {
        self.switch_conversations(slug, FeatureState::Enabled).await
    }

    /// Disables Conversations (ACC-1): from the next request on they are refused, live streams end, and no more mail is
    /// read. What was accepted for sending before is sent. An open wish is declined by it. Tells whether that was new.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where no workspace has the slug.
    pub async fn disable_conversations(&self, slug: &str) -> Result<bool, StoreError> {
        self.switch_conversations(slug, FeatureState::Disabled).await
    }

    async fn switch_conversations(&self, slug: &str, to: FeatureState) -> Result<bool, StoreError> {
        let workspace = self.workspace_id(slug).await?;
        self.write(workspace, async |tx| {
            let this = workspaces::table.find(workspace.0);
            let before: String = this
                .select(workspaces::conversations_feature)
                .for_no_key_update()
                .first(&mut tx.conn())
                .await?;
            if before == to.as_str() {
                return Ok(false);
            }
            diesel::update(this)
                .set((
                    workspaces::conversations_feature.eq(to.as_str()),
                    workspaces::version.eq(workspaces::version + 1),
                    workspaces::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            if to == FeatureState::Disabled {
                // Who asks again is a new wish.
                forget_wish(tx, workspace).await?;
            }
            mailbox_queue::hurry(tx, workspace, None).await?;
            let state = |name: &str| json!({"conversations": name});
            let entry = Entry::new("workspace.feature_switched", "workspace", workspace)
                .change(state(&before), state(to.as_str()));
            audit::record_by(tx, workspace, None, entry).await?;
            let news = [EventKind::WorkspaceUpdated, EventKind::ViewReset]
                .map(|kind| NewEvent::of(kind, None, workspace));
            events::append(tx, workspace, &news).await?;
            Ok(true)
        })
        .await
    }

    /// The actor's workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace(&self, actor: &Actor) -> Result<Workspace, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let row: WorkspaceRow = workspaces::table
            .find(actor.workspace_id.0)
            .select(WorkspaceRow::as_select())
            .first(&mut tx.conn())
            .await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Asks for Conversations (ACC-1). Asking again, or for what is enabled, changes nothing: the first wish stays with
    /// its note.
    ///
    /// # Errors
    /// Those of the idempotency key.
    pub async fn request_feature(
        &self,
        actor: &Actor,
        note: Option<&str>,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&FeatureRequest) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<FeatureRequest>, StoreError> {
        let answer = &answer;
        self.write(actor.workspace_id, async |tx| {
            let effect = async {
                let new = wish(tx, actor, note).await?;
                let request = load_request(tx, actor.workspace_id).await?;
                if new {
                    let entry = Entry::new("workspace.feature_requested", "workspace", actor.workspace_id);
                    audit::record(tx, actor, entry).await?;
                    let event =
                        NewEvent::of(EventKind::WorkspaceUpdated, Some(actor.user_id), actor.workspace_id);
                    events::append(tx, actor.workspace_id, &[event]).await?;
                }
                Ok(request)
            };
            with_idempotency(tx, actor.workspace_id, claim, effect, answer).await
        })
        .await
    }

    /// How the workspace's wish for Conversations stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feature_request(&self, actor: &Actor) -> Result<FeatureRequest, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let request = load_request(&tx, actor.workspace_id).await?;
        tx.commit().await?;
        Ok(request)
    }
}

/// Makes a user known to sign-in.
pub(crate) async fn add_sign_in(
    tx: &Tx,
    workspace: WorkspaceId,
    user: UserId,
    email: &EmailAddress,
) -> Result<(), StoreError> {
    diesel::insert_into(sign_ins::table)
        .values((
            sign_ins::email.eq(email.as_str()),
            sign_ins::workspace_id.eq(workspace.0),
            sign_ins::user_id.eq(user.0),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Keeps the wish, where there is none yet and nothing to wish for; tells whether it was new.
async fn wish(tx: &Tx, actor: &Actor, note: Option<&str>) -> Result<bool, StoreError> {
    let now = Utc::now();
    let asked = diesel::update(workspaces::table.find(actor.workspace_id.0))
        .filter(workspaces::conversations_feature.eq(FeatureState::Disabled.as_str()))
        .set((
            workspaces::conversations_feature.eq(FeatureState::Requested.as_str()),
            workspaces::feature_requested_at.eq(now),
            workspaces::feature_requested_by.eq(actor.user_id.0),
            workspaces::feature_request_note.eq(note),
            workspaces::version.eq(workspaces::version + 1),
            workspaces::updated_at.eq(now),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(asked > 0)
}

async fn forget_wish(tx: &Tx, workspace: WorkspaceId) -> Result<(), StoreError> {
    diesel::update(workspaces::table.find(workspace.0))
        .set((
            workspaces::feature_requested_at.eq(None::<DateTime<Utc>>),
            workspaces::feature_requested_by.eq(None::<Uuid>),
            workspaces::feature_request_note.eq(None::<String>),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

async fn load_request(tx: &Tx, workspace: WorkspaceId) -> Result<FeatureRequest, StoreError> {
    type Row = (String, Option<DateTime<Utc>>, Option<Uuid>, Option<String>, Option<String>, Option<Vec<u8>>);
    let by =
        users::workspace_id.eq(workspaces::id).and(users::id.nullable().eq(workspaces::feature_requested_by));
    let (state, at, user, note, user_name, user_avatar): Row = workspaces::table
        .find(workspace.0)
        .left_join(users::table.on(by))
        .select((
            workspaces::conversations_feature,
            workspaces::feature_requested_at,
            workspaces::feature_requested_by,
            workspaces::feature_request_note,
            users::name.nullable(),
            users::avatar_sha256.nullable(),
        ))
        .first(&mut tx.conn())
        .await?;
    let asked = at.zip(user).map(|(at, user)| FeatureAsked {
        at,
        user_id: user.into(),
        user_name: user_name.unwrap_or_default(),
        user_avatar,
        note,
    });
    Ok(FeatureRequest { state: FeatureState::from_name(&state)?, asked })
}
