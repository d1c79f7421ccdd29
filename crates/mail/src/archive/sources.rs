//! Where mails are found in what an operator names: an mbox, a single mail, a Maildir with its folders, a directory of
//! any of these.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{Found, mbox::Mbox};

/// What a folder is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Received,
    Sent,
    /// Drafts, trash and junk are nobody's correspondence.
    Nothing,
}

/// One file to read.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    form: Form,
    in_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Mbox,
    Mail,
}

/// All mails below a path, one after the other.
pub struct Archive {
    sources: VecDeque<Source>,
    open: Option<(Mbox<BufReader<File>>, bool, PathBuf)>,
    largest: usize,
    /// What was passed by, in words: folders of drafts, files that are no mail.
    pub passed: Vec<String>,
    /// Mails marked as drafts or deleted.
    pub marked: usize,
}

impl Archive {
    /// Looks at what there is. Mails of more than `largest` bytes are kept by their header; with `all_sent` all of them are
    /// taken as written by the mailbox's people, else those in folders named so.
    ///
    /// # Errors
    /// When the path or a directory below it can't be read.
    pub fn open(path: &Path, largest: usize, all_sent: bool) -> io::Result<Self> {
        let mut archive =
            Self { sources: VecDeque::new(), open: None, largest, passed: Vec::new(), marked: 0 };
        // What is named on purpose is read, whatever its name is.
        let purpose = if all_sent { Purpose::Sent } else { named_for_sent(path) };
        if fs::metadata(path)?.is_dir() {
            archive.directory(path, purpose, all_sent)?;
        } else {
            archive.file(path, purpose == Purpose::Sent)?;
        }
        Ok(archive)
    }

    /// The next mail, and whether the mailbox's people wrote it.
    ///
    /// # Errors
    /// When a file can't be read; the path is named. The next call goes on behind it.
    pub fn read(&mut self) -> io::Result<Option<(Found, bool)>> {
        loop {
            if let Some((mbox, in_sent, path)) = &mut self.open {
                match mbox.read().map_err(|error| at(path, &error)) {
                    Ok(Some(found)) => return Ok(Some((found, *in_sent))),
                    Ok(None) => self.open = None,
                    Err(error) => {
                        self.open = None;
                        return Err(error);
                    }
                }
            }
            let Some(Source { path, form, in_sent }) = self.sources.pop_front() else { return Ok(None) };
            let file = match File::open(&path) {
                Ok(file) => file,
                // A Maildir lives: its owner has moved or deleted it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&path, &error)),
            };
            match form {
                Form::Mbox => {
                    self.open = Some((
                        Mbox::new(BufReader::with_capacity(256 * 1024, file), self.largest),
                        in_sent,
                        path,
                    ));
                }
                Form::Mail => {
                    let found = Found::in_file(file, self.largest).map_err(|error| at(&path, &error))?;
                    return Ok(Some((found, in_sent)));
                }
            }
        }
    }

    fn directory(&mut self, path: &Path, purpose: Purpose, all_sent: bool) -> io::Result<()> {
        let mut entries: Vec<_> = fs::read_dir(path)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|error| at(path, &error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let is_maildir =
            entries.iter().any(|entry| is_maildir_part(&entry.file_name()) && entry.path().is_dir());
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            let kind = entry.file_type().map_err(|error| at(&path, &error))?;
            if kind.is_dir() && is_maildir && is_maildir_part(&name) {
                if name != "tmp" {
                    self.maildir(&path, purpose == Purpose::Sent)?;
                }
            } else if kind.is_dir() {
                let below = if all_sent { Purpose::Sent } else { purpose_of(&name) };
                match below {
                    Purpose::Nothing => {
                        self.passed.push(format!("{}: drafts, junk or trash", path.display()));
                    }
                    // A folder within the sent ones holds sent ones.
                    Purpose::Received => self.directory(&path, purpose, all_sent)?,
                    Purpose::Sent => self.directory(&path, Purpose::Sent, all_sent)?,
                }
            } else if kind.is_file() && !is_maildir {
                let of_file = if all_sent { Purpose::Sent } else { purpose_of(&name) };
                match of_file {
                    Purpose::Nothing => {
                        self.passed.push(format!("{}: drafts, junk or trash", path.display()));
                    }
                    Purpose::Sent => self.listed_file(&path, true)?,
                    Purpose::Received => self.listed_file(&path, purpose == Purpose::Sent)?,
                }
            }
        }
        Ok(())
    }

