//! Typed identifiers.
//!
//! Every id is a UUID made by the application (version 7, so that keys grow in time order). A type of its own for
//! each kind of thing makes it impossible to look up a contact by a user's id.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// The tenant: a company with its users, mailboxes, contacts and conversations.
    WorkspaceId,
    /// A person of the workspace who signs in.
    UserId,
    /// A signed-in session of a user.
    SessionId,
    /// A key by which a program acts as its user.
    ApiKeyId,
    /// An e-mail account that is read by IMAP and sent through by SMTP.
    MailboxId,
    /// A folder of a mailbox.
    FolderId,
    /// The messages that hang together by their headers.
    ThreadId,
    /// One e-mail in a thread (the row; the header is [`crate::message::RfcMessageId`]).
    MessageId,
    /// A file that came with a message, or is uploaded for one.
    AttachmentId,
    /// A thread that the team works on.
    ConversationId,
    /// An external person.
    ContactId,
    /// One of a contact's addresses.
    ContactEmailId,
    /// A company that contacts belong to.
    CompanyId,
    /// A deal with a customer.
    DealId,
    /// The definition of a custom field.
    CustomFieldId,
    /// An entry of a mailbox's intake list (MAIL-12).
    IntakeId,
}
