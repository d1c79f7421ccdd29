//! The plans of the very statements that the store sends, taken from the server's log.

use crate::world::cluster;
use postroom_testkit::process::wait_for;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    time::Duration,
};

/// What the server explained since it was last asked.
pub(crate) struct Explained {
    log: File,
    text: String,
    /// How this database's entries are marked.
    mark: String,
}

impl Explained {
    /// From now on each statement in this database is explained.
    pub(crate) fn of(database: &str) -> Self {
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
        ] {
            cluster().execute("postgres", &format!("ALTER DATABASE {database} SET {setting}")).unwrap();
        }
        let mut log = File::open(cluster().log()).unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self { log, text: String::new(), mark: format!("] {database} LOG:") }
    }

    /// The plans of this many statements on a table, each with its text. A statement is explained when its transaction
    /// ends, for which nobody who reads waits.
    pub(crate) fn plans_on(&mut self, table: &str, count: usize) -> Vec<String> {
        let mut plans = Vec::new();
        wait_for("the statements are explained", Duration::from_secs(20), || {
            self.log.read_to_string(&mut self.text).unwrap();
            plans = entries(&self.text);
            plans.retain(|entry| {
                entry.contains(&self.mark)
                    && entry.contains("Query Text: ")
                    && entry.contains(&format!("on {table}"))
            });
            Ok(plans.len() >= count && self.text.ends_with('\n'))
        })
        .unwrap();
        self.text.clear();
        plans
    }
}

/// The entries of a log, each of which begins at its line's beginning; what belongs to it is indented.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        match entries.last_mut().filter(|_| line.starts_with('\t')) {
            Some(entry) => {
                entry.push('\n');
                entry.push_str(line);
            }
            None => entries.push(line.to_owned()),
        }
    }
    entries
}
