//! `postroom keys …`: the keys that sign access tokens.

use anyhow::Result;
use postroom_api::tokens::generate_signing_key;
use postroom_store::Store;
use std::io::Write;

/// Runs `postroom keys rotate`.
pub(crate) async fn rotate(store: &Store, out: &mut impl Write) -> Result<()> {
    let key = generate_signing_key()?;
    store.sign_with(&key).await?;
    writeln!(out, "key {} signs from now on; running servers take it up within half a minute", key.kid)?;
    Ok(())
}
