//! What can go wrong in the store.

use postroom_domain::{access::Denied, ids::MessageId};

/// Why a use case was not carried out. Nothing of it was saved then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not exist, or not for this actor (ACC-3): the two are not told apart.
    #[error("not found")]
    NotFound,
    /// They may see it, but their role may not do this.
    #[error("the role may not do this")]
    RoleNotAllowed,
    /// Their role may, but the API key that they come with may not (ACC-4).
    #[error("the API key's scope doesn't allow this")]
    ScopeNotAllowed,
    /// Conversations are not enabled for the workspace (ACC-1).
    #[error("conversations are not enabled for this workspace")]
    FeatureNotEnabled,
    /// The version that the change was made for is not the current one.
    #[error("the thing was changed meanwhile")]
    StaleVersion,
    /// A rule of the product refuses it.
    #[error(transparent)]
    Refused(#[from] postroom_domain::refusal::Refusal),
    /// A newer message than the one last seen has arrived (RPL-6).
    #[error("the conversation has moved on")]
    MovedOn {
        /// The newest message.
        newest: MessageId,
    },
    /// Only the one who wrote it may do this.
    #[error("only its author may do this")]
    NotAuthor,
    /// A worker has the mail already, or an attempt has reached somebody: it can't be taken back (RPL-5).
    #[error("the mail is being sent, or has been")]
    AlreadySending,
    /// Nothing of the mail has failed, so that there is nothing to send again (SND-3).
    #[error("there is nothing to send again")]
    NothingToRetry,
    /// Sending it again may give somebody a second copy, which was not agreed to (SND-3).
    #[error("somebody may get a second copy")]
    MayDuplicate,
    /// The mail itself was not kept, so that it can't be looked at or taken in once more (MAIL-12).
    #[error("the mail itself was not kept")]
    NothingKept,
    /// A thread in which no external party takes part can't be a conversation (CNV-3).
    #[error("no external party takes part")]
    NobodyOutside,
    /// They have accepted their invitation long ago.
    #[error("they have accepted their invitation already")]
    NotInvited,
    /// It joined an older conversation.
    #[error("the conversation was merged into another one")]
    Merged(postroom_domain::ids::ConversationId),
    /// The events behind this number are not kept any more.
    #[error("the log is kept from {oldest} on")]
    EventsExpired {
        /// The first number behind which everything is kept.
        oldest: i64,
    },
    /// As many streams as one user may follow at once are open in this process.
    #[error("the user follows {0} streams already")]
    TooManyStreams(usize),
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("a request with this idempotency key is still running")]
    KeyInProgress,
    /// Something with this unique value exists: the field's name.
    #[error("{0} is already taken")]
    Taken(&'static str),
    /// A value can't be taken: which field, and why.
    #[error("{field}: {why}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// For people.
        why: &'static str,
    },
    /// A contact's primary address can't be taken away: another one has to be the primary one first.
    #[error("the primary address can't be removed")]
    PrimaryEmail,
    /// Fields can't be saved as they are: all that are wrong.
    #[error("{} fields are wrong", .0.len())]
    Fields(Vec<postroom_domain::fault::FieldFault>),
    /// The lease was lost to another worker, or its work is done: whatever was asked did not happen.
    #[error("the lease is no longer held")]
    LeaseLost,
    /// No connection was free for too long, or the database can't be reached. Try again later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The schema lacks this migration: `postroom migrate` has not been run.
    #[error("the database's schema is older than this program: run `postroom migrate` (missing: {0})")]
    SchemaOutdated(String),
    /// The blob store's address can't be used.
    #[error("the blob store {url} can't be used: {why}")]
    BlobUrl {
        /// The address as configured.
        url: String,
        /// Why not.
        why: String,
    },
    /// No space is left for blobs.
    #[error("the blob store is full")]
    BlobStoreFull,
    /// The blob store failed.
    #[error("the blob store failed: {0}")]
    Blob(#[from] object_store::Error),
    /// A secret could not be sealed or opened: the master key is not the one that it was sealed with.
    #[error("a secret could not be opened with this master key")]
    Secret,
    /// What stands in the database is not what the code expects.
    #[error("unexpected data in the database: {0}")]
    Corrupt(String),
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(diesel::result::Error),
}

impl StoreError {
    /// Whether it is what was to be stored that can't be stored, now or later; not the state of the database, the blob
    /// store or a lease.
    #[must_use]
    pub fn is_about_the_data(&self) -> bool {
        use diesel::result::Error;
        match self {
            Self::Corrupt(_) | Self::Refused(_) => true,
            Self::Database(Error::DatabaseError(..) | Error::SerializationError(_)) => !self.is_retryable(),
            _ => false,
        }
    }

    /// A deadlock or a serialisation failure: the same transaction may succeed when it is run again.
    pub(crate) fn is_retryable(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error};
        match self {
            Self::Database(Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            Self::Database(Error::DatabaseError(_, info)) => info.message().contains("deadlock detected"),
            _ => false,
        }
    }
}

/// What must be unique, as the database names it, and the field that breaks it.
type UniqueRule = (&'static str, &'static str);

/// Reads a broken unique rule as [`StoreError::Taken`].
pub(crate) fn taken(error: diesel::result::Error, rules: &[UniqueRule]) -> StoreError {
    use diesel::result::{DatabaseErrorKind, Error};
    if let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) = &error {
        let rule = rules.iter().find(|(constraint, _)| info.constraint_name() == Some(constraint));
        if let Some((_, field)) = rule {
            return StoreError::Taken(field);
        }
    }
    error.into()
}

impl From<Denied> for StoreError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Role => Self::RoleNotAllowed,
            Denied::Scope => Self::ScopeNotAllowed,
        }
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error};
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                Self::Unavailable(info.message().to_owned())
            }
            Error::DatabaseError(_, ref info) if is_no_service(info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            other => Self::Database(other),
        }
    }
}

/// The database can't serve now, whatever it is asked: it is stopping, standing by, full, or somebody holds a lock.
/// Told by the words, since the driver keeps no SQLSTATE.
fn is_no_service(message: &str) -> bool {
    [
        "canceling statement due to",
        "connection closed",
        "error communicating with the server",
        "terminating connection",
        "shutting down",
        "starting up",
        "in recovery mode",
        "in a read-only transaction",
        "too many connections",
        "remaining connection slots",
        "No space left on device",
        "out of memory",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}
