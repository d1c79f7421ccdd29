//! The operator's page is right: its commands are run as they stand, and a backup that was taken while everything ran
//! is an installation again.

use postroom_testkit::{
    checkout,
    client::{Caller, SignedIn},
    process::temporary_directory,
    walkthrough::walk,
};
use std::{env, fs, path::Path};

use crate::{
    integrating::kestrel,
    world::{World, text},
};

/// A directory's path as text.
fn directory(path: &Path) -> String {
    path.parent().unwrap().display().to_string()
}

/// The stream's newest card, and the bytes of the file in its only message.
fn seen(by: &SignedIn) -> (serde_json::Value, Vec<u8>) {
    let mut card = by.all("/v1/conversations?view=all").unwrap().remove(0);
    // Signed links are made when answering.
    card.as_object_mut().unwrap().remove("primary_contact");
    let messages = by.all(&format!("/v1/conversations/{}/messages", text(&card, "/id"))).unwrap();
    let file = text(&messages[0], "/attachments/0/id");
    (card, by.get(&format!("/v1/attachments/{file}/content")).unwrap().bytes)
}

#[test]
fn the_operators_page_is_right_and_a_backup_is_an_installation_again() {
    let world = World::new("operating");
    let olivia = kestrel(&world, &world.ours("support"));
    let before = seen(&olivia);
    assert!(!before.1.is_empty());

    let superuser = "CREATE ROLE postroom_backup LOGIN BYPASSRLS PASSWORD 'backup'; GRANT pg_read_all_data TO postroom_backup";
    world.cluster.execute("postgres", superuser).unwrap();
    let restored = world.cluster.empty_database().unwrap();
    let blobs = world.installation.dir().join("data/blobs").display().to_string();
    let new_blobs = world.installation.dir().join("restored").display().to_string();
    let owner = world.cluster.url("");
    let owner = owner.trim_end_matches('/');
    let backup = format!("postgres://postroom_backup:backup@127.0.0.1:{}", world.cluster.port());
    let path = [
        directory(world.installation.program()),
        directory(&world.cluster.program("pg_dump")),
        env::var("PATH").unwrap(),
    ]
    .join(":");
    let mut environment: Vec<(&str, &str)> = world.installation.settings().collect();
    environment.extend([
        ("PATH", path.as_str()),
        ("BACKUP", &backup),
        ("OWNER", owner),
        ("DATABASE", &world.database),
        ("RESTORED", &restored),
        ("BLOBS", &blobs),
        ("NEW_BLOBS", &new_blobs),
    ]);
    let page = fs::read_to_string(checkout().join("docs/operating.md")).unwrap();
    let faults = walk(&page, &temporary_directory("operating").unwrap(), &environment).unwrap();
    assert!(faults.is_empty(), "docs/operating.md:\n{}", faults.join("\n"));

    let mut again = world.installation.clone();
    again.set("POSTROOM_DATABASE_URL", &world.cluster.url(&restored));
    let server =
        again.set("POSTROOM_BLOB_URL", &format!("file://{new_blobs}")).serve_only(Some("api")).unwrap();
    // The same token: the keys that sign them are there, too.
    assert_eq!(seen(&olivia.at(server.base())), before);
}
