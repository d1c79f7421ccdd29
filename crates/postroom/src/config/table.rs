//! The one table of settings: what is documented is what is read.

/// A setting that can be given as an environment variable, or as a key of the configuration file.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The environment variable. The file's key is the same without `POSTROOM_`, in lower case.
    pub(crate) name: &'static str,
    /// What holds where it isn't given.
    pub(crate) default: Default,
    /// The least and the most that it may be, where it is a duration.
    pub(crate) bounds: Option<(&'static str, &'static str)>,
    /// What it is, for operators.
    pub(crate) what: &'static str,
}

/// What holds where a setting isn't given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Default {
    /// It must be given.
    Required,
    /// Nothing.
    None,
    /// This text, read as if it had been given.
    Text(&'static str),
    /// Worked out from other settings, as described.
    From(&'static str),
}

impl Setting {
    /// Its key in the configuration file.
    pub(crate) fn key(&self) -> String {
        self.name.trim_start_matches("POSTROOM_").to_lowercase()
    }
}

/// The group of settings under one heading of the documentation.
#[derive(Debug)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) title: &'static str,
    /// Its settings.
    pub(crate) settings: &'static [Setting],
}

const fn setting(name: &'static str, default: Default, what: &'static str) -> Setting {
    Setting { name, default, bounds: None, what }
}

/// A duration, by default `default`, not below `least` and not above `most`.
const fn duration(
    name: &'static str,
    default: &'static str,
    (least, most): (&'static str, &'static str),
    what: &'static str,
) -> Setting {
    Setting { name, default: Default::Text(default), bounds: Some((least, most)), what }
}

