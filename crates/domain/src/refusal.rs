//! What the rules refuse, with a code that programs can rely on.

/// A rule of the product refuses what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The new owner is no active user of the workspace (CNV-8).
    #[error("the new owner is not an active user of this workspace")]
    OwnerNotActive,
    /// The new primary contact takes no part in the conversation (CNV-3).
    #[error("the primary contact must be an external party of the conversation")]
    ContactNotInConversation,
    /// A team member asked for everybody's conversations (ACC-3).
    #[error("a team member sees only their own conversations")]
    ViewNotAllowed,
    /// There is no mailbox that this user may send from (RPL-1).
    #[error("there is no connected mailbox that you may send from")]
    NoSendingMailbox,
    /// Nobody to send to (RPL-4).
    #[error("a mail needs at least one recipient")]
    NoRecipient,
    /// Nothing was written (RPL-4).
    #[error("an empty mail is not sent")]
    EmptyBody,
    /// The message that the writer says they saw last is none of this conversation (RPL-6).
    #[error("this is no message of the conversation")]
    UnknownMessage,
    /// More bytes of files than a mail can carry.
    #[error("the files of a mail have at most 25 MiB together")]
    FilesTooLarge,
    /// An attachment that is not there, not the writer's, or used already: its place in the list.
    #[error("this attachment does not exist, or was used already")]
    UnknownAttachment {
        /// Its place in the request's list.
        index: usize,
    },
}
