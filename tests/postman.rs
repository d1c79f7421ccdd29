//! The Postman collection is run from top to bottom against a real server, by newman. `make postman` installs and runs it.

use postroom_testkit::{
    checkout,
    client::Caller,
    mail::{MailServers, PASSWORD},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, process::Command};

use crate::{integrating::kestrel, world::World};

/// Requests that aren't 2xx in a run from top to bottom.
const REFUSED: [(&str, u16); 10] = [
    // Tokens that are mailed to somebody.
    ("accept_invitation", 404),
    ("get_invitation", 404),
    ("reset_password", 404),
    // The picture has been removed, in a folder before.
    ("get_avatar", 404),
    // No mail has been put aside.
    ("get_raw_intake", 404),
    ("replay_intake", 404),
    // The installation is registered with no provider, and nobody has signed in there.
    ("begin_provider_sign_in", 422),
    ("create_oauth_mailbox", 422),
    ("sign_in_mailbox", 422),
    // It has been taken back, just before.
    ("retry_message", 404),
];

#[test]
#[ignore = "needs newman: make postman"]
fn the_collection_can_be_run_from_top_to_bottom() {
    let port = MailServers::shared().unwrap().ports().smtp;
    let world = World::with("postman", |settings| {
        let url = format!("smtp://postroom%40postman.test:{PASSWORD}@127.0.0.1:{port}");
        settings.set("POSTROOM_SYSTEM_SMTP_URL", &url);
        settings.set("POSTROOM_SYSTEM_FROM", "postroom@kestrel.example");
        settings.set("POSTROOM_APP_URL", "https://app.kestrel.example");
    });
    let olivia = kestrel(&world, &world.ours("support"));
    // A thread that waits for an answer.
    let mailbox = olivia.get("/v1/mailboxes").unwrap().expect(200).unwrap()["data"][0]["id"].clone();
    let mail = json!({"mailbox_id": mailbox, "subject": "Our prices", "text": "Shall we send them?", "to": [{"address": world.theirs("nora")}]});
    olivia.post("/v1/messages", &mail).unwrap().expect(201).unwrap();

    let newman = checkout().join(".local/bin/newman");
    assert!(newman.exists(), "newman is not installed: `make postman` does it");
    let report = world.installation.dir().join("postman.json");
    let mut command = Command::new(newman);
    command.arg("run").arg(checkout().join("openapi/postman.json"));
    command.args(["--env-var", &format!("base_url={}", world.base)]);
    command.arg("--working-dir").arg(checkout().join("openapi/tools"));
    command
        .args(["--timeout-request", "60000", "--reporters", "json", "--reporter-json-export"])
        .arg(&report);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let run: Value = serde_json::from_slice(&fs::read(&report).unwrap_or_else(|_| panic!("{said}"))).unwrap();
    let faults: Vec<String> = run["run"]["failures"].as_array().unwrap().iter().map(failure).collect();
    assert!(output.status.success() && faults.is_empty(), "{said}\n{}", faults.join("\n"));

    let executions = run["run"]["executions"].as_array().unwrap();
    let answers: Vec<(&str, u64)> = executions
        .iter()
        .filter_map(|one| Some((one["item"]["id"].as_str()?, one["response"]["code"].as_u64()?)))
        .collect();
    let refused: BTreeSet<_> = answers.iter().filter(|(_, status)| *status >= 300).collect();
    println!(
        "{} requests, {} of them 2xx; the others: {refused:?}",
        answers.len(),
        answers.len() - refused.len()
    );
    let expected: BTreeSet<_> = REFUSED.iter().map(|(id, status)| (*id, u64::from(*status))).collect();
    assert_eq!(refused, expected.iter().collect());
}

fn failure(failure: &Value) -> String {
    format!("{}: {}", failure["source"]["name"], failure["error"]["message"])
}
