//! The page in `frontend-contract/page` in a browser, with the running server and real mail. `make page-test` builds the
//! page, installs what its tests need, and runs this; the tests themselves are in `frontend-contract/page/test`.

mod door;

use postroom_testkit::{
    checkout,
    client::{Caller, SignedIn},
    server::Person,
};
use serde_json::{Value, json};
use std::process::Command;

use crate::world::{WORKSPACE, World, text};
use door::Door;

/// A workspace without Conversations (ACC-1).
const WITHOUT: &str = "plain";

#[test]
#[ignore = "needs Node, Chromium and what npm installs: make page-test"]
fn the_page_does_in_a_browser_what_it_promises() {
    let page = checkout().join("frontend-contract/page");
    let world = World::with("page", |settings| {
        settings.set("POSTROOM_PAGE_DIR", &page.join("dist").display().to_string());
    });
    let support = world.ours("support");
    let olga = world.olga();
    let people = [("Mia Manager", "manager"), ("Tom Member", "team_member"), ("Tim Member", "team_member")];
    for (name, role) in people {
        world.user(name, role);
    }
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    define_custom_fields(&olga);
    let company = json!({"name": "Northwind Traders", "domain": "northwind.test", "industry": "Tea"});
    let company = olga.post("/v1/companies", &company).unwrap().expect(201).unwrap();
    let deal = json!({"name": "Tea for a year", "stage": "Negotiation",
                      "amount": {"amount": "1250.00", "currency": "EUR"}});
    let deal = olga.post("/v1/deals", &deal).unwrap().expect(201).unwrap();
    let wilma = Person::new("Wilma Without", &world.ours("wilma"));
    world.installation.make_workspace(WITHOUT, "Plain Ltd.", &wilma).unwrap();
    world.installation.run(&["workspace", "disable", WITHOUT, "conversations"]).unwrap();

    let door = Door::open(&world);
    let given = json!({
        "base": world.base, "workspace": WORKSPACE, "without": WITHOUT, "password": wilma.password,
        "support": support, "ours": world.ours(""), "theirs": world.theirs(""), "door": door.port(),
        "company": text(&company, "/name"), "deal": text(&deal, "/name"),
    });
    let status = door.answer_while(|| {
        let mut npm = Command::new("npm");
        npm.args(["run", "--silent", "test"]).current_dir(page.join("test"));
        npm.env("POSTROOM_PAGE_WORLD", given.to_string()).status().unwrap()
    });
    assert!(status.success(), "{status}");
}

/// One for each type that there is (SDB-6).
fn define_custom_fields(by: &SignedIn) {
    let types = [
        ("text", "Nickname"),
        ("long_text", "Story"),
        ("number", "Cups a day"),
        ("date", "Customer since"),
        ("boolean", "Likes milk"),
        ("select", "Plan"),
        ("multi_select", "Teas"),
        ("url", "Shop"),
        ("email", "Invoices to"),
        ("phone", "Fax"),
    ];
    for (kind, label) in types {
        let options = match kind {
            "select" => json!(["Basic", "Pro"]),
            "multi_select" => json!(["Assam", "Oolong", "Sencha"]),
            _ => Value::Null,
        };
        let field =
            json!({"entity": "contact", "key": kind, "label": label, "type": kind, "options": options});
        by.post("/v1/custom-fields", &field).unwrap().expect(201).unwrap();
    }
}
