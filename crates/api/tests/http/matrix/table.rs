//! The table: a row for every operation, and more where the outcome depends on what is sent.
//!
//! Expectations are by role: owner, administrator, manager, team member. They are written from ACC-2 to ACC-5, not from
//! the code. [`Row::of`] adds that what is another workspace's and what never existed is 404 for everybody; 401 without
//! sign-in is expected unless a row says otherwise.

use super::{
    row::{Row, row},
    things::*,
};
use crate::world::PASSWORD;
use serde_json::{Value, json};

/// Everybody may.
const YES: [u16; 4] = [200; 4];
/// What a team member has may be seen by those who see all (ACC-2, ACC-3).
const WHO_SEES_ALL: [u16; 4] = [200, 200, 200, 404];
/// Managing users, shared mailboxes, definitions and the workspace (ACC-2).
const WHO_MANAGES: [u16; 4] = [200, 200, 403, 403];

/// Every row.
pub(crate) fn rows() -> Vec<Row> {
    [
        sign_in(),
        people(),
        stream(),
        conversation(),
        threads(),
        writing(),
        files(),
        contacts(),
        companies_and_deals(),
        custom_fields(),
        keys(),
        mailboxes(),
        service(),
    ]
    .concat()
}

fn sign_in() -> Vec<Row> {
    let password = json!({"workspace": "acme", "email": "tim@acme.example", "password": PASSWORD});
    vec![
        row("login", "/v1/auth/login").json(password).all(YES).anonymous(200),
        row("refresh", "/v1/auth/refresh").json(json!({"refresh_token": "prr_none"})).all([401; 4]),
        row("logout", "/v1/auth/logout").ends_session().all([204; 4]),
        // Whoever has the link, whoever they are otherwise.
        row("get_invitation", "/v1/auth/invitations/{token}").by_link(INVITED, 200),
        row("accept_invitation", "/v1/auth/invitations/{token}/accept")
            .json(json!({"name": "Guest", "password": PASSWORD}))
            .by_link(INVITED, 200),
        row("request_password_reset", "/v1/auth/password-reset")
            .json(json!({"email": "nobody@acme.example"}))
            .all([202; 4])
            .anonymous(202),
        row("reset_password", "/v1/auth/password-reset/none")
            .json(json!({"password": PASSWORD}))
            .all([404; 4])
            .anonymous(404),
        // Everybody may; who doesn't know the present one is told that.
        row("change_password", "/v1/me/password")
            .json(json!({"current_password": "wrong", "new_password": PASSWORD}))
            .for_people_alone()
            .all([422; 4]),
    ]
}

fn people() -> Vec<Row> {
    vec![
        row("get_me", "/v1/me").all(YES),
        row("update_me", "/v1/me").json(json!({"time_zone": "Europe/Berlin"})).all(YES),
        row("set_my_avatar", "/v1/me/avatar").file().all(YES),
        row("remove_my_avatar", "/v1/me/avatar").all(YES),
        // By a signed address alone.
        row("get_avatar", "/v1/avatars/none").all([404; 4]).anonymous(404),
        row("get_workspace", "/v1/workspace").all(YES),
        row("update_workspace", "/v1/workspace").json(json!({"name": "Acme"})).all(WHO_MANAGES),
        row("list_audit", "/v1/audit").all(WHO_MANAGES),
        row("list_users", "/v1/users").all(YES),
        row("list_users", "/v1/users?status=all").all(WHO_MANAGES),
        row("get_user", "/v1/users/{user}").of(USER).common(YES),
        row("get_user", "/v1/users/{user}").of(INVITED).common([200, 200, 404, 404]),
        row("invite_user", "/v1/users")
            .json(json!({"email": "new{n}@acme.example", "name": "New", "role": "manager"}))
            .all([201, 201, 403, 403]),
        row("update_user", "/v1/users/{user}").of(USER).json(json!({"role": "manager"})).common(WHO_MANAGES),
        row("update_user", "/v1/users/{user}").of(USER).json(json!({"active": false})).common(WHO_MANAGES),
        row("update_user", "/v1/users/{user}")
            .of(INVITED)
            .json(json!({"role": "manager"}))
            .common([200, 200, 404, 404]),
        row("resend_invitation", "/v1/users/{user}/invitation").of(INVITED).common([200, 200, 404, 404]),
        row("resend_invitation", "/v1/users/{user}/invitation").of(USER).common([409, 409, 403, 403]),
        // ACC-1: any user may ask.
        row("request_feature", "/v1/workspace/feature-requests")
            .json(json!({"feature": "conversations"}))
            .all([201; 4]),
        row("list_feature_requests", "/v1/workspace/feature-requests").all(YES),
    ]
}

