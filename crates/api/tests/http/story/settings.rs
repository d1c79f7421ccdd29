//! The workspace, its mailboxes, custom fields and keys.

use super::{Story, text};
use serde_json::{Value, json};

/// The servers of a mailbox, as they are asked for.
fn servers() -> (Value, Value) {
    let server = |name: &str, port: u16, security: &str| {
        json!({"host": format!("{name}.acme.example"), "port": port, "security": security,
            "username": "sales@acme.example", "password": "correct horse battery staple"})
    };
    (server("imap", 993, "tls"), server("smtp", 587, "starttls"))
}

impl Story {
    /// It has a name, and asks for Conversations.
    pub(super) fn workspace(&mut self) {
        let (olga, tom, anybody) = (self.olga.clone(), self.tom.clone(), self.world.anonymous());
        self.show("health", &anybody, ("GET", "/healthz"), None);
        self.show("readiness", &anybody, ("GET", "/readyz"), None);
        self.show("get_openapi", &anybody, ("GET", "/openapi.json"), None);
        self.show("get_token_keys", &anybody, ("GET", "/.well-known/jwks.json"), None);
        self.show("get_workspace", &olga, ("GET", "/v1/workspace"), None);
        let workspace = json!({"name": "Acme Inc.", "undo_send_seconds": 20});
        self.show("update_workspace", &olga, ("PATCH", "/v1/workspace"), Some(workspace));

        // ACC-1: who has it not yet asks for it.
        self.refused("feature_not_enabled", &tom, ("GET", "/v1/conversations"), None);
        let wish = json!({"feature": "conversations", "message": "We would like to try it."});
        let requests = "/v1/workspace/feature-requests";
        self.show("request_feature", &tom, ("POST", requests), Some(wish));
        self.show("list_feature_requests", &olga, ("GET", requests), None);
        self.world.enable();
        self.support = Some(self.world.support());
    }

    pub(super) fn settings(&mut self) {
        self.mailboxes();
        self.provider();
        self.custom_fields();
        self.keys();
    }

    fn mailboxes(&mut self) {
        let olga = self.olga.clone();
        let (imap, smtp) = servers();
        let sales = json!({"address": "sales@acme.example", "display_name": "Acme Sales", "kind": "shared",
            "conversation_starts_on": "first_inbound", "imap": imap, "smtp": smtp});
        let sales = self.show("create_mailbox", &olga, ("POST", "/v1/mailboxes"), Some(sales));
        let path = format!("/v1/mailboxes/{}", text(&sales, "/id"));
        self.show("list_mailboxes", &olga, ("GET", "/v1/mailboxes"), None);
        self.show("get_mailbox", &olga, ("GET", &path), None);
        let owner = json!({"default_owner_id": self.tom.id()});
        self.show("update_mailbox", &olga, ("PATCH", &path), Some(owner));
        self.show("test_mailbox", &olga, ("POST", &format!("{path}/test")), Some(json!({})));
        let second = json!({"address": "old@acme.example", "kind": "shared", "imap": servers().0, "smtp": servers().1});
        let second = self.does(&olga, ("POST", "/v1/mailboxes"), Some(second));
        let path = format!("/v1/mailboxes/{}", text(&second, "/id"));
        self.show("remove_mailbox", &olga, ("DELETE", &path), None);
    }

    fn provider(&mut self) {
        let olga = self.olga.clone();
        self.show("list_mail_providers", &olga, ("GET", "/v1/mail-providers"), None);
        let begun = Some(json!({"provider": "google"}));
        let begin = ("POST", "/v1/mail-providers/sign-in");
        let begun = self.show("begin_provider_sign_in", &olga, begin, begun);
        let mut back = json!({"state": begun["state"], "code": "good", "address": "olga@provider.example",
            "kind": "personal"});
        let connect = ("POST", "/v1/mailboxes/oauth");
        let made = self.show("create_oauth_mailbox", &olga, connect, Some(back.clone()));
        let again = format!("/v1/mailboxes/{}/oauth", text(&made, "/id"));
        let anew = Some(json!({"state": begun["state"], "code": "good"}));
        self.show("sign_in_mailbox", &olga, ("PUT", &again), anew);
        (back["code"], back["address"]) = (json!("registration"), json!("sales@provider.example"));
        self.refused("provider_refused", &olga, connect, Some(back));
    }

    fn custom_fields(&mut self) {
        let olga = self.olga.clone();
        let plan = json!({"entity": "contact", "key": "plan", "label": "Plan", "type": "select",
            "options": ["Basic", "Pro"]});
        let plan = self.show("create_custom_field", &olga, ("POST", "/v1/custom-fields"), Some(plan));
        let path = format!("/v1/custom-fields/{}", text(&plan, "/id"));
        let since = json!({"entity": "contact", "key": "since", "label": "Customer since", "type": "date"});
        self.does(&olga, ("POST", "/v1/custom-fields"), Some(since));
        let more = json!({"options": ["Basic", "Pro", "Enterprise"]});
        self.show("update_custom_field", &olga, ("PATCH", &path), Some(more));
        self.show("get_custom_field", &olga, ("GET", &path), None);
        self.show("list_custom_fields", &olga, ("GET", "/v1/custom-fields?entity=contact"), None);
        let mistake = json!({"entity": "deal", "key": "mistake", "label": "Mistake", "type": "text"});
        let mistake = self.does(&olga, ("POST", "/v1/custom-fields"), Some(mistake));
        let path = format!("/v1/custom-fields/{}", text(&mistake, "/id"));
        self.show("remove_custom_field", &olga, ("DELETE", &path), None);
    }

    fn keys(&mut self) {
        let olga = self.olga.clone();
        let key = json!({"name": "Nightly export", "scope": "read"});
        let key = self.show("create_api_key", &olga, ("POST", "/v1/api-keys"), Some(key));
        let path = format!("/v1/api-keys/{}", text(&key, "/id"));
        self.show("list_api_keys", &olga, ("GET", "/v1/api-keys"), None);
        self.show("get_api_key", &olga, ("GET", &path), None);
        self.show("revoke_api_key", &olga, ("DELETE", &path), None);
    }
}
