//! The live page over the built program: mail shows on open pages of every server by itself, also after the database was
//! away, and an open page keeps no server from stopping.

use postroom_testkit::{
    client::{Anonymous, Caller, SignedIn},
    letter::Letter,
    proxy::{Protocol, Proxy},
    server::Person,
    stream::EventStream,
};
use serde_json::json;
use std::time::{Duration, Instant};

use crate::world::{SOON, WORKSPACE, World};

fn follow(base: &str, user: &SignedIn, after: Option<i64>) -> EventStream {
    let authorization = user.authorization().unwrap();
    let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
    let path = format!("/v1/events/stream{query}");
    let stream = EventStream::open(base, &path, &[("authorization", &authorization)]).unwrap();
    stream.wait_for("heartbeat", SOON).unwrap();
    stream
}

#[test]
fn a_mail_shows_on_the_open_pages_of_every_server_and_a_stop_waits_for_none_of_them() {
    let world = World::new("pages");
    let (support, ann) = (world.ours("support"), world.theirs("ann"));
    let olga = world.olga();
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    let mut second = world.installation.serve_only(Some("api")).unwrap();
    let pages = [follow(&world.base, &olga, None), follow(second.base(), &olga, None)];
    world.send(&Letter::new(&ann, &support, "Shown by itself", "Hello"));
    for page in &pages {
        let born = page.wait_for("conversation.created", SOON).unwrap();
        assert_eq!(born.data["data"]["subject"], "Shown by itself");
    }
    let begun = Instant::now();
    second.terminate().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let [first, second] = pages;
    assert_eq!(second.wait_for("end", SOON).unwrap().data, json!({"reason": "stopping"}));
    assert_eq!(second.next(SOON).unwrap(), None);
    // The other one goes on.
    world.send(&Letter::new(&ann, &support, "And another", "Hello"));
    assert_eq!(first.wait_for("conversation.created", SOON).unwrap().data["data"]["subject"], "And another");
}

#[test]
fn an_open_page_outlives_a_lost_database_and_misses_nothing() {
    let mut world = World::new("lostlive");
    let (support, ann) = (world.ours("support"), world.theirs("ann"));
    let olga = world.olga();
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    // A second server, its database behind a proxy that can fail; the first one goes on reading the mail.
    let mut installation = world.installation.clone();
    let proxy = Proxy::start(Protocol::Opaque, world.cluster.port()).unwrap();
    let url = world.cluster.url_at(proxy.port(), &world.database);
    let server = installation.set("POSTROOM_DATABASE_URL", &url).serve_only(Some("api")).unwrap();
    let person = Person::new("", &world.ours("olga"));
    let there = Anonymous::at(server.base()).sign_in(WORKSPACE, &person.email, &person.password).unwrap();
    let page = follow(server.base(), &there, None);

    proxy.refuse(true);
    proxy.cut();
    world.send(&Letter::new(&ann, &support, "Written while that server had no database", "Hello"));
    let here = follow(&world.base, &olga, Some(0));
    here.wait_for("conversation.created", SOON).unwrap();
    proxy.refuse(false);
    let born = page.wait_for("conversation.created", SOON).unwrap();
    assert_eq!(born.data["data"]["subject"], "Written while that server had no database");
    drop(world.take_server());
}
