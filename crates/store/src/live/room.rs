//! One workspace's log as it grows: read once for all who follow it here.

use super::{
    Hub,
    log::{self, Slice},
    presence::{self, Presence, Sighting},
    standing::{self, Member, Standings},
};
use crate::{Store, error::StoreError};
use postroom_domain::ids::WorkspaceId;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

/// So much of the log is read at once.
pub(super) const WINDOW: u16 = 200;
/// A follower who is further behind reads for themselves.
const BACKLOG: usize = 64;
/// After a failure, before the next try.
const RETRY: Duration = Duration::from_millis(500);

/// What has come since the last time.
#[derive(Debug)]
pub(super) struct News {
    pub(super) slice: Slice,
    pub(super) standings: Standings,
    pub(super) presences: Vec<Presence>,
}

/// Those who follow one workspace's log in this process.
pub(super) struct Room {
    pub(super) workspace: WorkspaceId,
    /// The log was read for all up to here.
    position: AtomicI64,
    news: broadcast::Sender<Arc<News>>,
    /// There may be something new.
    due: Notify,
    closed: CancellationToken,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next_seat: u64,
    members: HashMap<u64, Member>,
    sightings: Vec<Sighting>,
}

impl Room {
    /// A room for a log that has come to this number.
    pub(super) fn new(workspace: WorkspaceId, latest: i64) -> Self {
        Self {
            workspace,
            position: AtomicI64::new(latest),
            news: broadcast::channel(BACKLOG).0,
            due: Notify::new(),
            closed: CancellationToken::new(),
            inside: Mutex::default(),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes somebody in, unless so many are there already as the same user.
    pub(super) fn join(
        &self,
        member: Member,
        per_user: usize,
    ) -> Option<(u64, broadcast::Receiver<Arc<News>>)> {
        let mut inside = self.inside();
        if inside.members.values().filter(|there| there.user == member.user).count() >= per_user {
            return None;
        }
        let seat = inside.next_seat;
        inside.next_seat += 1;
        inside.members.insert(seat, member);
        Some((seat, self.news.subscribe()))
    }

    /// Lets somebody go; true where nobody is left.
    pub(super) fn leave(&self, seat: u64) -> bool {
        let mut inside = self.inside();
        inside.members.remove(&seat);
        inside.members.is_empty()
    }

    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.inside().members.values().copied().collect()
    }

    pub(super) fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }

    /// There may be something new: an event, an end of somebody's right.
    pub(super) fn wake(&self) {
        self.due.notify_one();
    }

    pub(super) fn saw(&self, sighting: Sighting) {
        self.inside().sightings.push(sighting);
        self.wake();
    }

    /// Reads the log for all, whenever there may be something new, until the last one has gone.
    pub(super) async fn run(self: Arc<Self>, store: Store, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.closed.cancelled() => return,
                () = self.due.notified() => {}
            }
            if let Err(error) = self.catch_up(&store).await {
                tracing::warn!(workspace_id = %self.workspace, %error, "the event log could not be read");
                self.wake();
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn catch_up(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let sightings = std::mem::take(&mut self.inside().sightings);
            let news = match read(store, self.workspace, self.position(), &self.members(), &sightings).await {
                Ok(news) => news,
                Err(error) => {
                    self.inside().sightings.extend(sightings);
                    return self.skip(store, error).await;
                }
            };
            self.position.store(news.slice.upto, Ordering::Release);
            let goes_on = news.slice.goes_on();
            // Nobody may be listening any more.
            let _ = self.news.send(Arc::new(news));
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Where the log was emptied or put back behind this room's back, its present end is where it goes on; each follower
    /// sees for themselves that something is missing.
    async fn skip(&self, store: &Store, error: StoreError) -> Result<(), StoreError> {
        if !matches!(error, StoreError::EventsExpired { .. } | StoreError::Invalid { .. }) {
            return Err(error);
        }
        self.position.store(Hub::latest(store, self.workspace).await?, Ordering::Release);
        self.wake();
        Ok(())
    }
}

/// One transaction for all of it.
pub(super) async fn read(
    store: &Store,
    workspace: WorkspaceId,
    after: i64,
    members: &[Member],
    sightings: &[Sighting],
) -> Result<News, StoreError> {
    let tx = store.begin_read(workspace).await?;
    let (slice, standings, presences) = tokio::try_join!(
        log::read(&tx, workspace, after, WINDOW),
        standing::load(&tx, workspace, members),
        presence::load(&tx, workspace, sightings),
    )?;
    tx.commit().await?;
    Ok(News { slice, standings, presences })
}
