//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use postroom_domain::access::Role;
use std::path::PathBuf;
use uuid::Uuid;

/// The backend of a team's Conversations page: customer e-mail in, conversations, replies out.
///
/// Configured by environment variables POSTROOM_… or by a TOML file named by POSTROOM_CONFIG (docs/configuration.md).
/// `serve` needs POSTROOM_DATABASE_URL and POSTROOM_MASTER_KEY.
#[derive(Debug, Parser)]
#[command(name = "postroom", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and run the workers, until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Bring the database's schema to where this build expects it
    Migrate,
    /// Print the API's OpenAPI document
    Openapi(Openapi),
    /// Check database, blob store, keys and mailboxes, and say what to do
    Doctor,
    /// Make a workspace, or enable its paid feature
    #[command(subcommand)]
    Workspace(Workspace),
    /// Make a user, or a link for one who is invited
    #[command(subcommand)]
    User(User),
    /// Change the keys that sign access tokens
    #[command(subcommand)]
    Keys(Keys),
    /// Look at mail in files, bring it into a mailbox, understand anew what is kept
    #[command(subcommand)]
    Mail(Mail),
}

#[derive(Debug, Args)]
#[command(after_long_help = crate::config::table::help())]
pub(crate) struct Serve {
    /// Run only this part; may be given several times
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<Part>,
    /// Run pending migrations first
    #[arg(long)]
    pub(crate) migrate: bool,
}

/// A part of the server that can run in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The HTTP API
    Api,
    /// The worker that reads mailboxes by IMAP
    Ingest,
    /// The worker that sends by SMTP
    Deliver,
}

