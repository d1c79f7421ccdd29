//! Finding and opening folders, and the UIDs in them.

use chrono::NaiveDate;
use imap_proto::{MailboxDatum, NameAttribute, Response, ResponseCode};

use super::connect::{Session, answers};
use super::names::FolderName;
use super::scanner::AnswerLimits;
use crate::error::ServerError;

/// The folders that Postroom reads, by the names that the server uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Always `INBOX`.
    pub inbox: String,
    /// The folder of sent mail, where there is one.
    pub sent: Option<String>,
    /// All folders that can be opened.
    pub all: Vec<FolderName>,
}

/// A folder that was opened for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// UIDs hold only as long as this stays the same (RFC 3501, 2.3.1.1).
    pub uid_validity: u32,
    /// Every later message has at least this UID.
    pub uid_next: u32,
    /// Messages in the folder.
    pub exists: u32,
}

/// Names under which mail programs and servers file sent mail where nothing declares it (RFC 6154), lower-case, the
/// likeliest first; non-ASCII ones in modified UTF-7.
const SENT_NAMES: [&str; 18] = [
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "gesendet",
    "gesendete objekte",
    "gesendete elemente",
    "gesendete nachrichten",
    "envoy&aok-s",
    "&amk-l&aok-ments envoy&aok-s",
    "messages envoy&aok-s",
    "enviados",
    "elementos enviados",
    "itens enviados",
    "inviata",
    "posta inviata",
    "verzonden items",
    "wys&auiba-ane",
];

impl Session {
    /// Lists the folders and finds the one for sent mail: by its special use, else by its name.
    ///
    /// # Errors
    /// When the server refuses the listing or the connection fails.
    pub fn discover(&mut self) -> Result<Folders, ServerError> {
        let limits = AnswerLimits { answer: 4 * 1024 * 1024, ..AnswerLimits::SMALL };
        let command = if self.lists_special_use {
            r#"LIST "" "*" RETURN (SPECIAL-USE)"#
        } else {
            // Servers without the extension may still send the attributes (RFC 6154, 2).
            r#"LIST "" "*""#
        };
        let data = self.command(command, limits)?;
        let mut declared = None;
        let mut by_name: Option<(usize, String)> = None;
        let mut all = Vec::new();
        for answer in answers(&data) {
            let Response::MailboxData(MailboxDatum::List { name_attributes, delimiter, name }) = answer
            else {
                continue;
            };
            if name_attributes.iter().any(is_unselectable) {
                continue;
            }
            let (name, delimiter) = (unescaped(&name), delimiter.as_deref().map(unescaped));
            if declared.is_none() && name_attributes.contains(&NameAttribute::Sent) {
                declared = Some(name.clone());
            }
            if let Some(rank) = sent_rank(&name, delimiter.as_deref())
                && by_name.as_ref().is_none_or(|(best, _)| rank < *best)
            {
                by_name = Some((rank, name.clone()));
            }
            all.push(FolderName { wire: name, delimiter });
        }
        Ok(Folders { inbox: "INBOX".to_owned(), sent: declared.or(by_name.map(|(_, name)| name)), all })
    }

    /// Opens a folder for reading only (`EXAMINE`).
    ///
    /// # Errors
    /// `FolderRefused` if it does not exist or may not be read; `Protocol` if the server has no UIDs.
    pub fn examine(&mut self, folder: &str) -> Result<Opened, ServerError> {
        let command = format!("EXAMINE {}", quoted(folder)?);
        let data = self.command(&command, AnswerLimits::SMALL).map_err(|error| match error {
            ServerError::Refused => ServerError::FolderRefused,
            other => other,
        })?;
        let (mut uid_validity, mut uid_next, mut exists) = (None, None, 0);
        for answer in answers(&data) {
            match answer {
                Response::Data { code: Some(ResponseCode::UidValidity(value)), .. } => {
                    uid_validity = Some(value);
                }
                Response::Data { code: Some(ResponseCode::UidNext(value)), .. } => uid_next = Some(value),
                Response::MailboxData(MailboxDatum::Exists(value)) => exists = value,
                _ => {}
            }
        }
        let uid_validity = uid_validity.ok_or(ServerError::Protocol)?;
        let uid_next = match uid_next {
            Some(value) => value,
            // Old servers leave it out; then it is one more than the last message's.
            None => self.uids_from(1)?.last().map_or(1, |last| last.saturating_add(1)),
        };
        Ok(Opened { uid_validity, uid_next: uid_next.max(1), exists })
    }

    /// Lets the server look for changes in the open folder (`NOOP`).
    ///
    /// # Errors
    /// When the connection fails.
    pub fn refresh(&mut self) -> Result<(), ServerError> {
        self.command("NOOP", AnswerLimits::SMALL).map(|_| ())
    }

