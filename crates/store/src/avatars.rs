//! Pictures of people: users choose their own, contacts have one from those who edit them.

use crate::{
    BlobHash, Contact, Me, Store, audit,
    contacts::{editing, load},
    edits::{conclude, edited, require_version},
    error::StoreError,
    events::EventKind,
    schema::{contacts, users},
    transaction::Tx,
    users::load_me,
};
use bytes::Bytes;
use chrono::Utc;
use diesel::{dsl::exists, prelude::*, select};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    ids::{ContactId, WorkspaceId},
};
use std::collections::HashMap;
use uuid::Uuid;

/// What the audit trail calls the field.
const FIELDS: &[&str] = &["avatar"];

impl Store {
    /// Gives the actor this picture, or none; where `expected` is given, only in that version. The one that they have is
    /// no change.
    ///
    /// # Errors
    /// [`StoreError::StaleVersion`], or when database or blob store fail.
    pub async fn set_my_avatar(
        &self,
        actor: &Actor,
        expected: Option<i64>,
        picture: Option<Bytes>,
    ) -> Result<Me, StoreError> {
        let (workspace, user) = (actor.workspace_id, actor.user_id);
        let picture = self.kept(workspace, picture).await?;
        self.write(workspace, async |tx| {
            let this = users::table.find((workspace.0, user.0));
            let (present, version): (Option<Vec<u8>>, i64) = this
                .for_no_key_update()
                .select((users::avatar_sha256, users::version))
                .first(&mut tx.conn())
                .await?;
            require_version(version, expected)?;
            if present == picture {
                return load_me(tx, workspace, user).await;
            }
            diesel::update(this)
                .set((
                    users::avatar_sha256.eq(&picture),
                    users::version.eq(users::version + 1),
                    users::updated_at.eq(Utc::now()),
                ))
                .execute(&mut tx.conn())
                .await?;
            let me = load_me(tx, workspace, user).await?;
            conclude(
                tx,
                actor,
                entry("user.profile_changed", "user", user.0),
                (EventKind::UserUpdated, user.0),
            )
            .await?;
            Ok(me)
        })
        .await
    }

    /// The same for a contact that the actor sees.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and as [`Store::set_my_avatar`].
    pub async fn set_contact_avatar(
        &self,
        actor: &Actor,
        id: ContactId,
        expected: Option<i64>,
        picture: Option<Bytes>,
    ) -> Result<Contact, StoreError> {
        let workspace = actor.workspace_id;
        let picture = self.kept(workspace, picture).await?;
        self.write(workspace, async |tx| {
            let (_, version) = editing::lock(tx, actor, id).await?;
            require_version(version, expected)?;
            let this = contacts::table.find((workspace.0, id.0));
            let present: Option<Vec<u8>> = this.select(contacts::avatar_sha256).first(&mut tx.conn()).await?;
            if present == picture {
                return load::any(tx, workspace, id).await;
            }
            diesel::update(this).set(contacts::avatar_sha256.eq(&picture)).execute(&mut tx.conn()).await?;
            editing::saved(tx, actor, id, entry("contact.updated", "contact", id.0)).await
        })
        .await
    }

    /// The picture with this name, while it is somebody's in the workspace.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn picture(&self, workspace: WorkspaceId, sha256: &BlobHash) -> Result<Bytes, StoreError> {
        let name = sha256.as_slice();
        let of_user =
            users::table.filter(users::workspace_id.eq(workspace.0).and(users::avatar_sha256.eq(name)));
        let of_contact = contacts::table
            .filter(contacts::workspace_id.eq(workspace.0).and(contacts::avatar_sha256.eq(name)));
        let tx = self.begin_read(workspace).await?;
        let used: bool = select(exists(of_user).or(exists(of_contact))).get_result(&mut tx.conn()).await?;
        tx.commit().await?;
        if used { self.get_blob(workspace, sha256).await } else { Err(StoreError::NotFound) }
    }

    async fn kept(
        &self,
        workspace: WorkspaceId,
        picture: Option<Bytes>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match picture {
            Some(bytes) => Ok(Some(self.put_blob(workspace, bytes).await?.to_vec())),
            None => Ok(None),
        }
    }
}

fn entry(action: &'static str, kind: &'static str, id: Uuid) -> audit::Entry {
    edited(action, (kind, id), FIELDS, None)
}

/// The pictures of those of these users and contacts who have one.
pub(crate) async fn pictures_of(
    tx: &Tx,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let of_users = users::table
        .filter(users::workspace_id.eq(workspace.0).and(users::id.eq_any(&ids)))
        .select((users::id, users::avatar_sha256));
    let of_contacts = contacts::table
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::id.eq_any(&ids)))
        .select((contacts::id, contacts::avatar_sha256));
    let (mut a, mut b) = (tx.conn(), tx.conn());
    let (of_users, of_contacts) = tokio::try_join!(
        of_users.load::<(Uuid, Option<Vec<u8>>)>(&mut a),
        of_contacts.load::<(Uuid, Option<Vec<u8>>)>(&mut b)
    )?;
    let all = of_users.into_iter().chain(of_contacts);
    Ok(all.filter_map(|(id, picture)| Some((id, picture?))).collect())
}
