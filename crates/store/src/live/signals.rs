//! Word that something was written: after the commit, to who follows here, and to the other servers.
//!
//! A NOTIFY takes a lock of the whole database at its commit, so that writers don't send any: the process gathers what
//! there is to say and says it in a transaction of its own, at most once every [`PAUSE`].

use super::{Hub, presence::Sighting};
use crate::{Store, error::StoreError};
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use postroom_domain::ids::WorkspaceId;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use uuid::Uuid;

/// On which all servers listen.
pub(super) const CHANNEL: &str = "postroom_live";
/// Between two NOTIFYs of this process.
const PAUSE: Duration = Duration::from_millis(50);

/// What this process has to say.
pub(crate) struct Signals {
    /// This process, so that it knows its own words.
    origin: Uuid,
    waiting: Mutex<Waiting>,
    here: Mutex<Weak<Hub>>,
}

#[derive(Default)]
struct Waiting {
    news: BTreeSet<Uuid>,
    sightings: Vec<Sighting>,
    /// Somebody is at it.
    speaking: bool,
}

/// What another server said.
pub(super) enum Word {
    /// Something was written in this workspace.
    News(WorkspaceId),
    /// Somebody is in a conversation.
    Seen(Sighting),
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self { origin: Uuid::new_v4(), waiting: Mutex::default(), here: Mutex::default() }
    }

    /// Those who follow in this process.
    pub(super) fn here(&self, hub: Weak<Hub>) {
        *self.here.lock().unwrap_or_else(PoisonError::into_inner) = hub;
    }

    fn hub(&self) -> Option<Arc<Hub>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Takes what there is to say; where there is nothing, nobody speaks any more.
    fn take(&self) -> Option<Vec<String>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.news.is_empty() && waiting.sightings.is_empty() {
            waiting.speaking = false;
            return None;
        }
        let news = std::mem::take(&mut waiting.news);
        let sightings = std::mem::take(&mut waiting.sightings);
        let news = news.into_iter().map(|workspace| json!({"from": self.origin, "news": workspace}));
        let sightings = sightings.iter().map(|one| json!({"from": self.origin, "seen": one.to_json()}));
        Some(news.chain(sightings).map(|word| word.to_string()).collect())
    }

    /// Understands what came over the channel; nothing where it is this process's own.
    pub(super) fn understand(&self, payload: &str) -> Option<Word> {
        let word: Value = serde_json::from_str(payload).ok()?;
        let id = |value: &Value| Uuid::try_parse(value.as_str()?).ok();
        if id(word.get("from")?)? == self.origin {
            return None;
        }
        match word.get("news") {
            Some(workspace) => Some(Word::News(WorkspaceId(id(workspace)?))),
            None => Sighting::from_json(word.get("seen")?).map(Word::Seen),
        }
    }
}

impl Store {
    /// Something was written and is committed. Costs the writer nothing.
    pub(crate) fn tell(&self, workspace: WorkspaceId) {
        if let Some(hub) = self.inner.signals.hub() {
            hub.wake(workspace);
        }
        self.say(|waiting| {
            waiting.news.insert(workspace.0);
        });
    }

    /// Somebody is in a conversation: for the other servers.
    pub(super) fn tell_sighting(&self, sighting: Sighting) {
        self.say(|waiting| waiting.sightings.push(sighting));
    }

    fn say(&self, what: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.inner.signals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        what(&mut waiting);
        if waiting.speaking {
            return;
        }
        waiting.speaking = true;
        self.inner.runtime.spawn(self.clone().speak());
    }

    /// Says what there is to say, until there is nothing more. What can't be said is dropped: the others look for
    /// themselves each second.
    async fn speak(self) {
        while let Some(words) = self.inner.signals.take() {
            if let Err(error) = self.notify(&words).await {
                tracing::debug!(%error, "the other servers could not be told");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn notify(&self, words: &[String]) -> Result<(), StoreError> {
        self.write_global(async |tx| {
            diesel::sql_query("SELECT pg_notify($1, word) FROM unnest($2) AS word")
                .bind::<Text, _>(CHANNEL)
                .bind::<Array<Text>, _>(words)
                .execute(&mut tx.conn())
                .await?;
            Ok(())
        })
        .await
    }
}