    /// The UIDs of the open folder from `first` on, ascending.
    ///
    /// # Errors
    /// When the search is refused or the connection fails.
    pub fn uids_from(&mut self, first: u32) -> Result<Vec<u32>, ServerError> {
        let mut uids = self.search(&format!("UID {}:*", first.max(1)))?;
        // `*` is the last message even where its UID is below `first` (RFC 3501, 6.4.8).
        uids.retain(|&uid| uid >= first);
        Ok(uids)
    }

    /// The UIDs in `first..below` of messages that the server received on `since` or later, ascending.
    ///
    /// The server compares days by its own time zone: one day more is asked for than named.
    ///
    /// # Errors
    /// When the search is refused or the connection fails.
    pub fn uids_between(
        &mut self,
        first: u32,
        below: u32,
        since: NaiveDate,
    ) -> Result<Vec<u32>, ServerError> {
        let first = first.max(1);
        if below <= first {
            return Ok(Vec::new());
        }
        let day = since.pred_opt().unwrap_or(since).format("%-d-%b-%Y");
        let mut uids = self.search(&format!("UID {first}:{} SINCE {day}", below - 1))?;
        uids.retain(|uid| (first..below).contains(uid));
        Ok(uids)
    }

    /// Says whether the open folder holds the message with this UID.
    ///
    /// # Errors
    /// When the search is refused or the connection fails.
    pub fn holds_uid(&mut self, uid: u32) -> Result<bool, ServerError> {
        Ok(self.search(&format!("UID {uid}"))?.contains(&uid))
    }

    /// Runs `UID SEARCH`.
    pub(super) fn search(&mut self, criteria: &str) -> Result<Vec<u32>, ServerError> {
        // One line names all UIDs: up to 11 bytes each, so this is enough for a folder of a million and a half.
        let limits = AnswerLimits { literal: 1024, line: 16 * 1024 * 1024, answer: 17 * 1024 * 1024 };
        let data = self.command(&format!("UID SEARCH {criteria}"), limits)?;
        let mut uids = Vec::new();
        for answer in answers(&data) {
            if let Response::MailboxData(MailboxDatum::Search(found)) = answer {
                uids.extend(found);
            }
        }
        // 0 is no UID, and after the last possible one there would be no position.
        uids.retain(|&uid| uid > 0 && uid < u32::MAX);
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }
}

fn is_unselectable(attribute: &NameAttribute<'_>) -> bool {
    match attribute {
        NameAttribute::NoSelect => true,
        NameAttribute::Extension(name) => name.eq_ignore_ascii_case("\\NonExistent"),
        _ => false,
    }
}

/// What stands in a quoted string, which `imap-proto` hands on with its backslashes. (It hands a literal on in the same
/// way; one with a backslash before a quote or another backslash would be taken for the other.)
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let escaped = rest.next_if(|next| char == '\\' && matches!(next, '"' | '\\'));
        out.push(escaped.unwrap_or(char));
    }
    out
}

/// How likely a folder of this name holds sent mail: 0 is the likeliest.
fn sent_rank(name: &str, delimiter: Option<&str>) -> Option<usize> {
    let last = delimiter.filter(|d| !d.is_empty()).map_or(name, |d| name.rsplit(d).next().unwrap_or(name));
    let last = last.to_ascii_lowercase();
    SENT_NAMES.iter().position(|candidate| *candidate == last)
}

/// A string as the grammar's `quoted` (RFC 3501, 9).
///
/// # Errors
/// `FolderRefused` where it holds what no quoted string can: line ends, NUL, 8-bit.
pub(super) fn quoted(text: &str) -> Result<String, ServerError> {
    if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0) || byte >= 0x80) {
        return Err(ServerError::FolderRefused);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_folders_are_known_by_the_last_part_of_their_names() {
        assert_eq!(sent_rank("INBOX.Sent", Some(".")), Some(0));
        assert_eq!(sent_rank("[Gmail]/Sent Mail", Some("/")), Some(3));
        assert_eq!(sent_rank("Gesendete Objekte", Some("/")), Some(5));
        assert_eq!(sent_rank("&AMk-l&AOk-ments envoy&AOk-s", None), Some(9));
        assert_eq!(sent_rank("Presents", Some("/")), None);
        assert_eq!(sent_rank("Sent/2019", Some("/")), None);
    }

    #[test]
    fn no_command_is_smuggled_through_a_folder_name() {
        assert_eq!(quoted(r#"a "b" \c"#).as_deref(), Ok(r#""a \"b\" \\c""#));
        assert_eq!(quoted("a\r\nx1 LOGOUT"), Err(ServerError::FolderRefused));
    }
}
