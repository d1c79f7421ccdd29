//! What the store and the rules refuse, as problems: the one place.

use crate::problem::{Code, FieldCode, FieldError, Problem};
use postroom_domain::{
    access::Denied,
    fault::{Fault, FieldFault},
    refusal::Refusal,
};
use postroom_store::StoreError;

/// Where to ask for the paid feature (ACC-1).
pub const REQUEST_ACCESS: &str = "/v1/workspace/feature-requests";

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::RoleNotAllowed => {
                Self::new(Code::RoleNotAllowed).detail("Your role may not do this.")
            }
            StoreError::ScopeNotAllowed => scope_not_allowed(),
            StoreError::FeatureNotEnabled => feature_not_enabled(),
            // Handlers answer with the present state; this is for one that has none to show.
            StoreError::StaleVersion => Self::new(Code::StaleVersion),
            StoreError::Refused(refusal) => refused(&refusal),
            StoreError::MovedOn { newest } => Self::new(Code::ConversationMovedOn)
                .detail("A newer message has arrived; show it, then send again.")
                .member("latest_message_id", newest.to_string()),
            StoreError::NotAuthor => {
                Self::new(Code::NotAuthor).detail("Only the one who wrote it may take it back.")
            }
            StoreError::AlreadySending => Self::new(Code::AlreadySending)
                .detail("It is being sent right now, or somebody has a copy already."),
            StoreError::NothingToRetry => Self::new(Code::NothingToRetry)
                .detail("Nobody was missed for good: there is nothing to send again."),
            StoreError::MayDuplicate => Self::new(Code::MayDuplicate)
                .detail("A recipient may have it already; accept_duplicate sends it all the same."),
            StoreError::NothingKept => Self::new(Code::NothingKept).detail(
                "The mail server never gave this mail, so that there is nothing to show or to take in.",
            ),
            StoreError::NobodyOutside => Self::new(Code::NoExternalParty)
                .detail("Everybody in this thread is of the workspace itself."),
            StoreError::NotInvited => {
                Self::new(Code::NotInvited).detail("They have accepted their invitation already.")
            }
            StoreError::Merged(into) => Self::new(Code::ConversationMerged)
                .detail("It goes on in an older conversation.")
                .member("merged_into", into.to_string()),
            StoreError::EventsExpired { oldest } => Self::new(Code::EventsExpired)
                .detail("What happened since then is not all kept any more: load the page anew.")
                .member("oldest_after", oldest),
            StoreError::TooManyStreams(most) => Self::new(Code::RateLimited)
                .detail(format!("At most {most} streams of one user may be open at once: close another one."))
                .retry_after(std::time::Duration::from_secs(30)),
            StoreError::KeyReused => Self::new(Code::IdempotencyKeyReused)
                .detail("This Idempotency-Key was used with another body or address."),
            StoreError::KeyInProgress => Self::new(Code::IdempotencyInProgress)
                .detail("The first request with this Idempotency-Key has not been answered yet.")
                .retry_after(std::time::Duration::from_secs(1)),
            StoreError::Taken(field) => {
                Self::field(format!("/{field}"), FieldCode::Taken, "This is taken already.")
            }
            StoreError::Invalid { field, why } => {
                Self::field(format!("/{field}"), FieldCode::InvalidValue, format!("Not possible: {why}."))
            }
            StoreError::PrimaryEmail => Self::new(Code::PrimaryEmail)
                .detail("Make another address the primary one first; a contact's only address stays."),
            StoreError::Fields(faults) => Self::invalid(faults.into_iter().map(field_error).collect()),
            StoreError::Unavailable(_) | StoreError::BlobStoreFull => {
                tracing::error!(%error, "the store is not available");
                Self::unavailable()
            }
            error => {
                tracing::error!(%error, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        StoreError::from(denied).into()
    }
}