fn stream() -> Vec<Row> {
    vec![
        row("list_conversations", "/v1/conversations").all(YES),
        row("list_conversations", "/v1/conversations?view=mine").all(YES),
        // ACC-3.
        row("list_conversations", "/v1/conversations?view=all")
            .all([200, 200, 200, 403])
            .refused_as("view_not_allowed"),
        row("count_conversations", "/v1/conversations/counts").all(YES),
        row("list_events", "/v1/events?after=0").all(YES),
        row("follow_events", "/v1/events/stream").head().all(YES),
        row("create_event_ticket", "/v1/events/ticket").all(YES),
    ]
}

fn conversation() -> Vec<Row> {
    let theirs = |operation, path| row(operation, path).of(CONVERSATION);
    let one = "/v1/conversations/{conversation}";
    let seen = "/v1/conversations/{conversation}/seen";
    let presence = "/v1/conversations/{conversation}/presence";
    let done = [204; 4];
    let done_by_who_sees_all = [204, 204, 204, 404];
    vec![
        theirs("get_conversation", one).own(YES).others(WHO_SEES_ALL),
        theirs("update_conversation", one).json(json!({"status": "closed"})).own(YES).others(WHO_SEES_ALL),
        // CNV-8: whoever sees it may hand it over.
        theirs("update_conversation", one).json(json!({"owner_id": "{tim}"})).own(YES).others(WHO_SEES_ALL),
        theirs("mark_conversation_seen", seen).json(json!({})).own(done).others(done_by_who_sees_all),
        theirs("mark_conversation_seen", seen)
            .json(json!({"message_id": "{message}"}))
            .own(done)
            .others(done_by_who_sees_all),
        theirs("mark_conversation_unread", seen).own(done).others(done_by_who_sees_all),
        theirs("list_presence", presence).own(YES).others(WHO_SEES_ALL),
        theirs("set_presence", presence)
            .json(json!({"state": "viewing"}))
            .own(done)
            .others(done_by_who_sees_all),
        theirs("list_conversation_messages", "/v1/conversations/{conversation}/messages")
            .own(YES)
            .others(WHO_SEES_ALL),
        theirs("get_conversation_message", "/v1/conversations/{conversation}/messages/{message}")
            .own(YES)
            .others(WHO_SEES_ALL),
    ]
}

fn threads() -> Vec<Row> {
    let one = "/v1/threads/{thread}";
    let begin = "/v1/threads/{thread}/conversation";
    vec![
        row("list_threads", "/v1/threads").all(YES),
        // ACC-4: its author's, and, in shared mailboxes, theirs who see all.
        row("get_thread", one).of(SHARED_THREAD).own(YES).others(WHO_SEES_ALL),
        row("get_thread", one).of(PERSONAL_THREAD).own(YES).others([404; 4]),
        row("start_conversation", begin).of(SHARED_THREAD).own([201; 4]).others([201, 201, 201, 404]),
        row("start_conversation", begin).of(PERSONAL_THREAD).own([201; 4]).others([404; 4]),
    ]
}

fn letter() -> Value {
    let to = json!([{"address": "bob@customer.example"}]);
    json!({"mailbox_id": "{mailbox}", "subject": "Your order", "to": to, "text": "It has left."})
}

