//! What requests take from earlier answers.

use super::fields;
use serde_json::{Value, json};

/// The collection's variables that a person sets, with what the demo has.
pub(super) const VARIABLES: [(&str, &str); 6] = [
    ("base_url", "http://127.0.0.1:8080"),
    ("workspace", "kestrel"),
    ("email", "olivia@kestrel.example"),
    ("password", "kestrel demo"),
    ("token", ""),
    ("follow", "no"),
];

/// What is kept of an operation's answer, as a variable and where it stands there.
pub(super) const SAVES: [(&str, &str, &str); 30] = [
    ("login", "token", "answer.access_token"),
    ("login", "refresh_token", "answer.refresh_token"),
    ("login", "me_id", "answer.user.id"),
    ("refresh", "token", "answer.access_token"),
    ("refresh", "refresh_token", "answer.refresh_token"),
    ("list_conversations", "conversation_id", "answer.data[0]?.id"),
    ("list_conversations", "message_id", "answer.data[0]?.last_message.id"),
    ("get_conversation", "mailbox_id", "answer.mailbox.id"),
    ("list_threads", "thread_id", "answer.data[0]?.id"),
    ("list_conversation_messages", "message_id", "answer.data.at(-1)?.id"),
    ("create_reply", "mail_id", "answer.id"),
    ("create_message", "mail_id", "answer.id"),
    ("list_events", "after", "answer.next_after"),
    ("create_event_ticket", "ticket", "answer.ticket"),
    ("upload_attachment", "attachment_id", "answer.id"),
    ("create_company", "company_id", "answer.id"),
    ("create_deal", "deal_id", "answer.id"),
    ("create_contact", "contact_id", "answer.id"),
    ("add_contact_email", "email_id", "answer.emails.at(-1).id"),
    ("invite_user", "user_id", "answer.id"),
    ("create_custom_field", "custom_field_id", "answer.id"),
    ("create_api_key", "api_key_id", "answer.id"),
    ("create_mailbox", "mailbox_id", "answer.id"),
    ("list_intake", "entry_id", "answer.data[0]?.id"),
    ("request_feature", "feature_request_id", "answer.id"),
    ("set_my_avatar", "avatar_sha256", "answer.avatar_url.match(/avatars\\/([0-9a-f]+)/)[1]"),
    ("set_my_avatar", "avatar_workspace", "answer.avatar_url.match(/workspace=([^&]+)/)[1]"),
    ("set_my_avatar", "avatar_expires", "answer.avatar_url.match(/expires=([^&]+)/)[1]"),
    ("set_my_avatar", "avatar_signature", "answer.avatar_url.match(/signature=([^&]+)/)[1]"),
    ("get_workspace", "workspace_id", "answer.id"),
];

/// What is kept of an operation's answer: variable and expression.
pub(super) fn saves(operation: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let saves = SAVES.iter().filter(move |(of, ..)| *of == operation);
    saves.map(|(_, variable, expression)| (*variable, *expression))
}

/// A parameter that isn't the document's example.
pub(super) fn parameter(operation: &str, name: &str) -> Option<&'static str> {
    Some(match (operation, name) {
        (_, "Idempotency-Key") => "{{$guid}}",
        (_, "after") => "0",
        ("get_avatar", "workspace") => "{{avatar_workspace}}",
        ("get_avatar", "expires") => "{{avatar_expires}}",
        ("get_avatar", "signature") => "{{avatar_signature}}",
        ("list_recipients" | "list_companies", "q") => "customer",
        ("follow_events", "ticket") => "{{ticket}}",
        _ => return None,
    })
}

/// The variable of a path's parameter, by the step before it.
pub(super) fn path_variable(operation: &str, before: &str, name: &str) -> String {
    let of = match (name, before) {
        // What waits to be sent has not been put into its form yet.
        _ if operation == "get_raw_message" => "message_id",
        ("id", "messages") => "mail_id",
        ("id", "companies") => "company_id",
        ("id", "mailboxes") => "mailbox_id",
        ("id", things) => return format!("{{{{{}_id}}}}", things.trim_end_matches('s').replace('-', "_")),
        ("sha256", _) => "avatar_sha256",
        ("token", _) => "link_token",
        _ => name,
    };
    format!("{{{{{of}}}}}")
}

/// Puts what is this installation's into an example.
pub(super) fn fill(operation: &str, example: &mut Value) {
    // Who is deactivated can't be invited again, which comes next.
    if operation == "update_user" {
        *example = json!({"role": "manager"});
    }
    fields(example, &mut |name, value| {
        let filled = match (operation, name) {
            ("login" | "request_password_reset", "workspace") => "{{workspace}}",
            ("login" | "request_password_reset", "email") => "{{email}}",
            ("login", "password") | (_, "current_password" | "new_password") => "{{password}}",
            (_, "refresh_token") => "{{refresh_token}}",
            (_, "owner_id" | "reassign_to") => "{{me_id}}",
            (_, "company_id") => "{{company_id}}",
            (_, "mailbox_id") => "{{mailbox_id}}",
            (_, "message_id") => "{{message_id}}",
            // What must be another one each time.
            ("create_contact", "address") if value.is_string() => "bob-{{$timestamp}}@customer.example",
            ("add_contact_email", "address") => "robert-{{$timestamp}}@customer.example",
            ("update_contact_email", "address") => "bobby-{{$timestamp}}@customer.example",
            ("create_mailbox", "address") => "support-{{$timestamp}}@acme.example",
            ("invite_user", "email") => "ben-{{$timestamp}}@acme.example",
            ("create_custom_field", "key") => "plan_{{$timestamp}}",
            // Fields that another workspace has defined.
            (_, "custom_fields") => return *value = json!({}),
            // A contact's primary address can't be removed.
            ("add_contact_email" | "update_contact_email", "primary") => return *value = json!(false),
            _ => return,
        };
        *value = json!(filled);
    });
}
