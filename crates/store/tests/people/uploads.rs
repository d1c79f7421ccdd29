//! Files on their way into the blob store, and out of it again.

use crate::world::World;
use bytes::Bytes;
use chrono::Utc;
use postroom_domain::{access::Actor, ids::AttachmentId};
use postroom_store::{AttachmentDetail, Outcome, Store, StoreError, StoredAnswer, UploadName, WholeUpload};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

async fn receive(store: &Store, actor: &Actor, content: &[u8]) -> WholeUpload {
    let mut upload = store.begin_upload(actor.workspace_id).await.unwrap();
    for piece in content.chunks(100_000) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    upload.finish().await.unwrap()
}

async fn keep(store: &Store, actor: &Actor, upload: WholeUpload) -> Result<AttachmentId, StoreError> {
    let name = UploadName { filename: Some("a.bin".into()), content_type: "a/b".into() };
    let answer = |_: &AttachmentDetail| StoredAnswer { status: 201, location: None, body: vec![] };
    match store.keep_upload(actor, upload, &name, None, answer).await? {
        Outcome::Done(detail) => Ok(detail.info.id),
        Outcome::Replayed(_) => panic!("nothing to replay"),
    }
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_piece_by_piece_is_one_object() {
    let world = World::new();
    let (acme, other) = (world.bare_workspace("acme").await, world.bare_workspace("other").await);
    let content: Vec<u8> = (0..11_000_000u32).map(|n| (n % 251) as u8).collect();
    let upload = receive(&world.store, &acme, &content).await;
    assert_eq!((upload.size, upload.sha256), (11_000_000, Sha256::digest(&content).into()));
    assert_eq!(upload.beginning, content[..512]);
    assert_eq!(world.count("SELECT count(*) FROM blobs"), 0, "nobody's yet");
    let id = keep(&world.store, &acme, upload).await.unwrap();
    let file = world.store.attachment(&acme, id).await.unwrap();
    assert!(world.store.get_blob(acme.workspace_id, &file.sha256).await.unwrap() == content);
    assert_eq!(files(&world.directory).len(), 1, "nothing is left in the temporary place");
    keep(&world.store, &acme, receive(&world.store, &acme, &content).await).await.unwrap();
    assert_eq!(files(&world.directory).len(), 1, "the same bytes are one object");
    assert!(matches!(world.store.attachment_detail(&other, id).await, Err(StoreError::NotFound)));
    let empty = keep(&world.store, &acme, receive(&world.store, &acme, b"").await).await.unwrap();
    assert_eq!(world.store.attachment_detail(&acme, empty).await.unwrap().info.size, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let world = World::new();
    let acme = world.bare_workspace("acme").await;
    let mut upload = world.store.begin_upload(acme.workspace_id).await.unwrap();
    upload.write(Bytes::from(vec![1; 6_000_000])).await.unwrap();
    upload.abort().await;
    // The process died between the last byte and the row.
    let lost = receive(&world.store, &acme, b"lost").await;
    drop(lost);
    assert_eq!(files(&world.directory).len(), 1);
    assert_eq!(world.store.upkeep(Utc::now()).await.unwrap().uploads, 0, "it may still be at work");
    let tomorrow = Utc::now() + chrono::TimeDelta::hours(25);
    assert_eq!(world.store.upkeep(tomorrow).await.unwrap().uploads, 1);
    assert_eq!(files(&world.directory).len(), 0);
}

/// The collector removes an object at the moment at which somebody uploads the same bytes: they are there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn collecting_never_takes_what_is_just_coming() {
    let world = World::new();
    let acme = world.bare_workspace("acme").await;
    let (mut collected, mut spared) = (0, 0);
    for round in 0..25 {
        let content = format!("round {round}");
        world.store.put_blob(acme.workspace_id, content.clone().into()).await.unwrap();
        world.execute("UPDATE blobs SET touched_at = touched_at - interval '25 hours'");
        let upload = receive(&world.store, &acme, content.as_bytes()).await;
        let (done, kept) = tokio::join!(world.store.upkeep(Utc::now()), keep(&world.store, &acme, upload));
        if done.unwrap().blobs == 1 {
            collected += 1;
        } else {
            spared += 1;
        }
        let file = world.store.attachment(&acme, kept.unwrap()).await.unwrap();
        assert_eq!(world.store.get_blob(acme.workspace_id, &file.sha256).await.unwrap(), content);
    }
    println!("collected {collected} times, spared {spared} times");
}

/// Every table that names objects holds them, also one that the collector's own question has forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn what_anything_names_is_not_collected() {
    let world = World::new();
    let acme = world.workspace("acme").await;
    let hash = world.store.put_blob(acme.workspace_id, Bytes::from_static(b"named")).await.unwrap();
    world.execute(
        "CREATE TABLE forgotten (workspace_id uuid, sha256 bytea, FOREIGN KEY (workspace_id, sha256) REFERENCES blobs);
         INSERT INTO forgotten SELECT workspace_id, sha256 FROM blobs;
         UPDATE blobs SET touched_at = touched_at - interval '25 hours'",
    );
    assert_eq!(world.store.upkeep(Utc::now()).await.unwrap().blobs, 0);
    assert_eq!(world.store.get_blob(acme.workspace_id, &hash).await.unwrap(), "named");
    world.execute("DROP TABLE forgotten");
    assert_eq!(world.store.upkeep(Utc::now()).await.unwrap().blobs, 1);
    assert!(world.store.get_blob(acme.workspace_id, &hash).await.is_err());
}