    /// `cur` or `new`: each file is a mail, with its flags behind `:2,`.
    fn maildir(&mut self, path: &Path, in_sent: bool) -> io::Result<()> {
        let mut files: Vec<_> = fs::read_dir(path)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
            })
            .map_err(|error| at(path, &error))?;
        // Their names begin with the time of their arrival.
        files.sort();
        for name in files {
            let text = name.to_string_lossy();
            if text.starts_with('.') {
                continue;
            }
            let flags = text
                .rsplit_once([':', ';', '!'])
                .and_then(|(_, info)| info.strip_prefix("2,"))
                .unwrap_or_default();
            if flags.contains(['D', 'T']) {
                self.marked += 1;
            } else {
                self.sources.push_back(Source { path: path.join(&name), form: Form::Mail, in_sent });
            }
        }
        Ok(())
    }

    /// A file of a directory: mboxes and mails are taken, others passed.
    fn listed_file(&mut self, path: &Path, in_sent: bool) -> io::Result<()> {
        let begins_as_mbox = begins_as_mbox(path)?;
        if begins_as_mbox || has_extension(path, &["eml", "mbox", "mbx"]) {
            self.file(path, in_sent)?;
        } else {
            self.passed.push(format!("{}: neither an mbox nor a mail by its name", path.display()));
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, in_sent: bool) -> io::Result<()> {
        let is_mbox = !has_extension(path, &["eml"])
            && (begins_as_mbox(path)? || has_extension(path, &["mbox", "mbx"]));
        let form = if is_mbox { Form::Mbox } else { Form::Mail };
        self.sources.push_back(Source { path: path.to_owned(), form, in_sent });
        Ok(())
    }
}

/// Names the file in an error about it.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn is_maildir_part(name: &OsStr) -> bool {
    name == "cur" || name == "new" || name == "tmp"
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    known.iter().any(|one| extension.eq_ignore_ascii_case(one))
}

/// Whether the first line that is not blank begins with `From `.
fn begins_as_mbox(path: &Path) -> io::Result<bool> {
    let file = File::open(path).map_err(|error| at(path, &error))?;
    let mut reader = BufReader::new(file.take(4096));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|error| at(path, &error))?;
        if read == 0 || !line.trim_ascii().is_empty() {
            return Ok(line.starts_with(b"From "));
        }
    }
}

fn named_for_sent(path: &Path) -> Purpose {
    match path.file_name().map(purpose_of) {
        Some(Purpose::Sent) => Purpose::Sent,
        _ => Purpose::Received,
    }
}

/// The purpose by the last part of a folder's name, in the languages of common programs: `.Sent`, `INBOX.Sent Items`,
/// `Sent.mbox`.
fn purpose_of(name: &OsStr) -> Purpose {
    const SENT: [&str; 14] = [
        "sent",
        "sent items",
        "sent messages",
        "sent mail",
        "sent-mail",
        "gesendet",
        "gesendete elemente",
        "gesendete objekte",
        "envoyés",
        "messages envoyés",
        "éléments envoyés",
        "enviados",
        "posta inviata",
        "verzonden items",
    ];
    const NOTHING: [&str; 20] = [
        "drafts",
        "draft",
        "entwürfe",
        "brouillons",
        "borradores",
        "bozze",
        "templates",
        "outbox",
        "trash",
        "bin",
        "deleted items",
        "deleted messages",
        "papierkorb",
        "gelöschte elemente",
        "corbeille",
        "junk",
        "junk e-mail",
        "junk email",
        "spam",
        "bulk mail",
    ];
    let name = name.to_string_lossy().to_lowercase();
    let name =
        ["mbox", "mbx", "eml"].iter().find_map(|end| name.strip_suffix(&format!(".{end}"))).unwrap_or(&name);
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    if SENT.contains(&last) {
        Purpose::Sent
    } else if NOTHING.contains(&last) {
        Purpose::Nothing
    } else {
        Purpose::Received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_known_by_their_names() {
        let purpose = |name: &str| purpose_of(OsStr::new(name));
        for sent in ["Sent", ".Sent", ".INBOX.Sent Items", "Sent.mbox", "Gesendet"] {
            assert_eq!(purpose(sent), Purpose::Sent, "{sent}");
        }
        for nothing in [".Drafts", "Trash", ".INBOX.Junk", "Spam.mbox"] {
            assert_eq!(purpose(nothing), Purpose::Nothing, "{nothing}");
        }
        for other in ["INBOX", ".Customers", "Presentations", ".Sentinel", "all.mbox"] {
            assert_eq!(purpose(other), Purpose::Received, "{other}");
        }
    }
}