impl Serve {
    /// Whether this part is to run here.
    pub(crate) fn runs(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Openapi {
    /// Print nothing; fail unless openapi/postroom.json is this document
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Make a workspace with its one owner, whose password is POSTROOM_PASSWORD or asked for
    Create(CreateWorkspace),
    /// Enable a paid feature; it holds from the next request of a running server on
    Enable(SwitchFeature),
    /// Disable a paid feature: from the next request on it is refused, and no more mail is read
    Disable(SwitchFeature),
}

#[derive(Debug, Args)]
pub(crate) struct CreateWorkspace {
    /// Its name at sign-in: 1 to 63 of a-z, 0-9 and -
    #[arg(long, value_name = "SLUG")]
    pub(crate) slug: String,
    /// Its name for people
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// The address that the owner signs in with
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner_email: String,
    /// The owner's name
    #[arg(long, value_name = "NAME")]
    pub(crate) owner_name: String,
}

#[derive(Debug, Args)]
pub(crate) struct SwitchFeature {
    /// The workspace
    pub(crate) slug: String,
    /// The feature
    pub(crate) feature: Feature,
}

/// What a workspace pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Feature {
    /// The Conversations page
    Conversations,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user, whose password is POSTROOM_PASSWORD or asked for
    Create(CreateUser),
    /// Print a new link for a user who is invited, to hand over by other means than mail; earlier ones are void
    InviteLink(InviteLink),
}

#[derive(Debug, Args)]
pub(crate) struct InviteLink {
    /// The workspace's slug
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: String,
    /// The address that they were invited by
    #[arg(long, value_name = "EMAIL")]
    pub(crate) email: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new key that is published now and signs in two minutes, when everybody knows it; tokens of the old one are
    /// good until they expire, so that nobody is signed out
    Rotate(RotateKeys),
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeys {
    /// Sign with it at once: services that check tokens with a list of keys of their own may refuse some for a minute
    #[arg(long)]
    pub(crate) now: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// The workspace's slug
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: String,
    /// The address that they sign in with
    #[arg(long, value_name = "EMAIL")]
    pub(crate) email: String,
    /// Their name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What they may
    #[arg(long, value_enum, value_name = "ROLE")]
    pub(crate) role: RoleName,
}

/// A role (ACC-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum RoleName {
    /// Exactly one, made together with the workspace
    Owner,
    /// Manages users, shared mailboxes, custom fields
    Administrator,
    /// Sees all conversations
    Manager,
    /// Sees only their own conversations
    TeamMember,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Administrator => Self::Administrator,
            RoleName::Manager => Self::Manager,
            RoleName::TeamMember => Self::TeamMember,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Print what a mail is understood as: one JSON object a line. Needs neither configuration nor database
    Parse(Files),
    /// Print the threads that mails form, in the order of their delivery: a JSON array of arrays of file names. Needs
    /// neither configuration nor database
    Threads(Files),
    /// Bring mail from files into a mailbox, as old news: an mbox, a Maildir with its folders, .eml files, directories
    #[command(after_long_help = IMPORT_HELP)]
    Import(Import),
    /// Understand kept mail anew with this version's parser, beside a running server
    #[command(after_long_help = REPARSE_HELP)]
    Reparse(Reparse),
}

const IMPORT_HELP: &str = "\
What is imported joins its threads and makes conversations by the same rules as mail that is read, but as old news: nothing \
becomes unread, nothing is opened again, nobody is notified. Mail that is there already is left alone, so that an import \
that was cut off goes on when it is run again. What does not become a message stands in the mailbox's intake list with its \
reason.

Mail in folders and files named Sent (in the languages of common programs) counts as written by the mailbox's people. \
In directories drafts, junk and trash are passed by, and what a Maildir marks as a draft or as deleted.

Progress goes to standard error, the summary to standard output.";

const REPARSE_HELP: &str = "\
Texts, segments, HTML, subjects, names, recipients and files are made again from the mail as it came. Who wrote a message, \
its thread and its place in time stay; files whose content is the same keep their ids and links; nothing becomes unread or \
is opened again. Pages that are open learn of what changes. What is the same already is left alone, so that it can be run \
again at any time.

Progress goes to standard error with the place to go on from (--after), the summary to standard output.";

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What to bring in
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The workspace's slug
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: String,
    /// The address of the connected mailbox that it came to
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mailbox: String,
    /// All of it was written by the mailbox's people: an export of their sent mail
    #[arg(long)]
    pub(crate) sent: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reparse {
    /// Only this workspace's mail
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Only mail that was first read from this mailbox
    #[arg(long, value_name = "ADDRESS", requires = "workspace")]
    pub(crate) mailbox: Option<String>,
    /// Only this message
    #[arg(long, value_name = "ID", requires = "workspace", conflicts_with_all = ["mailbox", "after"])]
    pub(crate) message: Option<Uuid>,
    /// Go on behind this place, as an earlier run has printed it
    #[arg(long, value_name = "SLUG/ID")]
    pub(crate) after: Option<String>,
    /// Change nothing; count what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Mails as files (RFC 5322); - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_role_can_be_named_as_in_the_api() {
        for role in Role::ALL {
            let line =
                ["postroom", "user", "create", "--workspace", "w", "--email", "e", "--name", "n", "--role"];
            let cli = Cli::try_parse_from(line.iter().copied().chain([role.as_str()])).unwrap();
            let Command::User(User::Create(create)) = cli.command else { panic!("another command") };
            assert_eq!(Role::from(create.role), role);
        }
    }

    #[test]
    fn without_only_every_part_runs() {
        let serve = |line: &[&str]| match Cli::try_parse_from(line).unwrap().command {
            Command::Serve(serve) => serve,
            other => panic!("{other:?}"),
        };
        assert!(
            [Part::Api, Part::Ingest, Part::Deliver].iter().all(|part| serve(&["p", "serve"]).runs(*part))
        );
        let only = serve(&["p", "serve", "--only", "api", "--only", "deliver"]);
        assert!(only.runs(Part::Api) && only.runs(Part::Deliver) && !only.runs(Part::Ingest));
    }
}
