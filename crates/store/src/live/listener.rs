//! Hearing from the other servers: over a connection of its own, and, whatever becomes of that, by looking each second.

use super::{
    Hub,
    signals::{CHANNEL, Word},
    standing,
};
use crate::{Store, error::StoreError, pool};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use futures_util::future::poll_fn;
use postroom_domain::ids::WorkspaceId;
use secrecy::ExposeSecret;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_postgres::AsyncMessage;
use uuid::Uuid;

/// The pause after the first failed connection; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Listens until the server stops.
pub(super) async fn listen(hub: Arc<Hub>) {
    let stop = hub.stop.clone();
    let listening = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match hear(&hub, &mut pause).await {
                Ok(()) => tracing::warn!("the connection that listens for events was lost; connecting again"),
                Err(error) => tracing::warn!(%error, "can't listen for events; trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = listening => {}
    }
}

/// Listens until the connection is lost.
async fn hear(hub: &Hub, pause: &mut Duration) -> Result<(), StoreError> {
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
    let url = hub.store.inner.database_url.expose_secret();
    let (client, mut connection) = pool::connect_raw(url).await.map_err(|error| unavailable(&error))?;
    let (said, mut words) = mpsc::unbounded_channel();
    let driving = async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(word)) => {
                    if said.send(word.payload().to_owned()).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    let hearing = async {
        let setup =
            format!("SET ROLE postroom_app; SET application_name = 'postroom listener'; LISTEN {CHANNEL}");
        client.batch_execute(&setup).await.map_err(|error| unavailable(&error))?;
        *pause = FIRST_PAUSE;
        // What was said while nobody listened is not said again.
        hub.wake_all();
        while let Some(word) = words.recv().await {
            match hub.store.inner.signals.understand(&word) {
                Some(Word::News(workspace)) => hub.wake(workspace),
                Some(Word::Seen(sighting)) => hub.saw(sighting),
                None => {}
            }
        }
        Ok(())
    };
    tokio::select! {
        heard = hearing => heard,
        () = driving => Ok(()),
    }
}

/// Looks, at each beat, for what nobody has said: new events, and rights that have ended. Until the server stops.
pub(super) async fn look(hub: Arc<Hub>) {
    let mut beat = tokio::time::interval(hub.settings.beat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.stop.cancelled() => return,
            _ = beat.tick() => {}
        }
        hub.presences.sweep();
        if let Err(error) = look_once(&hub).await {
            tracing::warn!(%error, "the event logs could not be looked at");
        }
    }
}

async fn look_once(hub: &Hub) -> Result<(), StoreError> {
    let rooms = hub.all_rooms();
    if rooms.is_empty() {
        return Ok(());
    }
    let workspaces = rooms.iter().map(|room| room.workspace.0).collect();
    let members: Vec<_> = rooms.iter().map(|room| room.members()).collect();
    let credentials: Vec<_> = members.iter().flatten().map(|member| member.credential).collect();
    let tx = hub.store.begin_read_global().await?;
    let live = standing::live(&tx, &credentials).await?;
    let numbers = Store::event_numbers(&tx, workspaces).await?;
    tx.commit().await?;
    for (room, members) in rooms.iter().zip(members) {
        let ahead = numbers.get(&room.workspace).is_some_and(|number| *number != room.position());
        if ahead || members.iter().any(|member| !live.contains(&member.credential)) {
            room.wake();
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Latest {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = BigInt)]
    event_no: i64,
}

impl Store {
    /// How far the logs of these workspaces have come, in one round trip.
    async fn event_numbers(
        tx: &crate::transaction::Tx,
        workspaces: Vec<Uuid>,
    ) -> Result<HashMap<WorkspaceId, i64>, StoreError> {
        let rows: Vec<Latest> = diesel::sql_query("SELECT * FROM postroom_event_numbers($1)")
            .bind::<Array<SqlUuid>, _>(workspaces)
            .load(&mut tx.conn())
            .await?;
        Ok(rows.into_iter().map(|row| (WorkspaceId(row.workspace_id), row.event_no)).collect())
    }
}