/// All settings.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        title: "Data",
        settings: &[
            setting(
                "POSTROOM_DATABASE_URL",
                Default::Required,
                "The PostgreSQL database, `postgres://user:password@host:port/database`. `sslmode=require` asks for TLS with \
                 a certificate that the machine trusts.",
            ),
            setting(
                "POSTROOM_MASTER_KEY",
                Default::Required,
                "32 random bytes as base64 (`openssl rand -base64 32`). Encrypts the passwords of mailboxes and the keys \
                 that sign access tokens. The same for all processes of an installation; without it those secrets are lost.",
            ),
            setting(
                "POSTROOM_DATA_DIR",
                Default::Text("./.local/data"),
                "The directory of this installation's files.",
            ),
            setting(
                "POSTROOM_BLOB_URL",
                Default::From("`blobs` in the data directory"),
                "Where raw mail and attachments are kept: `file:///…`, a directory that all processes share.",
            ),
            setting(
                "POSTROOM_DATABASE_CONNECTIONS",
                Default::Text("16"),
                "Database connections of this process, at most; one that serves the API has one more, on which it listens.",
            ),
            duration(
                "POSTROOM_DATABASE_WAIT",
                "5s",
                ("10ms", "1m"),
                "How long a request waits for a free connection before it is answered 503.",
            ),
            duration(
                "POSTROOM_STATEMENT_TIMEOUT",
                "10s",
                ("100ms", "10m"),
                "A statement that runs longer is ended by the database.",
            ),
        ],
    },
    Group {
        title: "HTTP",
        settings: &[
            setting(
                "POSTROOM_LISTEN",
                Default::Text("127.0.0.1:8080"),
                "Address and port of the API. Port 0 takes a free one and prints it.",
            ),
            setting(
                "POSTROOM_PUBLIC_URL",
                Default::From("`http://` and the address listened on"),
                "Where clients reach the API, without a slash at the end. Links to attachments and pictures begin with it.",
            ),
            setting(
                "POSTROOM_CORS_ORIGINS",
                Default::None,
                "Origins of pages that may call the API, separated by commas, each exactly as browsers send it \
                 (`https://app.example.com`).",
            ),
            setting(
                "POSTROOM_COOKIE_SAMESITE",
                Default::Text("lax"),
                "`lax`, or `none` for a page on another site than the API.",
            ),
            setting(
                "POSTROOM_PAGE_DIR",
                Default::None,
                "A directory with `index.html` and what belongs to it: a page that is served at `/`, on the API's own \
                 address, such as `frontend-contract/page/dist`. It is read once, at the start.",
            ),
            setting(
                "POSTROOM_SIGNING_KEY",
                Default::From("one that Postroom makes"),
                "An Ed25519 key that is to sign access tokens (`openssl genpkey -algorithm ed25519`), as PEM or as base64 of \
                 its DER. It is taken over into the database once; `postroom keys rotate` replaces it as any other.",
            ),
            setting(
                "POSTROOM_TRUSTED_PROXIES",
                Default::Text("0"),
                "How many reverse proxies in front write `X-Forwarded-For`. With 0 that header is ignored.",
            ),
            setting(
                "POSTROOM_HTTP_WORKERS",
                Default::Text("0"),
                "Threads that answer requests; 0 takes one for each processor.",
            ),
            setting(
                "POSTROOM_RATE_LIMIT",
                Default::Text("50"),
                "Requests a second of one caller, on average; 0 for no limit.",
            ),
            setting(
                "POSTROOM_RATE_LIMIT_BURST",
                Default::Text("200"),
                "Requests of one caller at once; 0 for no limit.",
            ),
            setting(
                "POSTROOM_SIGN_IN_LIMIT_ACCOUNT",
                Default::Text("10"),
                "Tries to sign in to one account within a minute; 0 for no limit.",
            ),
            setting(
                "POSTROOM_SIGN_IN_LIMIT_ADDRESS",
                Default::Text("60"),
                "Tries to sign in from one network address within a minute; 0 for no limit.",
            ),
        ],
    },
    Group {
        title: "Live page",
        settings: &[
            duration(
                "POSTROOM_LIVE_HEARTBEAT",
                "15s",
                ("50ms", "5m"),
                "How often a quiet live stream says that it lives. Proxies in front must wait longer than this.",
            ),
            duration(
                "POSTROOM_LIVE_STALL",
                "30s",
                ("100ms", "10m"),
                "A connection whose other end takes nothing for so long is closed. A live stream resumes where it was.",
            ),
            duration(
                "POSTROOM_LIVE_LOOK",
                "1s",
                ("10ms", "1m"),
                "How often a server looks for itself whether something happened on another one, or whether somebody has signed \
                 out. Most of it is told at once.",
            ),
            duration(
                "POSTROOM_LIVE_PRESENCE",
                "30s",
                ("10ms", "10m"),
                "How long somebody is shown in a conversation without their page saying so again.",
            ),
            setting(
                "POSTROOM_LIVE_STREAMS",
                Default::Text("50"),
                "How many live streams one user may have open at once on this server; one more is refused.",
            ),
        ],
    },
    Group {
        title: "Mail servers",
        settings: &[
            setting(
                "POSTROOM_MAIL_CA_FILE",
                Default::None,
                "A PEM file with a further certificate authority, for private mail servers.",
            ),
            setting(
                "POSTROOM_MAIL_ALLOW_NETS",
                Default::None,
                "Networks (`10.1.0.0/16`) or addresses, separated by commas, in which mail servers may have any port and need \
                 no TLS. Everywhere else they must have public addresses and the usual ports.",
            ),
            duration(
                "POSTROOM_MAIL_CONNECT_TIMEOUT",
                "15s",
                ("100ms", "2m"),
                "How long connecting to a mail server may take.",
            ),
            duration(
                "POSTROOM_MAIL_IO_TIMEOUT",
                "60s",
                ("1s", "10m"),
                "How long a mail server may be silent in the middle of an answer.",
            ),
            duration(
                "POSTROOM_LEASE",
                "15s",
                ("1s", "5m"),
                "How long a worker holds a mailbox or a mail to be sent without saying that it still lives: after a crash, \
                 others go on after this time.",
            ),
        ],
    },
    Group {
        title: "Reading mail",
        settings: &[
            setting(
                "POSTROOM_INGEST_MAILBOXES",
                Default::Text("500"),
                "Mailboxes that this process reads at most; each has a thread.",
            ),
            duration(
                "POSTROOM_INGEST_POLL",
                "15s",
                ("100ms", "29m"),
                "The inbox is looked at at least this often, whatever the server announces.",
            ),
            duration(
                "POSTROOM_INGEST_SENT_POLL",
                "45s",
                ("100ms", "29m"),
                "The folder of sent mail and those named in a mailbox are looked at this often.",
            ),
            duration(
                "POSTROOM_INGEST_RETRY",
                "1s",
                ("10ms", "5m"),
                "The pause after a first failure of a mailbox; each further one is twice as long, up to 5 minutes.",
            ),
        ],
    },
    Group {
        title: "Sending mail",
        settings: &[
            setting(
                "POSTROOM_DELIVER_AT_ONCE",
                Default::Text("32"),
                "Mails that this process sends at the same time, at most.",
            ),
            duration(
                "POSTROOM_DELIVER_RETRY",
                "30s",
                ("10ms", "1h"),
                "The pause after a server has put a recipient off for the first time; each further one is twice as long. After \
                 24 hours the mail has failed for them.",
            ),
            duration(
                "POSTROOM_DELIVER_SEARCH",
                "2m",
                ("100ms", "1h"),
                "How long the Sent folder is searched for a mail whose server was lost before it answered. What isn't found \
                 becomes `unknown`, and is never sent again by itself.",
            ),
            duration(
                "POSTROOM_DELIVER_COPY_WAIT",
                "5s",
                ("10ms", "5m"),
                "How long a server has to file its own copy into the Sent folder before Postroom files one.",
            ),
        ],
    },
    Group {
        title: "Providers",
        settings: &[
            setting(
                "POSTROOM_OAUTH_REDIRECT_URL",
                Default::From("`POSTROOM_APP_URL` with `/oauth` behind it"),
                "The page that a browser comes back to from a mailbox's provider; it is registered there. See \
                 [Connecting Gmail and Microsoft 365](providers.md).",
            ),
            setting(
                "POSTROOM_OAUTH_GOOGLE_CLIENT_ID",
                Default::None,
                "This installation's client id at Google: with it, Gmail and Google Workspace mailboxes are connected without \
                 a password.",
            ),
            setting("POSTROOM_OAUTH_GOOGLE_CLIENT_SECRET", Default::None, "The secret that belongs to it."),
            setting(
                "POSTROOM_OAUTH_MICROSOFT_CLIENT_ID",
                Default::None,
                "This installation's application id at Microsoft: with it, Microsoft 365 mailboxes are connected without a \
                 password.",
            ),
            setting(
                "POSTROOM_OAUTH_MICROSOFT_CLIENT_SECRET",
                Default::None,
                "The secret that belongs to it.",
            ),
            setting(
                "POSTROOM_OAUTH_MICROSOFT_TENANT",
                Default::Text("common"),
                "Whose accounts may be connected: an organisation's tenant id or domain, or `common` for all of them.",
            ),
            setting(
                "POSTROOM_OAUTH_OTHER_CLIENT_ID",
                Default::None,
                "This installation's client id at a further provider, which the settings below describe; all of them are \
                 needed then. Its servers must offer `XOAUTH2` or `OAUTHBEARER`.",
            ),
            setting("POSTROOM_OAUTH_OTHER_CLIENT_SECRET", Default::None, "The secret that belongs to it."),
            setting("POSTROOM_OAUTH_OTHER_NAME", Default::Text("Other"), "Its name for people."),
            setting(
                "POSTROOM_OAUTH_OTHER_AUTHORIZE_URL",
                Default::None,
                "Where people sign in: an https address (http on this very machine).",
            ),
            setting("POSTROOM_OAUTH_OTHER_TOKEN_URL", Default::None, "Where tokens come from; likewise."),
            setting("POSTROOM_OAUTH_OTHER_SCOPES", Default::None, "What is asked for, separated by spaces."),
            setting(
                "POSTROOM_OAUTH_OTHER_IMAP_URL",
                Default::None,
                "Its server to read: `imaps://host` (TLS), `imap://host` (STARTTLS), `imap://host?tls=none`.",
            ),
            setting(
                "POSTROOM_OAUTH_OTHER_SMTP_URL",
                Default::None,
                "Its server to send through: `smtps://host`, `smtp://host`, `smtp://host?tls=none`.",
            ),
        ],
    },
    Group {
        title: "Mail of Postroom's own",
        settings: &[
            setting(
                "POSTROOM_SYSTEM_SMTP_URL",
                Default::None,
                "The SMTP server for invitations and links for new passwords: `smtps://user:password@host` (TLS, port 465), \
                 `smtp://user:password@host` (STARTTLS, port 587), or `smtp://host?tls=none` (port 25); other ports as \
                 `host:port`. Without it, nobody can be invited by mail. All processes need the same.",
            ),
            setting(
                "POSTROOM_SYSTEM_FROM",
                Default::None,
                "Who these mails are from: `Acme Postroom <postroom@acme.example>`, or the address alone.",
            ),
            setting(
                "POSTROOM_APP_URL",
                Default::None,
                "Where the page is that people work with, such as `https://app.example.com`. Links in these mails are \
                 `…/invitations/<token>` and `…/password-reset/<token>` there.",
            ),
        ],
    },
    Group {
        title: "Logs",
        settings: &[
            setting(
                "POSTROOM_LOG",
                Default::Text("info,actix_server=warn"),
                "What is logged, as in `info,postroom_mail=debug`: error, warn, info, debug, trace.",
            ),
            setting(
                "POSTROOM_LOG_FORMAT",
                Default::Text("auto"),
                "`text`, `json`, or `auto`: text on a terminal, otherwise JSON. Logs go to standard error.",
            ),
        ],
    },
];

