//! The closed sets of names in the contract.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub enum RoleName {
    /// Exactly one.
    Owner,
    /// Manages users, shared mailboxes, custom fields.
    Administrator,
    /// Sees every conversation.
    Manager,
    /// Sees their own conversations.
    TeamMember,
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserStatus)]
pub enum UserStatusName {
    /// They may.
    Active,
    /// Not until they accept: they were asked to join.
    Invited,
    /// Not any more.
    Deactivated,
}

/// How much of what its user may an API key may. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Scope)]
pub enum ScopeName {
    /// Look at what the user sees.
    Read,
    /// Work on it: conversations, replies, customers.
    Write,
    /// Everything, also users, mailboxes, settings, custom fields, keys.
    Admin,
}

/// Whether the team still has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Status)]
pub enum StatusName {
    /// It is on somebody's desk.
    Open,
    /// It is done, until the next message.
    Closed,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageType)]
pub enum TypeName {
    /// An e-mail.
    Email,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Direction)]
pub enum DirectionName {
    /// Written by an external party.
    Inbound,
    /// Written by a user.
    Outbound,
}

/// On which side of the window a message stands (WIN-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Side)]
pub enum SideName {
    /// Right: ours.
    Internal,
    /// Left: the others'.
    External,
}

/// What a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SegmentKind)]
pub enum SegmentName {
    /// Newly written.
    New,
    /// An earlier mail.
    Quote,
    /// The writer's signature.
    Signature,
    /// A mail that was passed on.
    Forwarded,
}

/// How a mail that we send fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryState)]
pub enum DeliveryName {
    /// Waits for its first or next attempt.
    Queued,
    /// An attempt is running.
    Sending,
    /// Every recipient's server took it.
    Sent,
    /// Some took it, some refused.
    Partial,
    /// Nobody took it.
    Failed,
    /// The answer was lost: it may have arrived.
    Unknown,
    /// A copy came back.
    Bounced,
}

/// How a workspace stands to a paid feature (ACC-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FeatureState)]
pub enum FeatureName {
    /// Nobody has asked for it.
    Disabled,
    /// Asked for; the operator enables it.
    Requested,
    /// In use.
    Enabled,
}

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Security)]
pub enum SecurityName {
    /// TLS from the first byte.
    Tls,
    /// Plain at first, TLS before anything secret.
    Starttls,
    /// Never secured: only in networks that the operator has named.
    None,
}

/// Whose a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailboxKind)]
pub enum MailboxKindName {
    /// One user's.
    Personal,
    /// The team's.
    Shared,
}

/// How a mailbox signs in at its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = MailboxAuthKind)]
pub enum AuthKindName {
    /// With a password at each.
    Password,
    /// With what its provider has granted (OAuth 2).
    OAuth,
}

/// How reading a mailbox goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailboxState)]
pub enum MailboxStateName {
    /// Not tried yet.
    New,
    /// Connected; mail is read as it comes.
    Reading,
    /// The last attempt failed; it is tried again by itself.
    Failing,
    /// The server refuses the credentials; nothing is tried until they change.
    Refused,
}

/// What a mailbox's folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FolderRole)]
pub enum FolderRoleName {
    /// Where mail comes in.
    Inbox,
    /// What the mailbox's people wrote.
    Sent,
    /// One that was named for reading.
    Other,
}

/// Who makes the Sent folder's copy of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SentCopy)]
pub enum SentCopyName {
    /// Appended where the server has not filed it itself.
    Auto,
    /// Postroom appends it.
    Append,
    /// The server files it.
    Server,
}

/// What makes a thread a conversation (CNV-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConversationStartsOn)]
pub enum StartsOnName {
    /// The other side's first answer.
    Reply,
    /// A customer's first message as well.
    FirstInbound,
}

/// Makes each name from the same variant of the type that the rules have; the compiler sees that none is missing.
macro_rules! named {
    ($($from:path => $to:ident { $($variant:ident $(= $other:ident)?),+ })+) => {$(
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                use $from as From;
                match value { $(From::$variant => named!(@to $to $variant $($other)?),)+ }
            }
        }
        impl From<$to> for $from {
            fn from(value: $to) -> Self {
                use $from as To;
                match value { $(named!(@to $to $variant $($other)?) => To::$variant,)+ }
            }
        }
    )+};
    (@to $to:ident $variant:ident) => { $to::$variant };
    (@to $to:ident $variant:ident $other:ident) => { $to::$other };
}

named! {
    postroom_domain::access::Role => RoleName { Owner, Administrator, Manager, TeamMember }
    postroom_domain::user::UserStatus => UserStatusName { Active, Invited, Deactivated }
    postroom_domain::access::Scope => ScopeName { Read, Write, Admin }
    postroom_domain::conversation::Status => StatusName { Open, Closed }
    postroom_domain::message::Direction => DirectionName { Inbound, Outbound }
    postroom_domain::reply::SegmentKind => SegmentName { New, Quote, Signature, Forwarded }
    postroom_domain::delivery::DeliveryState => DeliveryName { Queued, Sending, Sent, Partial, Failed, Unknown, Bounced }
    postroom_domain::conversation::StartsOn => StartsOnName { Reply, FirstInbound }
    postroom_store::FeatureState => FeatureName { Disabled, Requested, Enabled }
    postroom_store::Security => SecurityName { Tls, StartTls = Starttls, None }
    postroom_store::SentCopy => SentCopyName { Auto, Append, Server }
    postroom_store::FolderRole => FolderRoleName { Inbox, Sent, Other }
    postroom_store::MailboxState => MailboxStateName { New, Reading, Failing, Refused }
}
