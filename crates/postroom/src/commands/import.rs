//! `postroom mail import`: mail from files into a mailbox.

use super::{Progress, mailbox, note};
use crate::{cli::Import, config::Config};
use anyhow::{Context, Result, bail};
use postroom_mail::archive::{Archive, Imported, Importer};
use postroom_store::Store;
use std::{io::Write, path::Path};

/// Runs it.
pub(crate) async fn run(
    command: &Import,
    config: &Config,
    store: &Store,
    out: &mut impl Write,
) -> Result<()> {
    let mailbox = mailbox(store, &command.workspace, &command.mailbox).await?;
    let largest = usize::try_from(config.ingest.largest_message).unwrap_or(usize::MAX);
    // All paths are looked at first: a typing error is told before anything is done.
    let open =
        |path: &Path| Archive::open(path, largest, command.sent).with_context(|| path.display().to_string());
    let archives = command.paths.iter().map(|path| open(path)).collect::<Result<Vec<_>>>()?;
    const GO_ON: &str = "run it again to go on: what is in already is left alone";
    let mut importer = Importer::new(store.clone(), mailbox);
    let mut faults = 0;
    let (mut passed, mut marked) = (0, 0);
    let mut progress = Progress::new();
    for mut archive in archives {
        for why in &archive.passed {
            note(&format!("passed {why}"));
        }
        (passed, marked) = (passed + archive.passed.len(), marked + archive.marked);
        loop {
            match tokio::task::block_in_place(|| archive.read()) {
                Ok(Some((found, in_sent))) => {
                    importer.take_in(found, in_sent).await.context(GO_ON)?;
                }
                Ok(None) => break,
                Err(error) => {
                    faults += 1;
                    note(&format!("not read: {error}"));
                }
            }
            progress.say(|| told(&importer.done));
        }
    }
    importer.finish().await.context(GO_ON)?;
    writeln!(out, "{}", told(&importer.done))?;
    for (reason, count) in &importer.done.listed {
        writeln!(out, "in the intake list as {reason}: {count}")?;
    }
    if passed + marked > 0 {
        writeln!(out, "passed by: {passed} files and folders, {marked} mails marked as drafts or deleted")?;
    }
    match faults {
        0 => Ok(()),
        1 => bail!("1 file could not be read to its end"),
        many => bail!("{many} files could not be read to their ends"),
    }
}

fn told(done: &Imported) -> String {
    let listed: usize = done.listed.values().sum();
    format!(
        "{} mails: {} new, {} known, {listed} only in the intake list",
        done.total(),
        done.new,
        done.known
    )
}
