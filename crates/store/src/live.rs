//! The live page (STR-5): what happened behind a number, read once or followed as it happens.
//!
//! Writers write events and nothing else. After the commit the process wakes its own followers and tells the other
//! servers ([`signals`]); those listen on a connection of their own, and look each second as well ([`listener`]), so that
//! no lost word is a lost event. A workspace's log is read once for all who follow it here ([`room`]); what each of them
//! may know of it is decided at that moment ([`log`]). A [`Follower`] holds no connection while it waits.

mod audience;
mod event;
mod expiry;
mod follower;
mod listener;
mod log;
mod presence;
mod room;
pub(crate) mod signals;
mod standing;

pub use event::{Change, Event, EventPage, MessageNews};
pub use follower::{Follower, Next};
pub use presence::{Presence, PresenceState};
pub use standing::{Credential, EndReason};

use crate::{Store, error::StoreError};
use postroom_domain::{access::Actor, ids::WorkspaceId};
use presence::{Presences, Sighting};
use room::Room;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How the log is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSettings {
    /// How often a server looks for itself whether there is something new, and whether somebody's right has ended.
    pub beat: Duration,
    /// How long somebody is in a conversation without saying so again.
    pub presence: Duration,
    /// So many may follow as one user at once in this process; further ones are refused.
    pub per_user: usize,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self { beat: Duration::from_secs(1), presence: Duration::from_secs(30), per_user: 50 }
    }
}

/// All who follow in this process: cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

pub(crate) struct Hub {
    store: Store,
    settings: LiveSettings,
    rooms: Mutex<HashMap<WorkspaceId, Arc<Room>>>,
    presences: Presences,
    /// So many followers read for themselves at a time: however many come at once, others find connections too.
    turns: Semaphore,
    stop: CancellationToken,
}

impl Store {
    /// Makes it possible to follow the log in this process. Nothing runs before [`Live::start`].
    #[must_use]
    pub fn live(&self, settings: LiveSettings) -> Live {
        let hub = Arc::new(Hub {
            store: self.clone(),
            settings,
            rooms: Mutex::default(),
            presences: Presences::default(),
            turns: Semaphore::new((self.inner.connections.status().max_size / 4).max(1)),
            stop: CancellationToken::new(),
        });
        self.inner.signals.here(Arc::downgrade(&hub));
        Live(hub)
    }

    /// What the actor may know of the log behind a number: at most `limit` changes. Some of the log may be looked at in
    /// vain: there is more as long as `next_after` is not `latest`.
    ///
    /// # Errors
    /// [`StoreError::EventsExpired`] where not all behind the number is kept any more; [`StoreError::Invalid`] (`after`)
    /// where the log has not come to this number.
    pub async fn events(&self, actor: &Actor, after: i64, limit: u16) -> Result<EventPage, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let slice = log::read(&tx, actor.workspace_id, after, room::WINDOW).await?;
        tx.commit().await?;
        let mut events: Vec<Event> = slice.for_actor(actor, after).collect();
        let next_after = if events.len() > usize::from(limit) {
            events.truncate(usize::from(limit));
            events.last().map_or(after, |last| last.number)
        } else {
            slice.upto
        };
        Ok(EventPage { events, next_after, latest: slice.latest })
    }
}

impl Live {
    /// Begins to listen to the other servers, until [`Live::stop`]. Call it on the runtime that the store lives on.
    pub fn start(&self) {
        tokio::spawn(listener::listen(Arc::clone(&self.0)));
        tokio::spawn(listener::look(Arc::clone(&self.0)));
    }

    /// Ends everything that follows.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Done when [`Live::stop`] was called.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Follows the log from a number on; without one, from now on.
    ///
    /// # Errors
    /// As for [`Store::events`]; [`StoreError::TooManyStreams`].
    pub async fn follow(
        &self,
        actor: &Actor,
        credential: Credential,
        after: Option<i64>,
    ) -> Result<Follower, StoreError> {
        let tx = self.0.store.begin_read(actor.workspace_id).await?;
        let latest = match after {
            Some(after) => log::check(&tx, actor.workspace_id, after).await?,
            None => log::latest(&tx, actor.workspace_id).await?,
        };
        tx.commit().await?;
        self.enter((*actor, credential), after.unwrap_or(latest), latest)
    }

    fn enter(&self, who: (Actor, Credential), position: i64, latest: i64) -> Result<Follower, StoreError> {
        let hub = &self.0;
        // Joined under the lock under which the last one leaves: nobody comes into a room that is closed.
        let mut rooms = hub.rooms();
        let room = rooms.entry(who.0.workspace_id).or_insert_with_key(|workspace| {
            let room = Arc::new(Room::new(*workspace, latest));
            let work = Arc::clone(&room).run(hub.store.clone(), hub.stop.clone());
            hub.store.inner.runtime.spawn(work);
            // Something may have been written before anybody was here to be woken.
            room.wake();
            room
        });
        Follower::new(Arc::clone(hub), Arc::clone(room), who, position)
            .ok_or(StoreError::TooManyStreams(hub.settings.per_user))
    }

    /// How many follow in this process.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.0.all_rooms().iter().map(|room| room.members().len()).sum()
    }
}

impl Hub {
    fn rooms(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_rooms(&self) -> Vec<Arc<Room>> {
        self.rooms().values().cloned().collect()
    }

    /// There may be something new in this workspace.
    fn wake(&self, workspace: WorkspaceId) {
        if let Some(room) = self.rooms().get(&workspace) {
            room.wake();
        }
    }

    fn wake_all(&self) {
        self.all_rooms().iter().for_each(|room| room.wake());
    }

    /// Somebody is in a conversation.
    fn saw(&self, sighting: Sighting) {
        self.presences.note(sighting);
        if let Some(room) = self.rooms().get(&sighting.workspace) {
            room.saw(sighting);
        }
    }

    fn leave(&self, room: &Arc<Room>, seat: u64) {
        let mut rooms = self.rooms();
        if room.leave(seat) {
            room.close();
            rooms.remove(&room.workspace);
        }
    }

    async fn latest(store: &Store, workspace: WorkspaceId) -> Result<i64, StoreError> {
        let tx = store.begin_read(workspace).await?;
        let latest = log::latest(&tx, workspace).await?;
        tx.commit().await?;
        Ok(latest)
    }
}