fn writing() -> Vec<Row> {
    let reply = json!({"text": "Thank you."});
    let replies = "/v1/conversations/{conversation}/replies";
    vec![
        row("create_reply", replies)
            .of(CONVERSATION)
            .json(reply.clone())
            .own([201; 4])
            .others([201, 201, 201, 404]),
        row("preview_reply", "/v1/conversations/{conversation}/replies/preview")
            .of(CONVERSATION)
            .json(reply)
            .own(YES)
            .others(WHO_SEES_ALL),
        row("get_message", "/v1/messages/{message}").of(MESSAGE).own(YES).others(WHO_SEES_ALL),
        row("get_message", "/v1/messages/{message}").of(QUEUED).own(YES).others(WHO_SEES_ALL),
        row("list_messages", "/v1/messages").all(YES),
        // ACC-4: every active user may send from shared mailboxes, only its user from a personal one.
        row("create_message", "/v1/messages").from(SHARED_MAILBOX).json(letter()).common([201; 4]),
        row("create_message", "/v1/messages")
            .from(PERSONAL_MAILBOX)
            .json(letter())
            .own([201; 4])
            .others([422; 4]),
        row("preview_message", "/v1/messages/preview").from(SHARED_MAILBOX).json(letter()).common(YES),
        row("preview_message", "/v1/messages/preview")
            .from(PERSONAL_MAILBOX)
            .json(letter())
            .own(YES)
            .others([422; 4]),
        // Taking it back is its author's alone, for whoever sees it.
        row("cancel_message", "/v1/messages/{message}/cancel")
            .of(QUEUED)
            .own(YES)
            .others([403, 403, 403, 404])
            .refused_as("not_author"),
        // One that waits is sent by itself: who may is told that.
        row("retry_message", "/v1/messages/{message}/retry")
            .of(QUEUED)
            .own([409; 4])
            .others([409, 409, 409, 404]),
        // One that waits has no bytes yet.
        row("get_raw_message", "/v1/messages/{message}/raw").of(QUEUED).own([404; 4]).others([404; 4]),
    ]
}

fn files() -> Vec<Row> {
    let content = "/v1/attachments/{attachment}/content";
    vec![
        row("upload_attachment", "/v1/attachments").file().all([201; 4]),
        // ACC-4: they follow their message; one that no message has yet is its uploader's.
        row("get_attachment", "/v1/attachments/{attachment}").of(FILE).own(YES).others(WHO_SEES_ALL),
        row("get_attachment", "/v1/attachments/{attachment}").of(UPLOAD).own(YES).others([404; 4]),
        row("get_attachment_content", content).of(FILE).own(YES).others(WHO_SEES_ALL),
        row("get_attachment_content", content).of(UPLOAD).own(YES).others([404; 4]),
    ]
}

fn custom_fields() -> Vec<Row> {
    let one = "/v1/custom-fields/{field}";
    let text = json!({"entity": "deal", "key": "f{n}", "label": "Field", "type": "text"});
    vec![
        // ACC-2: everybody sees them, owner and administrators define them.
        row("create_custom_field", "/v1/custom-fields").json(text).all([201, 201, 403, 403]),
        row("list_recipients", "/v1/recipients?q=customer").all(YES),
        row("list_custom_fields", "/v1/custom-fields").all(YES),
        row("get_custom_field", one).of(CUSTOM_FIELD).common(YES),
        row("update_custom_field", one)
            .of(CUSTOM_FIELD)
            .json(json!({"label": "Another"}))
            .common([200, 200, 403, 403]),
        row("remove_custom_field", one).of(CUSTOM_FIELD).common([204, 204, 403, 403]),
    ]
}

fn keys() -> Vec<Row> {
    let one = "/v1/api-keys/{key}";
    vec![
        // ACC-2: everybody's own, and others' for those who manage users.
        row("create_api_key", "/v1/api-keys")
            .json(json!({"name": "Robot", "scope": "admin"}))
            .manages()
            .all([201; 4]),
        row("list_api_keys", "/v1/api-keys").all(YES),
        row("get_api_key", one).of(KEY).own(YES).others([200, 200, 404, 404]),
        row("revoke_api_key", one).of(KEY).manages().own([204; 4]).others([204, 204, 404, 404]),
    ]
}