/// Environment variables with our prefix that are no settings.
pub(crate) const NO_SETTINGS: &[(&str, &str)] = &[
    ("POSTROOM_CONFIG", "Path of a configuration file (TOML). The environment wins over the file."),
    ("POSTROOM_PASSWORD", "The password of the user that `workspace create` or `user create` makes."),
];

impl Setting {
    /// What holds where it isn't given, and what may be given.
    fn describe(&self) -> String {
        let default = self.default.describe();
        match self.bounds {
            Some((least, most)) => format!("{default} ({least} to {most})"),
            None => default,
        }
    }
}

impl Default {
    fn describe(self) -> String {
        match self {
            Self::Required => "required".to_owned(),
            Self::None => "none".to_owned(),
            Self::Text(text) => format!("`{text}`"),
            Self::From(text) => text.to_owned(),
        }
    }
}

/// The table as plain text, for `postroom serve --help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Settings (environment; docs/configuration.md):\n");
    for group in GROUPS {
        text.push_str(&format!("\n{}:\n", group.title));
        for setting in group.settings {
            text.push_str(&format!("  {} [{}]\n      {}\n", setting.name, setting.describe(), setting.what));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, fs, path::Path};

    #[test]
    fn names_are_used_once() {
        let mut seen = HashSet::new();
        for setting in GROUPS.iter().flat_map(|group| group.settings) {
            assert!(setting.name.starts_with("POSTROOM_") && seen.insert(setting.key()), "{}", setting.name);
        }
    }

    /// `docs/configuration.md`.
    fn documentation() -> String {
        let mut text = String::from(
            "# Configuration\n\n\
             <!-- Generated from the table in crates/postroom/src/config/table.rs; a test compares. -->\n\n\
             Each setting is an environment variable, or a key of the TOML file that `POSTROOM_CONFIG` names; the environment \
             wins. A key of the file is the variable's name without `POSTROOM_`, in lower case: `database_url = \"…\"`. Durations \
             are written `500ms`, `15s`, `5m`; what they may be stands behind the default. All mistakes are told at once, at the start.\n",
        );
        for group in GROUPS {
            text.push_str(&format!("\n## {}\n\n| variable | default | |\n|---|---|---|\n", group.title));
            for setting in group.settings {
                let (name, default, what) = (setting.name, setting.describe(), setting.what);
                text.push_str(&format!("| `{name}` | {default} | {what} |\n"));
            }
        }
        text.push_str("\n## Only in the environment\n\n| variable | |\n|---|---|\n");
        for (name, what) in NO_SETTINGS {
            text.push_str(&format!("| `{name}` | {what} |\n"));
        }
        text
    }

    /// `POSTROOM_BLESS=1 cargo test -p postroom` writes the page.
    #[test]
    fn the_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        if std::env::var_os("POSTROOM_BLESS").is_some() {
            fs::write(&path, documentation()).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            documentation(),
            "run with POSTROOM_BLESS=1"
        );
    }
}
