//! Notes of what was reached: a file for each process, a line for each operation and status.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions, create_dir_all},
    io::Write,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Where the notes of a run are. `make test` empties it before.
pub(super) fn directory() -> PathBuf {
    crate::checkout().join("target/reached")
}

/// What this process has noted, and where.
struct Notes {
    known: HashSet<(String, u16)>,
    file: Option<File>,
}

static NOTES: Mutex<Option<Notes>> = Mutex::new(None);

/// Notes that an operation was answered with a status. Where it can't be written, the comparison says what is missing.
pub(super) fn note(operation: &str, status: u16) {
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    let notes = notes.get_or_insert_with(|| Notes { known: HashSet::new(), file: open() });
    if notes.known.insert((operation.to_owned(), status))
        && let Some(file) = &mut notes.file
    {
        // One write each, so that a process that is killed leaves whole lines.
        let _ = file.write_all(format!("{operation} {status}\n").as_bytes());
    }
}

fn open() -> Option<File> {
    let directory = directory();
    create_dir_all(&directory).ok()?;
    let file = directory.join(std::process::id().to_string());
    OpenOptions::new().create(true).append(true).open(file).ok()
}