fn contacts() -> Vec<Row> {
    let one = "/v1/contacts/{contact}";
    let email = "/v1/contacts/{contact}/emails/{email}";
    let company = "/v1/contacts/{contact}/company";
    let deal = "/v1/contacts/{contact}/deals/{deal}";
    // ACC-2: those that they own, and those that take part in a conversation that they own; and what is seen is edited.
    let theirs = |operation, path| row(operation, path).of(CUSTOMER).own(YES).others(WHO_SEES_ALL);
    vec![
        row("list_contacts", "/v1/contacts").all(YES),
        row("list_contacts", "/v1/contacts?q=customer").all(YES),
        row("create_contact", "/v1/contacts")
            .json(json!({"emails": [{"address": "new{n}@customer.example"}]}))
            .all([201; 4]),
        theirs("get_contact", one),
        row("get_contact", one).of(CONTACT).own(YES).others(WHO_SEES_ALL),
        theirs("update_contact", one).json(json!({"title": "Chief"})),
        theirs("update_contact", one).json(json!({"owner_id": "{tim}"})),
        row("update_contact", one).of(CONTACT).json(json!({"title": "Chief"})).own(YES).others(WHO_SEES_ALL),
        row("add_contact_email", "/v1/contacts/{contact}/emails")
            .of(CUSTOMER)
            .json(json!({"address": "further{n}@customer.example"}))
            .own([201; 4])
            .others([201, 201, 201, 404]),
        theirs("update_contact_email", email).json(json!({"primary": true})),
        theirs("remove_contact_email", email),
        row("set_contact_avatar", "/v1/contacts/{contact}/avatar")
            .of(CONTACT)
            .file()
            .own(YES)
            .others(WHO_SEES_ALL),
        row("remove_contact_avatar", "/v1/contacts/{contact}/avatar")
            .of(CONTACT)
            .own(YES)
            .others(WHO_SEES_ALL),
        theirs("set_contact_company", company).json(json!({"company_id": "{company}"})),
        theirs("remove_contact_company", company),
        theirs("add_contact_deal", deal),
        theirs("remove_contact_deal", deal),
    ]
}

fn companies_and_deals() -> Vec<Row> {
    let (company, deal) = ("/v1/companies/{company}", "/v1/deals/{deal}");
    let named = json!({"name": "Another name"});
    let mut rows = vec![
        row("list_companies", "/v1/companies").all(YES),
        // ACC-2: every role looks up by name, and makes.
        row("list_companies", "/v1/companies?q=customer").all(YES),
        row("create_company", "/v1/companies").json(named.clone()).all([201; 4]),
        row("list_deals", "/v1/deals").all(YES),
        row("list_deals", "/v1/deals?q=seats").all(YES),
        row("create_deal", "/v1/deals").json(named.clone()).all([201; 4]),
    ];
    // What they made, and no contact has a part in.
    for (operation, path, thing) in [("get_company", company, COMPANY), ("get_deal", deal, DEAL)] {
        rows.push(row(operation, path).of(thing).own(YES).others(WHO_SEES_ALL));
    }
    for (operation, path, thing) in [("update_company", company, COMPANY), ("update_deal", deal, DEAL)] {
        rows.push(row(operation, path).of(thing).json(named.clone()).own(YES).others(WHO_SEES_ALL));
    }
    rows
}

fn mailbox(kind: &str) -> Value {
    let server =
        json!({"host": "127.0.0.1", "port": 143, "security": "none", "username": "u", "password": "p"});
    json!({"address": "new{n}@acme.example", "kind": kind, "imap": server, "smtp": server})
}

fn at_provider(kind: &str) -> Value {
    json!({"state": "{sign_in}", "code": "good", "address": "new{n}@acme.example", "kind": kind})
}

