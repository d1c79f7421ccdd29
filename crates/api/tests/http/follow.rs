//! Following the live stream, with times that don't keep a test waiting.

use crate::world;
use postroom_api::{limits::LimitSettings, sse::LiveTimes};
use postroom_store::LiveSettings;
use postroom_testkit::{
    client::{Caller, SignedIn},
    stream::EventStream,
};
use std::time::Duration;

/// For what should happen within moments, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The times of a server that is never waited for.
pub(crate) fn quick() -> LiveTimes {
    LiveTimes {
        heartbeat: Duration::from_millis(100),
        stall: Duration::from_secs(30),
        follow: LiveSettings { beat: Duration::from_millis(50), ..LiveSettings::default() },
    }
}

pub(crate) trait World {
    fn live(times: LiveTimes) -> Self;
}

impl World for world::World {
    /// With Conversations enabled.
    fn live(times: LiveTimes) -> Self {
        let world = Self::with_times(LimitSettings::OFF, times);
        world.enable();
        world
    }
}

/// Opens the caller's stream at a server.
pub(crate) fn follow(base: &str, caller: &SignedIn, query: &str) -> EventStream {
    let authorization = caller.authorization().unwrap();
    let path = format!("/v1/events/stream{query}");
    EventStream::open(base, &path, &[("authorization", &authorization)]).unwrap()
}
