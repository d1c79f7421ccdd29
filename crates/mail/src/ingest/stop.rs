//! Telling a mailbox's thread to stop, wherever it is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::imap::Interrupter;

/// A signal to one thread that reads a mailbox. Shared between the thread and whoever watches over it.
#[derive(Debug, Default)]
pub(super) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    set: bool,
    interrupter: Option<Interrupter>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the thread: between two messages, in the middle of a sleep, or by cutting its connection. What it has
    /// handed to the store is finished.
    pub(super) fn set(&self) {
        let mut state = self.state();
        state.set = true;
        if let Some(interrupter) = &state.interrupter {
            interrupter.interrupt();
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        self.state().set
    }

    /// From now on stopping cuts this session. One that was stopped before it was open is cut at once.
    pub(super) fn cuts(&self, interrupter: Interrupter) {
        let mut state = self.state();
        if state.set {
            interrupter.interrupt();
        }
        state.interrupter = Some(interrupter);
    }

    /// Sleeps, at most until it is stopped.
    pub(super) fn sleep(&self, time: Duration) {
        let state = self.state();
        // Whether it timed out is no matter: the caller asks `is_set`.
        drop(self.changed.wait_timeout_while(state, time, |state| !state.set));
    }
}