fn mailboxes() -> Vec<Row> {
    let one = "/v1/mailboxes/{mailbox}";
    vec![
        row("create_mailbox", "/v1/mailboxes").json(mailbox("personal")).manages().all([201; 4]),
        row("create_mailbox", "/v1/mailboxes").json(mailbox("shared")).all([201, 201, 403, 403]),
        row("list_mail_providers", "/v1/mail-providers").all(YES),
        row("begin_provider_sign_in", "/v1/mail-providers/sign-in")
            .json(json!({"provider": "google"}))
            .manages()
            .all([200; 4]),
        row("create_oauth_mailbox", "/v1/mailboxes/oauth")
            .json(at_provider("personal"))
            .manages()
            .all([201; 4]),
        row("create_oauth_mailbox", "/v1/mailboxes/oauth")
            .json(at_provider("shared"))
            .all([201, 201, 403, 403]),
        row("sign_in_mailbox", "/v1/mailboxes/{mailbox}/oauth")
            .of(SHARED_MAILBOX)
            .json(json!({"state": "{sign_in}", "code": "good"}))
            .common([200, 200, 403, 403]),
        row("sign_in_mailbox", "/v1/mailboxes/{mailbox}/oauth")
            .of(PERSONAL_MAILBOX)
            .manages()
            .json(json!({"state": "{sign_in}", "code": "good"}))
            .own(YES)
            .others([200, 200, 404, 404]),
        row("list_mailboxes", "/v1/mailboxes").all(YES),
        // Those that they may send from (ACC-4); managing mailboxes is seeing them.
        row("get_mailbox", one).of(SHARED_MAILBOX).common(YES),
        row("get_mailbox", one).of(PERSONAL_MAILBOX).own(YES).others([200, 200, 404, 404]),
        // ACC-2: one's own; the shared ones, and with the users theirs, for those who manage them.
        row("update_mailbox", one)
            .of(SHARED_MAILBOX)
            .json(json!({"display_name": "Us"}))
            .common([200, 200, 403, 403]),
        row("update_mailbox", one)
            .of(PERSONAL_MAILBOX)
            .manages()
            .json(json!({"display_name": "Me"}))
            .own(YES)
            .others([200, 200, 404, 404]),
        row("remove_mailbox", one).of(SHARED_MAILBOX).common([204, 204, 403, 403]),
        row("remove_mailbox", one).of(PERSONAL_MAILBOX).manages().own([204; 4]).others([204, 204, 404, 404]),
        row("test_mailbox", "/v1/mailboxes/{mailbox}/test").of(SHARED_MAILBOX).common([200, 200, 403, 403]),
        row("test_mailbox", "/v1/mailboxes/{mailbox}/test")
            .of(PERSONAL_MAILBOX)
            .manages()
            .own(YES)
            .others([200, 200, 404, 404]),
        row("list_intake", "/v1/mailboxes/{mailbox}/intake").of(SHARED_ENTRY).common([200, 200, 403, 403]),
        row("list_intake", "/v1/mailboxes/{mailbox}/intake")
            .of(PERSONAL_ENTRY)
            .manages()
            .own(YES)
            .others([200, 200, 404, 404]),
        // ACC-4: nobody reads a colleague's mailbox, whoever manages it.
        row("get_raw_intake", "/v1/mailboxes/{mailbox}/intake/{entry}/raw")
            .of(SHARED_ENTRY)
            .common([200, 200, 403, 403]),
        row("get_raw_intake", "/v1/mailboxes/{mailbox}/intake/{entry}/raw")
            .of(PERSONAL_ENTRY)
            .manages()
            .own(YES)
            .others([403, 403, 404, 404]),
        row("replay_intake", "/v1/mailboxes/{mailbox}/intake/{entry}/replay")
            .of(SHARED_ENTRY)
            .common([200, 200, 403, 403]),
        row("replay_intake", "/v1/mailboxes/{mailbox}/intake/{entry}/replay")
            .of(PERSONAL_ENTRY)
            .manages()
            .own(YES)
            .others([200, 200, 404, 404]),
    ]
}

fn service() -> Vec<Row> {
    let public = |operation, path| row(operation, path).all(YES).anonymous(200);
    vec![
        public("health", "/healthz"),
        public("readiness", "/readyz"),
        public("get_token_keys", "/.well-known/jwks.json"),
        public("get_openapi", "/openapi.json"),
    ]
}
