//! `postroom keys …`: the keys that sign access tokens.

use crate::cli::RotateKeys;
use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use postroom_api::tokens::generate_signing_key;
use postroom_store::Store;
use std::io::Write;

/// So long a key is known before it signs: servers read the keys every half minute, and the list that they publish may be
/// kept for a minute.
const KNOWN_BEFORE: TimeDelta = TimeDelta::minutes(2);

/// Runs `postroom keys rotate`.
pub(crate) async fn rotate(rotate: &RotateKeys, store: &Store, out: &mut impl Write) -> Result<()> {
    // One key more, under another master key than the others, and no server would start with either.
    store.signing_keys().await.context("opening the keys that there are")?;
    let key = generate_signing_key()?;
    let now = Utc::now();
    let from = if rotate.now { now } else { now + KNOWN_BEFORE };
    store.sign_with(&key, from).await?;
    let when = if rotate.now { "at once" } else { "in two minutes" };
    writeln!(out, "key {} signs {when}; running servers take it up without a restart", key.kid)?;
    Ok(())
}
