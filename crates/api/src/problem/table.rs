//! The one table of problem codes: status, title and the text of the documentation's section.
//!
//! Everything that tells a client about problems is made from here: the answers, the pages under `/docs/errors/`,
//! `docs/errors.md`, and the problem answers of the OpenAPI document.

use actix_web::http::StatusCode;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! codes {
    ($(#[$outer:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal $text:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum { $(#[doc = $title] $name,)+ }

        impl $enum {
            /// Every code, in the order of its status.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name that clients branch on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// The short sentence that is the same for every occurrence (`title` of RFC 9457).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means and what to do about it: the documentation's section.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }

        impl PartialSchema for $enum {
            fn schema() -> RefOr<Schema> {
                names("What went wrong: branch on it. Codes can be added; a code never changes its meaning.", Self::ALL.iter().map(|code| code.as_str()))
            }
        }

        impl ToSchema for $enum {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed("ProblemCode")
            }
        }
    };
}

codes! {
    /// What can be wrong with a request, one code for each thing that a client can act upon.
    Code {
        MalformedRequest = BAD_REQUEST "malformed_request" "The request is malformed"
            "A header or the request itself can't be read. `detail` says which part. Sending the same request again fails again.",
        MalformedJson = BAD_REQUEST "malformed_json" "The body is not JSON"
            "The body can't be read as one JSON value in UTF-8 (RFC 8259): a syntax error, a lone surrogate, nesting deeper than 127 levels, or nothing at all where a body is needed. `detail` gives line and column.",
        InvalidCursor = BAD_REQUEST "invalid_cursor" "The cursor is not valid"
            "The `cursor` was not made by this API for this caller and this very query (view, status, sort). Start again without a cursor; use `next_cursor` unchanged, with the same other parameters.",
        NotAuthenticated = UNAUTHORIZED "not_authenticated" "Sign-in is needed"
            "There is no `Authorization: Bearer …` header, or its token or API key is malformed, expired or revoked, or its session has ended. Use `POST /v1/auth/refresh` or sign in again.",
        InvalidCredentials = UNAUTHORIZED "invalid_credentials" "The credentials are wrong"
            "Workspace, e-mail address and password don't belong together, or the user is deactivated. Which of them is wrong is never said. Also given for an address that is known in several workspaces when `workspace` is left out.",
        InvalidRefreshToken = UNAUTHORIZED "invalid_refresh_token" "The refresh token is not valid"
            "The refresh token is unknown, expired, or was used before. Presenting a token long after it was exchanged ends its whole session, since it may have been stolen. Sign in again.",
        FeatureNotEnabled = FORBIDDEN "feature_not_enabled" "The feature is not enabled for this workspace"
            "Conversations is a paid feature that this workspace doesn't have yet. `feature` says which it is, `request_access` names the endpoint at which any user may ask for it.",
        RoleNotAllowed = FORBIDDEN "role_not_allowed" "Your role does not allow this"
            "The thing exists and you may see it, but your role may not do this to it.",
        ScopeNotAllowed = FORBIDDEN "scope_not_allowed" "The API key's scope does not allow this"
            "The request was made with an API key. `read` keys may only look, `write` keys may work on conversations and customers, managing users, mailboxes, settings, custom fields and keys takes `admin`. Use a key with a larger scope.",
        ApiKeyNotAllowed = FORBIDDEN "api_key_not_allowed" "An API key can't do this"
            "Sign-in and what belongs to it is for people: whatever its scope, no API key can do it.",
        ViewNotAllowed = FORBIDDEN "view_not_allowed" "Your role does not allow this view"
            "`view=all` shows every conversation of the workspace; team members see those that they own. Use `view=mine` or leave `view` out.",
        OriginNotAllowed = FORBIDDEN "origin_not_allowed" "The page's origin is not allowed"
            "A request that carries the refresh cookie must come from a page whose `Origin` is this server's own or one that its operator configured. The same is answered to a cross-origin preflight from any other page.",
        NotAuthor = FORBIDDEN "not_author" "Only its author may do this"
            "The message exists and you may see it, but somebody else has written it; taking it back is theirs alone.",
        LinkExpired = FORBIDDEN "link_expired" "The link has expired"
            "Signed addresses of attachments and pictures are valid for one to two hours. Read the message again to get a fresh one.",
        NotFound = NOT_FOUND "not_found" "Not found"
            "Nothing is at this address, or you may not see it: the two are never told apart.",
        MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here"
            "The address exists, but not with this method. The `Allow` header lists those that it has.",
        ConversationMovedOn = CONFLICT "conversation_moved_on" "The conversation has moved on"
            "A message has arrived that is newer than `last_seen_message_id`; `latest_message_id` names it. Show it, then send again with its id, or with `force: true`.",
        AlreadySending = CONFLICT "already_sending" "The message is being sent, or has been"
            "A message can be taken back until a delivery worker claims it, and sent again once an attempt has ended. `delivery` of the message tells how it stands.",
        NothingToRetry = CONFLICT "nothing_to_retry" "There is nothing to send again"
            "A message can be sent again after it has `failed`, was sent in `partial`, or is `unknown`. One that waits for its next attempt is sent by itself; one that was sent has arrived at the server, and one that came back needs another address.",
        MayDuplicate = CONFLICT "may_duplicate" "Somebody may get a second copy"
            "The server's answer was lost after the message had been handed over, so that it may have arrived. Ask the recipient, or send it again with `accept_duplicate: true`.",
        NothingKept = CONFLICT "nothing_kept" "The mail itself was not kept"
            "The intake list has an entry for the mail, but its server refused to hand it over, so that there is nothing to show or to take in once more.",
        NoExternalParty = CONFLICT "no_external_party" "Nobody outside takes part"
            "A conversation has an external party as its primary contact, and in this thread only addresses of the workspace itself have written or been written to.",
        NotInvited = CONFLICT "not_invited" "They have accepted already"
            "An invitation is sent again to who has not accepted one yet. The user has: one who is deactivated comes back with `active: true`, and one who has forgotten their password asks for a new one.",
        MailNotConfigured = CONFLICT "mail_not_configured" "This installation sends no mail of its own"
            "Invitations and links for new passwords are mailed, and the operator has not configured by which server: `POSTROOM_SYSTEM_SMTP_URL`, `POSTROOM_SYSTEM_FROM` and `POSTROOM_APP_URL`. Nothing was saved. The operator can make users on the command line as well (`postroom user create`).",
        PrimaryEmail = CONFLICT "primary_email" "The primary address can't be removed"
            "Mail to a contact goes to their primary address, so that there always is one. Make another address the primary one first; a contact's only address stays.",
        IdempotencyInProgress = CONFLICT "idempotency_in_progress" "The first request with this key is still running"
            "Another request with the same `Idempotency-Key` has not been answered yet. Repeat the request a moment later to get its answer.",
        ConversationMerged = GONE "conversation_merged" "The conversation was merged into another"
            "Two conversations turned out to be one; `merged_into` is the id under which it goes on.",
        EventsExpired = GONE "events_expired" "These events are not kept any more"
            "Events are kept for 30 days; the position is older. Load the page anew and follow from the `Postroom-Event` of its answers. `oldest_after` is the earliest position that can still be asked for.",
        StaleVersion = PRECONDITION_FAILED "stale_version" "Somebody changed it meanwhile"
            "The version in `If-Match` is not the present one: nothing was saved. `current` is the thing as it is now, so that the edit can be made anew on top of it.",
        BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large"
            "A request body has at most 1 MiB, an uploaded file at most 25 MiB, a picture of somebody at most 5 MiB.",
        UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body's content type is not supported"
            "Bodies are JSON: send `Content-Type: application/json`. Compressed request bodies are not accepted.",
        ValidationFailed = UNPROCESSABLE_ENTITY "validation_failed" "Some fields are not valid"
            "The request was understood, but fields of it are wrong; nothing was saved. `errors` lists every wrong field: `pointer` is a JSON pointer (RFC 6901) into the body, or `/name` of a query parameter; `code` is one of those below; `detail` is for people.",
        IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The idempotency key belongs to another request"
            "The same `Idempotency-Key` was used within the last 24 hours with another body or another address. Use a new key for a new request.",
        NoSendingMailbox = UNPROCESSABLE_ENTITY "no_sending_mailbox" "There is no mailbox to send from"
            "You may not send through the conversation's mailbox and have none of your own, so that the mail can't leave. Connect a personal mailbox, or ask an administrator for a shared one.",
        RateLimited = TOO_MANY_REQUESTS "rate_limited" "Too many requests"
            "You have used up the present allowance. `Retry-After` says in how many seconds to try again; the `RateLimit` and `RateLimit-Policy` headers of every answer say what is left.",
        Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong on our side"
            "The request failed for a reason that is not yours; nothing was saved. The operator finds the cause in the log under `request_id`. A repetition with the same `Idempotency-Key` is safe.",
        ProviderRefused = BAD_GATEWAY "provider_refused" "The sign-in provider refuses this installation"
            "The mailbox's provider does not take the registration with which the operator has configured Postroom; nothing was saved. Signing in again does not help: tell the operator (`POSTROOM_OAUTH_…`).",
        Unavailable = SERVICE_UNAVAILABLE "unavailable" "The service is not available right now"
            "The database can't be reached or is overloaded; nothing was saved. Try again after `Retry-After` seconds; a repetition with the same `Idempotency-Key` is safe.",
    }
}

macro_rules! field_codes {
    ($($name:ident = $code:literal $text:literal,)+) => {
        /// What is wrong with one field of a request ([`Code::ValidationFailed`]).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FieldCode { $(#[doc = $text] $name,)+ }

        impl FieldCode {
            /// Every field code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name that clients branch on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it means.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }

        impl PartialSchema for FieldCode {
            fn schema() -> RefOr<Schema> {
                names("What is wrong with a field. Codes can be added.", Self::ALL.iter().map(|code| code.as_str()))
            }
        }

        impl ToSchema for FieldCode {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed("FieldCode")
            }
        }
    };
}

field_codes! {
    Required = "required" "The field is needed and is absent, null or empty.",
    UnknownField = "unknown_field" "There is no such field here.",
    ReadOnly = "read_only" "The field exists but can't be written here.",
    InvalidType = "invalid_type" "The value is of another JSON type than the field's.",
    InvalidValue = "invalid_value" "The value is of the right type but not one that is possible here.",
    InvalidCharacter = "invalid_character" "The text has a character that can't be here, such as a control character or a line break.",
    TooShort = "too_short" "The text is shorter than it must be.",
    TooLong = "too_long" "The text or list is longer than allowed.",
    TooLarge = "too_large" "The files are larger than allowed.",
    OutOfRange = "out_of_range" "The number is too small or too large.",
    InvalidEmail = "invalid_email" "This is not an e-mail address.",
    InvalidId = "invalid_id" "This is not the id of anything that you may use here.",
    InvalidTimeZone = "invalid_time_zone" "This is not a time zone's name of the IANA database.",
    NotAllowed = "not_allowed" "The value is possible, but not for you or not in this combination.",
    Taken = "taken" "The value is another thing's already.",
}

/// A type that is one of these names.
fn names(description: &str, all: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    Schema::Object(schema.enum_values(Some(all)).build()).into()
}
