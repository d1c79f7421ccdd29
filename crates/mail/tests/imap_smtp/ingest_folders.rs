//! Folders that people have named, on Dovecot: read once each, what is there as old mail, what comes as news.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use postroom_store::{FolderRole, MailboxPatch};

use super::site::Site;
use super::{mail, servers};

const MESSAGES: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1";
const IMPORTED: &str = "SELECT count(*) FROM messages WHERE workspace_id = $1 AND imported";
const SYNCED: &str = "SELECT count(*) FROM mailboxes WHERE workspace_id = $1 AND state = 'reading' \
                      AND last_synced_at IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn named_folders_are_read_beside_the_inbox() {
    let site = Site::new().await;
    let address = "team.further@example.test";
    let mailbox = servers().mailbox(address);
    let before = |hours| Some(Utc::now() - TimeDelta::hours(hours));
    for folder in ["Orders", "Gr&APYA3w-e", "Spam"] {
        mailbox.create_folder(folder).unwrap();
    }
    mailbox.append("INBOX", &mail("inbox@x", "in the inbox"), before(3)).unwrap();
    mailbox.append("Orders", &mail("order-1@x", "an old order"), before(2)).unwrap();
    // It was copied there and is in the inbox still.
    mailbox.append("Orders", &mail("inbox@x", "in the inbox"), before(1)).unwrap();
    mailbox.append("Gr&APYA3w-e", &mail("size@x", "its size"), before(2)).unwrap();
    mailbox.append("Spam", &mail("spam@x", "not read"), before(2)).unwrap();
    let id = site.mailbox(address).await;
    let worker = site.read(|settings| settings.sent_every = Duration::from_millis(300));
    site.until(SYNCED, 1).await;
    assert_eq!(site.count(MESSAGES), 1);

    // Named later, with one that is there already for other reasons and one that is not there yet.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let name = |folders: &[&str]| MailboxPatch {
        folders: Some(folders.iter().map(|&name| name.to_owned()).collect()),
        ..MailboxPatch::default()
    };
    let all = name(&["Orders", "Größe", "Sent", "Later"]);
    let named = site.store.update_mailbox(&site.owner, id, None, &all).await.unwrap();
    assert_eq!(named.folders, ["Größe", "Later", "Orders", "Sent"]);
    site.until(MESSAGES, 3).await;
    site.until(SYNCED, 1).await;
    assert_eq!(site.count(IMPORTED), 3, "what was there is old");

    tokio::time::sleep(Duration::from_millis(1_100)).await;
    mailbox.append("Orders", &mail("order-2@x", "a new order"), None).unwrap();
    mailbox.create_folder("Later").unwrap();
    mailbox.append("Later", &mail("later@x", "in a new folder"), None).unwrap();
    site.until(MESSAGES, 5).await;
    assert_eq!(site.count(IMPORTED), 3, "what comes is news");
    let read = site.store.mailbox(&site.owner, id).await.unwrap();
    let folders: Vec<_> =
        read.read_folders.iter().map(|folder| (folder.name.as_str(), folder.role, folder.found)).collect();
    assert_eq!(
        folders,
        [
            ("INBOX", FolderRole::Inbox, true),
            ("Sent", FolderRole::Sent, true),
            ("Größe", FolderRole::Other, true),
            ("Later", FolderRole::Other, true),
            ("Orders", FolderRole::Other, true),
        ]
    );
    assert_eq!(read.read_folders[4].backfill, (2, 2));
    assert_eq!(read.backfill(), (4, 4));

    // Named no more, it is read no more; named again, reading goes on where it was.
    site.store.update_mailbox(&site.owner, id, None, &name(&["Größe"])).await.unwrap();
    mailbox.append("Orders", &mail("order-3@x", "an order meanwhile"), None).unwrap();
    mailbox.append("Gr&APYA3w-e", &mail("size-2@x", "its other size"), None).unwrap();
    site.until(MESSAGES, 6).await;
    let read = site.store.mailbox(&site.owner, id).await.unwrap();
    assert_eq!(read.read_folders.len(), 3, "{:?}", read.read_folders);
    site.store.update_mailbox(&site.owner, id, None, &name(&["Orders", "Größe"])).await.unwrap();
    site.until(MESSAGES, 7).await;
    site.until(SYNCED, 1).await;
    assert_eq!((site.count(MESSAGES), site.count(IMPORTED)), (7, 3));
    assert_eq!(site.count("SELECT count(*) FROM intake WHERE workspace_id = $1"), 0);
    worker.stop().await;
}
