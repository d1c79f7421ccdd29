//! `postroom openapi`: the contract, as text or as a check that the committed file is current.

use crate::cli::Openapi;
use anyhow::{Context, Result, bail};
use std::{fs, io::Write, path::Path};

/// Where the document is committed, from the top of the checkout.
const COMMITTED: &str = "openapi/postroom.json";

/// Prints the document, or compares.
pub(crate) fn run(arguments: &Openapi, out: &mut impl Write) -> Result<()> {
    let document = postroom_api::openapi::openapi();
    if !arguments.check {
        out.write_all(document.as_bytes())?;
        return Ok(());
    }
    let committed =
        fs::read_to_string(Path::new(COMMITTED)).with_context(|| format!("reading {COMMITTED}"))?;
    compare(&document, &committed)
}

/// Tells the first line that differs, and the remedy.
fn compare(document: &str, committed: &str) -> Result<()> {
    if document == committed {
        return Ok(());
    }
    let (mut ours, mut theirs) = (document.lines(), committed.lines());
    let mut number = 1;
    loop {
        match (ours.next(), theirs.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            (one, other) => bail!(
                "{COMMITTED} is not current: line {number} should be {:?}, it is {:?}; run `postroom openapi > {COMMITTED}`",
                one.unwrap_or_default().trim(),
                other.unwrap_or_default().trim()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        assert!(compare("a\nb\n", "a\nb\n").is_ok());
        let error = compare("a\nb\nc\n", "a\nB\nc\n").unwrap_err().to_string();
        assert!(error.contains("line 2 should be \"b\", it is \"B\""), "{error}");
        assert!(compare("a\n", "a\nb\n").is_err());
        assert!(compare("a\nb", "a\n").is_err());
    }
}
