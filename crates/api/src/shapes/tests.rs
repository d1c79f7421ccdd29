use super::*;
use crate::form::{Request, names_of};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

/// Whether a request asks for exactly the fields that its documentation has.
fn check<R: Request + PartialSchema>() {
    let RefOr::T(Schema::Object(schema)) = R::schema() else {
        panic!("a request is an object");
    };
    let mut documented: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
    let mut asked = names_of::<R>();
    documented.sort_unstable();
    asked.sort_unstable();
    assert_eq!(asked, documented, "{}", std::any::type_name::<R>());
}

#[test]
fn requests_ask_for_what_is_documented() {
    check::<auth::LoginRequest>();
    check::<auth::RefreshRequest>();
    check::<auth::MeRequest>();
    check::<workspace::FeatureRequestRequest>();
    check::<mailbox::MailboxRequest>();
    check::<conversation::ConversationRequest>();
    check::<conversation::SeenRequest>();
    check::<reply::ReplyRequest>();
    check::<reply::NewMailRequest>();
}
