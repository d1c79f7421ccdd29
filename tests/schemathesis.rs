//! What others' tool for OpenAPI documents makes of the running server: Schemathesis sends what the document allows and what
//! it forbids, and holds every answer against the document. `make schemathesis` installs and runs it.

use postroom_testkit::{
    client::{Caller, SignedIn},
    letter::Letter,
};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

use crate::world::{World, eventually, text};

/// Requests that are made up for each operation, beside the document's examples and the borders of each field.
const EXAMPLES: &str = "8";
/// The choices of every run; `POSTROOM_TEST_SEED` makes others.
const SEED: &str = "1";

/// The project's directory.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Ids of things, under the names of `openapi/schemathesis.toml`.
type Things = Vec<(&'static str, String)>;

fn make(by: &SignedIn, path: &str, body: &Value) -> String {
    text(&by.post(path, body).unwrap().expect(201).unwrap(), "/id")
}

/// What is the workspace's.
fn common(world: &World, olga: &SignedIn, mailbox: &Value) -> Things {
    let field = json!({"entity": "deal", "key": "plan", "label": "Plan", "type": "text"});
    vec![
        ("MAILBOX", text(mailbox, "/id")),
        ("CUSTOM_FIELD", make(olga, "/v1/custom-fields", &field)),
        ("COLLEAGUE", world.user("Mia", "manager").id().to_owned()),
    ]
}

/// What is this person's own, begun by a customer's mail.
fn own(world: &World, olga: &SignedIn, person: &SignedIn, mailbox: &Value) -> Things {
    let name = person.id();
    let subject = format!("Where is the order of {name}?");
    world.send(&Letter::new(&world.theirs(name), &text(mailbox, "/address"), &subject, "It has not come."));
    let conversation = eventually("the customer's mail is in the stream", || {
        let cards = olga.get("/v1/conversations?view=all")?.expect(200)?;
        let cards = cards["data"].as_array().cloned().unwrap_or_default();
        Ok(cards.iter().find(|card| card["subject"] == subject.as_str()).map(|card| text(card, "/id")))
    });
    let path = format!("/v1/conversations/{conversation}");
    let card = olga.patch(&path, &json!({"owner_id": name})).unwrap().expect(200).unwrap();
    let contact = text(&card, "/primary_contact/id");
    let reply = json!({"text": "It is on its way."});
    let reply = person.post(&format!("{path}/replies"), &reply).unwrap().expect(201).unwrap();
    let email = json!({"address": world.theirs(&format!("second-{name}"))});
    let contact =
        person.post(&format!("/v1/contacts/{contact}/emails"), &email).unwrap().expect(201).unwrap();
    vec![
        ("CONVERSATION", conversation),
        ("MESSAGE", text(&reply, "/id")),
        ("THREAD", text(&reply, "/thread_id")),
        ("CONTACT", text(&contact, "/id")),
        ("EMAIL", text(&contact, "/emails/1/id")),
        ("COMPANY", make(person, "/v1/companies", &json!({"name": "Customer Ltd."}))),
        ("DEAL", make(person, "/v1/deals", &json!({"name": "Fifty seats"}))),
        ("API_KEY", make(person, "/v1/api-keys", &json!({"name": "Reports", "scope": "read"}))),
        ("ATTACHMENT", upload(person)),
    ]
}

/// Uploads a file and gives its id.
fn upload(by: &SignedIn) -> String {
    let form =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.txt\"\r\n\r\none\r\n--x--\r\n";
    let authorization = by.authorization().unwrap();
    let headers =
        [("authorization", authorization.as_str()), ("content-type", "multipart/form-data; boundary=x")];
    let answer = by.line().send("POST", "/v1/attachments", &headers, form.into());
    text(&answer.unwrap().expect(201).unwrap(), "/id")
}

/// Runs it as one person; what it found and how much it tried is its last lines.
fn run(world: &World, caller: &SignedIn, things: &[(&'static str, String)]) {
    let program = root().join(".local/python/bin/schemathesis");
    assert!(program.exists(), "Schemathesis is not installed: `make schemathesis` does it");
    let seed = std::env::var("POSTROOM_TEST_SEED").unwrap_or_else(|_| SEED.to_owned());
    let dir = world.installation.dir().join("schemathesis");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(root().join("openapi/schemathesis.toml"));
    command.args(["--no-color", "run"]).arg(root().join("openapi/postroom.json"));
    command.args(["--url", &world.base, "--seed", &seed, "--max-examples", EXAMPLES]);
    command.arg("--report-dir").arg(dir);
    command.env("TOKEN", caller.token()).envs(things.iter().map(|(name, id)| (name, id)));
    let output = command.current_dir(world.installation.dir()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary = said.find("SUMMARY =").unwrap_or_default();
    println!("{}", &said[summary..]);
}

#[test]
#[ignore = "needs Schemathesis: make schemathesis"]
fn the_document_holds_for_the_owner_and_for_a_team_member() {
    let world = World::new("schemathesis");
    let olga = world.olga();
    let tom = world.user("Tom", "team_member");
    let ports = world.mail.ports();
    let at = ((ports.imaps, "tls"), (ports.smtp, "starttls"));
    let address = world.ours("support");
    let mailbox = world.shared_mailbox_at(&olga, &address, at.0, at.1, "first_inbound");
    let common = common(&world, &olga, &mailbox);
    // All is made first: what is tried changes the mailbox, too.
    let people = [&olga, &tom].map(|person| (person, own(&world, &olga, person, &mailbox)));
    for (person, own) in people {
        run(&world, person, &[common.as_slice(), &own].concat());
    }
}
