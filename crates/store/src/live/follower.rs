//! One who follows the log.

use super::{
    Hub,
    event::Event,
    presence::Presence,
    room::{self, News, Room},
    standing::{Credential, EndReason, Member},
};
use crate::error::StoreError;
use postroom_domain::access::Actor;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::{self, error::RecvError};

/// After a failure, before the next try.
const RETRY: Duration = Duration::from_millis(500);

/// What comes next to one who follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// What they may know of what happened.
    News {
        /// Changes, in the order of their numbers; none where what happened is not theirs to know.
        events: Vec<Event>,
        /// Who is in the conversations that they see.
        presences: Vec<Presence>,
        /// Everything up to this number is told.
        position: i64,
    },
    /// They are told no more.
    End(EndReason),
}

/// Somebody who follows their workspace's log from a number on. Holds no connection while it waits.
pub struct Follower {
    hub: Arc<Hub>,
    room: Arc<Room>,
    seat: u64,
    news: broadcast::Receiver<Arc<News>>,
    actor: Actor,
    credential: Credential,
    position: i64,
    /// They are not where the others are, and read for themselves.
    behind: bool,
}

impl Follower {
    /// `None` where as many follow as this user already as may.
    pub(super) fn new(
        hub: Arc<Hub>,
        room: Arc<Room>,
        (actor, credential): (Actor, Credential),
        position: i64,
    ) -> Option<Self> {
        let member = Member { credential, user: actor.user_id };
        let (seat, news) = room.join(member, hub.settings.per_user)?;
        // Asked after joining: what the room reads from here on, it tells this one too.
        let behind = room.position() > position;
        Some(Self { hub, room, seat, news, actor, credential, position, behind })
    }

    /// Everything up to this number is told.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Waits for what comes next. Where the database fails it is asked again, until it answers: nothing is left out.
    pub async fn next(&mut self) -> Next {
        loop {
            let next = if self.behind {
                self.read().await
            } else {
                match self.news.recv().await {
                    Ok(news) => self.take(&news),
                    Err(RecvError::Lagged(_)) => {
                        self.behind = true;
                        None
                    }
                    Err(RecvError::Closed) => Some(Next::End(EndReason::Stopping)),
                }
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// What was read for all.
    fn take(&mut self, news: &News) -> Option<Next> {
        if !news.standings.knows(self.credential) || news.slice.after > self.position {
            self.behind = true;
            return None;
        }
        self.tell(news)
    }

    /// Reads for themselves.
    async fn read(&mut self) -> Option<Next> {
        let turn = self.hub.turns.acquire().await;
        let me = [Member { credential: self.credential, user: self.actor.user_id }];
        let read = room::read(&self.hub.store, self.actor.workspace_id, self.position, &me, &[]).await;
        drop(turn);
        match read {
            Ok(news) => {
                self.behind = news.slice.goes_on();
                self.tell(&news)
            }
            Err(StoreError::EventsExpired { .. } | StoreError::Invalid { .. }) => {
                Some(Next::End(EndReason::EventsExpired))
            }
            Err(error) => {
                tracing::warn!(workspace_id = %self.room.workspace, %error, "the event log could not be read");
                tokio::time::sleep(RETRY).await;
                None
            }
        }
    }

    /// What of it is theirs to know. Whether they may know anything at all comes first.
    fn tell(&mut self, news: &News) -> Option<Next> {
        if let Some(reason) = news.standings.end_of(&self.actor, self.credential) {
            return Some(Next::End(reason));
        }
        let events: Vec<Event> = news.slice.for_actor(&self.actor, self.position).collect();
        let presences: Vec<Presence> =
            news.presences.iter().filter(|one| one.is_for(&self.actor)).cloned().collect();
        let moved = news.slice.upto > self.position;
        self.position = self.position.max(news.slice.upto);
        (moved || !presences.is_empty()).then_some(Next::News { events, presences, position: self.position })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.hub.leave(&self.room, self.seat);
    }
}
