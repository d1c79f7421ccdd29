//! The TypeScript client in `frontend-contract/client` against the running server. `make client` installs what it needs,
//! builds it, and runs this.

use postroom_testkit::{checkout, client::Caller, letter::Letter, server::Person};
use serde_json::json;
use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::world::{WORKSPACE, World, eventually, text};

/// Customers who have written before the client looks.
const BEFORE: usize = 14;
/// A customer writes again so often while it looks.
const EVERY: Duration = Duration::from_millis(400);

#[test]
#[ignore = "needs Node and what npm installs: make client"]
fn the_client_does_with_the_server_what_it_promises() {
    let world = World::new("client");
    let support = world.ours("support");
    let olga = world.olga();
    let members = ["Tom", "Tim"].map(|name| world.user(name, "team_member"));
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    let write = |number: usize| {
        let (from, subject) = (world.theirs(&format!("customer{number}")), format!("Order {number}"));
        world.send(&Letter::new(&from, &support, &subject, "Where is it?"));
    };
    (0..BEFORE).for_each(write);
    let cards = eventually("the customers' mails are in the stream", || {
        let cards = olga.all("/v1/conversations?view=all")?;
        Ok((cards.len() == BEFORE).then_some(cards))
    });
    for (card, owner) in cards.iter().zip(members.iter().cycle()).take(BEFORE / 2) {
        let path = format!("/v1/conversations/{}", text(card, "/id"));
        olga.patch(&path, &json!({"owner_id": owner.id()})).unwrap().expect(200).unwrap();
    }

    let given = json!({
        "base": world.base, "workspace": WORKSPACE, "password": Person::new("", "").password,
        "owner": world.ours("olga"), "members": [world.ours("tom"), world.ours("tim")],
    });
    let done = AtomicBool::new(false);
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                thread::sleep(EVERY);
                if done.load(Ordering::Relaxed) {
                    return;
                }
                write(number % (2 * BEFORE));
            }
        });
        let mut npm = Command::new("npm");
        npm.args(["run", "--silent", "test:server"]).current_dir(checkout().join("frontend-contract/client"));
        let status = npm.env("POSTROOM_CLIENT_WORLD", given.to_string()).status();
        done.store(true, Ordering::Relaxed);
        status.unwrap()
    });
    assert!(status.success(), "{status}");
}
