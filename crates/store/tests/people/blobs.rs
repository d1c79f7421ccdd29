//! Raw mail and attachments in the blob store.

use crate::world::World;
use bytes::Bytes;
use postroom_store::StoreError;
use std::{fs, path::PathBuf};

fn objects(world: &World) -> Vec<PathBuf> {
    let workspaces = fs::read_dir(&world.directory).into_iter().flatten().flatten();
    workspaces
        .flat_map(|workspace| fs::read_dir(workspace.path()).unwrap().flatten())
        .map(|object| object.path())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_one_object_of_their_workspace() {
    let world = World::new();
    let (acme, other) =
        (world.bare_workspace("acme").await.workspace_id, world.bare_workspace("other").await.workspace_id);
    let bytes = Bytes::from_static(b"a picture");
    let hashes = world
        .store
        .put_blobs(acme, vec![bytes.clone(), Bytes::from_static(b"b"), bytes.clone()])
        .await
        .unwrap();
    assert_eq!((hashes[0], hashes.len()), (hashes[2], 3));
    assert_eq!(world.store.put_blob(acme, bytes.clone()).await.unwrap(), hashes[0]);
    assert_eq!((objects(&world).len(), world.count("SELECT count(*) FROM blobs")), (2, 2));
    assert_eq!(world.store.get_blob(acme, &hashes[0]).await.unwrap(), bytes);
    assert!(world.store.get_blob(other, &hashes[0]).await.is_err(), "not in another workspace");
    assert!(world.store.put_blobs(acme, Vec::new()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_comes_back_as_it_was() {
    let world = World::new();
    let acme = world.bare_workspace("acme").await.workspace_id;
    let mail = Bytes::from(b"Subject: hello\r\n\r\nthe same line again\r\n".repeat(500));
    let hash = world.store.put_raw_mail(acme, mail.clone()).await.unwrap();
    assert_eq!(world.store.get_raw_mail(acme, &hash).await.unwrap(), mail);
    let stored = fs::metadata(&objects(&world)[0]).unwrap().len();
    assert!(stored < mail.len() as u64 / 10, "compressed: {stored} of {}", mail.len());
    // The same mail as somebody's attachment is another object: neither is taken for the other.
    let attached = world.store.put_blob(acme, mail.clone()).await.unwrap();
    assert_ne!(attached, hash);
    assert_eq!(world.store.get_blob(acme, &attached).await.unwrap(), mail);
    assert!(world.store.get_raw_mail(acme, &attached).await.is_err(), "which is no compressed mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_is_written_anew() {
    let world = World::new();
    let acme = world.bare_workspace("acme").await.workspace_id;
    let bytes = Bytes::from_static(b"whole");
    let hash = world.store.put_blob(acme, bytes.clone()).await.unwrap();
    fs::write(&objects(&world)[0], b"who").unwrap();
    world.store.put_blob(acme, bytes.clone()).await.unwrap();
    assert_eq!(world.store.get_blob(acme, &hash).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_comes_first_and_a_failure_is_told() {
    let world = World::new();
    let acme = world.bare_workspace("acme").await.workspace_id;
    world.store.check_blob_store().await.unwrap();
    // A file where the workspace's directory should be: fails for every user, root too.
    fs::create_dir_all(&world.directory).unwrap();
    fs::write(world.directory.join(acme.to_string()), b"in the way").unwrap();
    let failed = world.store.put_blob(acme, Bytes::from_static(b"x")).await;
    assert!(matches!(failed, Err(StoreError::Blob(_))), "{failed:?}");
    assert_eq!(world.count("SELECT count(*) FROM blobs"), 1, "its row was committed before");
    fs::remove_file(world.directory.join(acme.to_string())).unwrap();
    world.store.put_blob(acme, Bytes::from_static(b"x")).await.unwrap();
}
