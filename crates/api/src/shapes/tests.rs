use super::{message::MessageView, *};
use crate::{
    form::{Request, judge, names_of},
    keys::{Key, Purpose},
    links::Links,
};
use serde_json::{Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

/// Whether a request asks for exactly the fields that its documentation has, and takes `null` exactly where it says so.
fn check<R: Request + PartialSchema>() {
    let RefOr::T(Schema::Object(schema)) = R::schema() else {
        panic!("a request is an object");
    };
    let mut documented: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
    let mut asked = names_of::<R>();
    documented.sort_unstable();
    asked.sort_unstable();
    let request = std::any::type_name::<R>();
    assert_eq!(asked, documented, "{request}");
    let missing = mistakes::<R>(json!({}));
    for (name, field) in &schema.properties {
        // Two fields of which one is needed are told alike, left out or null: that is no matter of a field's type.
        let needed = schema.required.contains(name);
        let wrong = mistakes::<R>(json!({ name: null }));
        let refused = wrong
            .iter()
            .any(|mistake| mistake == &format!("/{name}") && (needed || !missing.contains(mistake)));
        assert_eq!(nullable(&serde_json::to_value(field).unwrap()), !refused, "{request} takes {name}: null");
    }
}

/// Where the mistakes are.
fn mistakes<R: Request>(value: Value) -> Vec<String> {
    judge::<R>(value).1.into_iter().map(|error| error.pointer).collect()
}

/// Whether a schema has `null` among what it allows.
fn nullable(schema: &Value) -> bool {
    let of = |key: &str| schema[key].as_array().into_iter().flatten();
    schema["type"] == "null" || of("type").any(|name| name == "null") || of("oneOf").any(nullable)
}

#[test]
fn requests_ask_for_what_is_documented() {
    check::<auth::LoginRequest>();
    check::<auth::RefreshRequest>();
    check::<auth::MeRequest>();
    check::<invitation::AcceptRequest>();
    check::<password::PasswordRequest>();
    check::<password::ResetRequest>();
    check::<password::NewPasswordRequest>();
    check::<user::InvitationRequest>();
    check::<user::UserRequest>();
    check::<workspace::WorkspaceRequest>();
    check::<workspace::FeatureRequestRequest>();
    check::<api_key::ApiKeyRequest>();
    check::<defined_field::CustomFieldRequest>();
    check::<defined_field::CustomFieldPatchRequest>();
    check::<mailbox::MailboxRequest>();
    check::<provider::SignInRequest>();
    check::<provider::OAuthMailboxRequest>();
    check::<provider::SignedInRequest>();
    check::<mailbox_settings::MailboxPatchRequest>();
    check::<mailbox_settings::ServerPatchRequest>();
    check::<mailbox_test::MailboxTestRequest>();
    check::<conversation::ConversationRequest>();
    check::<conversation::SeenRequest>();
    check::<contact_request::ContactRequest>();
    check::<contact_request::ContactPatchRequest>();
    check::<contact_request::NewEmailRequest>();
    check::<contact_request::EmailPatchRequest>();
    check::<contact_request::ContactCompanyRequest>();
    check::<company::CompanyRequest>();
    check::<company::CompanyPatchRequest>();
    check::<deal::DealRequest>();
    check::<deal::DealPatchRequest>();
    check::<presence::PresenceRequest>();
    check::<reply::ReplyRequest>();
    check::<reply::NewMailRequest>();
    check::<sending::RetryRequest>();
}

#[test]
fn what_is_kept_of_a_message_has_no_signed_link_and_gets_fresh_ones() {
    let id = "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11";
    let kept = json!({
        "id": id, "conversation_id": null, "thread_id": id, "type": "email", "direction": "outbound",
        "side": "internal", "author": {"kind": "user", "id": id, "name": "A", "email": "a@b.c", "avatar_url": null},
        "from": {"name": null, "address": "a@b.c"}, "to": [], "cc": [], "bcc": [], "subject": "S", "sent_at": null,
        "received_at": "2026-03-01T09:30:00.000Z", "segments": [{"kind": "new", "text": "", "html": "<img src=\"cid:dot\">"}],
        "text": "", "html": "<img src=\"cid:dot\">", "preview": "", "automatic": false,
        "attachments": [{"id": id, "filename": null, "content_type": "image/png", "size": 1, "inline": true,
            "content_id": "dot", "url": ""}],
        "delivery": null, "threading": {"rule": "new_thread", "matched": null, "sender_known": true, "sender_verified": true},
        "notices": [], "created_at": "2026-03-01T09:30:00.000Z", "updated_at": "2026-03-01T09:30:00.000Z", "version": 1,
    });
    let view: MessageView = serde_json::from_value(kept.clone()).unwrap();
    assert_eq!(serde_json::to_value(&view).unwrap(), kept, "kept and read back, it is the same");
    let key = Key::derive(&[1; 32], Purpose::Link);
    let links =
        Links::signed("http://h:1", &key, id.parse::<uuid::Uuid>().unwrap().into(), chrono::Utc::now());
    let shown = serde_json::to_value(view.signed(&links)).unwrap();
    let url = shown["attachments"][0]["url"].as_str().unwrap();
    assert!(url.contains("signature="), "{url}");
    assert_eq!(shown["attachments"][0].get("content_id"), None);
    for html in [&shown["html"], &shown["segments"][0]["html"]] {
        assert!(html.as_str().unwrap().replace("&amp;", "&").contains(url), "{html}");
    }
}
