//! Logs: to standard error, for people on a terminal, one JSON object a line everywhere else.

use crate::config::{LogFormat, Logs};
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Begins to log.
pub(crate) fn begin(logs: &Logs) {
    let json = match logs.format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&logs.filter)).with_writer(io::stderr);
    // It fails only where logging has begun already.
    let _ = if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        subscriber.with_ansi(io::stderr().is_terminal()).try_init()
    };
}