/// A refusal of wrong fields, with further ones; any other refusal as it is.
#[must_use]
pub fn with_faults(problem: Problem, faults: Vec<FieldFault>) -> Problem {
    if problem.code() != Code::ValidationFailed {
        return problem;
    }
    let further = faults.into_iter().map(field_error);
    Problem::invalid(problem.errors().iter().cloned().chain(further).collect())
}

fn field_error(wrong: FieldFault) -> FieldError {
    FieldError { pointer: wrong.pointer, code: field_code(wrong.fault), detail: wrong.detail.into() }
}

/// What kind of mistake it is, as the API calls it.
#[must_use]
pub fn field_code(fault: Fault) -> FieldCode {
    match fault {
        Fault::Required => FieldCode::Required,
        Fault::UnknownField => FieldCode::UnknownField,
        Fault::InvalidType => FieldCode::InvalidType,
        Fault::InvalidValue => FieldCode::InvalidValue,
        Fault::InvalidCharacter => FieldCode::InvalidCharacter,
        Fault::TooLong => FieldCode::TooLong,
        Fault::OutOfRange => FieldCode::OutOfRange,
        Fault::InvalidEmail => FieldCode::InvalidEmail,
        Fault::InvalidId => FieldCode::InvalidId,
        Fault::NotAllowed => FieldCode::NotAllowed,
        Fault::Taken => FieldCode::Taken,
    }
}

/// 403 for an API key that is too small (ACC-4).
#[must_use]
pub fn scope_not_allowed() -> Problem {
    Problem::new(Code::ScopeNotAllowed).detail("The API key's scope does not allow this; use a larger one.")
}

/// 403 that names where to ask (ACC-1).
#[must_use]
pub fn feature_not_enabled() -> Problem {
    Problem::new(Code::FeatureNotEnabled)
        .detail("This workspace doesn't have Conversations yet; anybody may ask for it.")
        .member("feature", "conversations")
        .member("request_access", REQUEST_ACCESS)
}

fn refused(refusal: &Refusal) -> Problem {
    let field = |pointer: String, code: FieldCode| Problem::field(pointer, code, sentence(refusal));
    match refusal {
        Refusal::ViewNotAllowed => {
            Problem::new(Code::ViewNotAllowed).detail("Team members see their own conversations: view=mine.")
        }
        Refusal::NoSendingMailbox => Problem::new(Code::NoSendingMailbox)
            .detail("There is no connected mailbox that you may send from."),
        Refusal::OwnerNotActive => field("/owner_id".to_owned(), FieldCode::InvalidValue),
        Refusal::ContactNotInConversation => field("/primary_contact_id".to_owned(), FieldCode::InvalidValue),
        Refusal::NoRecipient => field("/to".to_owned(), FieldCode::Required),
        Refusal::UnknownMessage => field("/last_seen_message_id".to_owned(), FieldCode::InvalidId),
        Refusal::EmptyBody => field("/text".to_owned(), FieldCode::Required),
        Refusal::FilesTooLarge => field("/attachment_ids".to_owned(), FieldCode::TooLarge),
        Refusal::UnknownAttachment { index } => {
            field(format!("/attachment_ids/{index}"), FieldCode::InvalidId)
        }
    }
}

fn sentence(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_that_the_rule_is_about() {
        let problem = Problem::from(StoreError::Refused(Refusal::UnknownAttachment { index: 2 }));
        assert_eq!(problem.code(), Code::ValidationFailed);
        assert_eq!(problem.errors()[0].pointer, "/attachment_ids/2");
        assert!(problem.errors()[0].detail.starts_with("This attachment"));
    }

    #[test]
    fn says_nothing_of_the_inside() {
        let problem = Problem::from(StoreError::Corrupt("table users".to_owned()));
        assert_eq!(problem.code(), Code::Internal);
        assert!(!problem.to_string().contains("users"));
        let problem = Problem::from(StoreError::Unavailable("10.0.0.7 refused".to_owned()));
        assert_eq!(problem.code(), Code::Unavailable);
        assert!(!problem.to_string().contains("10.0.0.7"));
    }
}
