//! What `postroom doctor` looks at.

use crate::{
    MailboxState, Store,
    error::StoreError,
    schema::{mailboxes, workspaces},
    seal::Place,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

/// A mailbox that is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxTrouble {
    /// The workspace's slug.
    pub workspace: String,
    /// The mailbox's address.
    pub address: String,
    /// How reading goes.
    pub state: MailboxState,
    /// What is wrong, for people.
    pub last_error: Option<String>,
    /// Whether the master key opens its passwords.
    pub secrets_open: bool,
}

impl Store {
    /// The time by the database's clock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn database_time(&self) -> Result<DateTime<Utc>, StoreError> {
        let tx = self.begin_read_global().await?;
        let now: DateTime<Utc> =
            diesel::select(diesel::dsl::now.into_sql::<diesel::sql_types::Timestamptz>())
                .get_result(&mut tx.conn())
                .await?;
        tx.commit().await?;
        Ok(now)
    }

    /// How many mailboxes there are in all workspaces, and those that are not well.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mailbox_troubles(&self) -> Result<(usize, Vec<MailboxTrouble>), StoreError> {
        type Row = (Uuid, String, String, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>);
        let tx = self.begin_read_global().await?;
        let workspaces: Vec<(Uuid, String)> = workspaces::table
            .order(workspaces::slug)
            .select((workspaces::id, workspaces::slug))
            .load(&mut tx.conn())
            .await?;
        tx.commit().await?;
        let (mut count, mut troubles) = (0, Vec::new());
        // Row-level security shows one workspace at a time.
        for (workspace, slug) in workspaces {
            let tx = self.begin_read(workspace.into()).await?;
            let rows: Vec<Row> = mailboxes::table
                .filter(mailboxes::workspace_id.eq(workspace).and(mailboxes::active))
                .order(mailboxes::address)
                .select((
                    mailboxes::id,
                    mailboxes::address,
                    mailboxes::state,
                    mailboxes::last_error,
                    mailboxes::imap_secret,
                    mailboxes::smtp_secret,
                ))
                .load(&mut tx.conn())
                .await?;
            tx.commit().await?;
            count += rows.len();
            for (id, address, state, last_error, imap, smtp) in rows {
                let key = &self.inner.master_key;
                let (at_imap, at_smtp) =
                    (Place::Imap(workspace.into(), id.into()), Place::Smtp(workspace.into(), id.into()));
                let opens = |place, sealed: Option<Vec<u8>>| {
                    sealed.is_none_or(|sealed| key.open(place, &sealed).is_ok())
                };
                let secrets_open = opens(at_imap, imap) && opens(at_smtp, smtp);
                let state = MailboxState::from_name(&state)?;
                let well = matches!(state, MailboxState::New | MailboxState::Reading);
                if !well || !secrets_open {
                    let workspace = slug.clone();
                    troubles.push(MailboxTrouble { workspace, address, state, last_error, secrets_open });
                }
            }
        }
        Ok((count, troubles))
    }
}
