//! A lost database: everybody is told when to come back, the process goes on, and nothing is lost.

use postroom_testkit::{
    client::{Anonymous, Caller},
    letter::Letter,
    proxy::{Protocol, Proxy},
    server::Person,
};

use crate::world::{WORKSPACE, World, eventually};

#[test]
fn a_lost_database_comes_back_and_nothing_is_lost() {
    let mut world = World::new("lostdb");
    let (support, ann) = (world.ours("support"), world.theirs("ann"));
    let olga = world.olga();
    let ports = world.mail.ports();
    world.shared_mailbox_at(&olga, &support, (ports.imaps, "tls"), (ports.smtp, "starttls"), "first_inbound");
    // The same installation, its database behind a proxy that can fail.
    drop(world.take_server());
    let proxy = Proxy::start(Protocol::Opaque, world.cluster.port()).unwrap();
    let url = world.cluster.url_at(proxy.port(), &world.database);
    let server = world.installation.set("POSTROOM_DATABASE_URL", &url).serve().unwrap();
    let anybody = Anonymous::at(server.base());
    let olga = Person::new("", &world.ours("olga"));
    let olga = anybody.sign_in(WORKSPACE, &olga.email, &olga.password).unwrap();

    proxy.refuse(true);
    proxy.cut();
    world.send(&Letter::new(&ann, &support, "Written while the database was away", "Hello"));
    let problem = olga.get("/v1/conversations").unwrap();
    assert_eq!(
        (problem.status, problem.body["code"].as_str()),
        (503, Some("unavailable")),
        "{:#}",
        problem.body
    );
    assert_eq!(anybody.get("/readyz").unwrap().status, 503);
    assert_eq!(anybody.get("/healthz").unwrap().status, 200);

    proxy.refuse(false);
    let cards = eventually("the mail is in the stream", || {
        let answer = olga.get("/v1/conversations")?;
        if answer.status == 503 {
            return Ok(None);
        }
        let cards = answer.expect(200)?["data"].as_array().cloned().unwrap_or_default();
        Ok((!cards.is_empty()).then_some(cards))
    });
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0]["subject"], "Written while the database was away");
}
