//! Mails with files, taken back or sent again, as their recipients get them.

use std::time::Duration;

use postroom_domain::address::{EmailAddress, NamedAddress};
use postroom_domain::ids::{AttachmentId, MailboxId, MessageId};
use postroom_domain::reply::Written;
use postroom_store::{
    AttachmentDetail, Message, NewMailDraft, Outcome, StoreError, StoredAnswer, UploadName,
};
use postroom_testkit::letter::Received;

use super::servers;
use super::site::Site;

const WAIT: Duration = Duration::from_secs(20);
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\x01\x02 not much of a picture \xff\xfe";

fn named(list: &[&str]) -> Vec<NamedAddress> {
    list.iter().map(|text| NamedAddress::bare(EmailAddress::parse(text).expect("an address"))).collect()
}

async fn upload(site: &Site, filename: &str, content_type: &str, content: &'static [u8]) -> AttachmentId {
    let mut upload = site.store.begin_upload(site.owner.workspace_id).await.expect("begun");
    for piece in content.chunks(7) {
        upload.write(bytes::Bytes::from_static(piece)).await.expect("written");
    }
    let whole = upload.finish().await.expect("whole");
    let name = UploadName { filename: Some(filename.to_owned()), content_type: content_type.to_owned() };
    let answer = |_: &AttachmentDetail| StoredAnswer { status: 201, location: None, body: Vec::new() };
    match site.store.keep_upload(&site.owner, whole, &name, None, answer).await.expect("kept") {
        Outcome::Done(detail) => detail.info.id,
        Outcome::Replayed(_) => panic!("nothing to replay"),
    }
}

struct Mail<'a> {
    subject: &'a str,
    to: &'a [&'a str],
    cc: &'a [&'a str],
    bcc: &'a [&'a str],
    html: String,
    files: Vec<AttachmentId>,
}

async fn write(site: &Site, mailbox_id: MailboxId, mail: Mail<'_>) -> MessageId {
    let draft = NewMailDraft {
        mailbox_id,
        to: named(mail.to),
        cc: named(mail.cc),
        bcc: named(mail.bcc),
        subject: mail.subject.to_owned(),
        body: Written { text: "See the dot.".to_owned(), html: mail.html },
        preview: "See the dot.".to_owned(),
        signature: None,
        attachment_ids: mail.files,
        request: serde_json::Value::Null,
    };
    let answer = |_: &Message| StoredAnswer { status: 201, location: None, body: Vec::new() };
    match site.store.new_mail(&site.owner, draft, None, answer).await.expect("accepted") {
        Outcome::Done(message) => message.id,
        Outcome::Replayed(_) => panic!("nothing to replay"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_gets_the_files_and_nobody_learns_of_blind_copies() {
    let site = Site::new().await;
    site.execute("UPDATE workspaces SET undo_send_seconds = 0");
    let mailbox = site.mailbox("team.files@example.test").await;
    let picture = upload(&site, "dot.png", "image/png", PNG).await;
    let table = upload(&site, "Größen \u{645}.csv", "text/csv", b"a;b\r\n.\r\n\xe4;\xff\r\n").await;
    let page =
        upload(&site, "page.eml", "application/octet-stream", b"Bcc: inner@example.test\r\n\r\nx").await;
    let everybody = [
        "files.to@example.test",
        "files.cc@example.test",
        "files.blind@example.test",
        "files.unseen@example.test",
    ];
    let mail = Mail {
        subject: "Files",
        to: &everybody[..1],
        cc: &everybody[1..2],
        bcc: &everybody[2..],
        html: format!("<p>See the dot: <img src=\"cid:{picture}\" alt=\"dot\"></p>"),
        files: vec![picture, table, page],
    };
    let message = write(&site, mailbox, mail).await;
    let sender = site.send(|_| {});
    let mut bodies = Vec::new();
    for name in everybody {
        let got = servers().mailbox(name).wait_for("INBOX", 1, WAIT).expect("a mail").remove(0);
        let parsed = postroom_mime::parse(&got);
        assert_eq!((parsed.to.len(), parsed.cc.len(), parsed.bcc.len()), (1, 1, 0), "{name}");
        // What stands above From is the trace of the way, which names whose copy it is.
        let text = String::from_utf8(got).expect("7-bit");
        let own = text.split_once("\r\nFrom:").expect("a header").1.to_owned();
        for blind in &everybody[2..] {
            assert!(!own.contains(blind), "{name} learns of {blind}");
        }
        bodies.push(own);
        let files: Vec<_> = parsed
            .attachments
            .iter()
            .map(|file| (file.filename.as_deref().unwrap_or_default(), file.contents.as_slice(), file.inline))
            .collect();
        assert_eq!(files.len(), 3, "{files:?}");
        assert_eq!(files[0], ("dot.png", PNG, true), "a related part");
        assert_eq!(files[1], ("Größen \u{645}.csv", &b"a;b\r\n.\r\n\xe4;\xff\r\n"[..], false));
        assert_eq!(parsed.attachments[0].content_id.as_deref(), Some(picture.to_string().as_str()));
        assert!(parsed.html.expect("HTML").contains(&format!("cid:{picture}")));
        let parts = Received::new(text.into_bytes()).parts();
        assert_eq!(parts.iter().filter(|part| *part == "multipart/related").count(), 1, "{parts:?}");
    }
    assert!(bodies.iter().all(|one| *one == bodies[0]), "everybody gets the same bytes");
    // What is read as the raw message is what was sent.
    let raw = site.store.raw_message(&site.owner, message).await.expect("rendered");
    let raw: Vec<bytes::Bytes> = futures_util::TryStreamExt::try_collect(raw).await.expect("readable");
    let raw = String::from_utf8(raw.concat()).expect("7-bit");
    assert!(bodies[0].trim_end() == raw.split_once("From:").expect("a header").1.trim_end());
    sender.stop().await;
}

/// A writer who takes mails back while a worker sends them, with exim and Dovecot: each is in the inbox, or was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn each_mail_arrives_or_was_taken_back() {
    let site = Site::new().await;
    site.execute("UPDATE workspaces SET undo_send_seconds = 0");
    let mailbox = site.mailbox("team.regrets@example.test").await;
    let sender = site.send(|settings| settings.claim_every = Duration::from_millis(5));
    let mut taken_back = 0;
    for number in 0..24_u64 {
        let subject = format!("number {number}");
        let mail = Mail {
            subject: &subject,
            to: &["regretted@example.test"],
            cc: &[],
            bcc: &[],
            html: "<p>x</p>".to_owned(),
            files: vec![],
        };
        let id = write(&site, mailbox, mail).await;
        tokio::time::sleep(Duration::from_millis(number % 6)).await;
        match site.store.cancel_message(&site.owner, id).await {
            Ok(_) => taken_back += 1,
            Err(StoreError::AlreadySending) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    let left = 24 - taken_back;
    println!("{left} left, {taken_back} were taken back");
    site.until("SELECT count(*) FROM outbox WHERE workspace_id = $1 AND state = 'sent'", left).await;
    site.until("SELECT count(*) FROM outbox_queue WHERE workspace_id = $1", 0).await;
    assert_eq!(site.count("SELECT count(*) FROM messages WHERE workspace_id = $1"), left);
    let left = usize::try_from(left).expect("a count");
    if left > 0 {
        servers().mailbox("regretted@example.test").wait_for("INBOX", left, WAIT).expect("the mails");
    }
    sender.stop().await;
    assert_eq!(servers().mailbox("regretted@example.test").count("INBOX").expect("a count"), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_again_it_is_the_same_mail_to_those_who_missed_it() {
    let site = Site::new().await;
    site.execute("UPDATE workspaces SET undo_send_seconds = 0");
    let mailbox = site.mailbox("team.again@example.test").await;
    let sender = site.send(|_| {});
    let mail = Mail {
        subject: "again",
        to: &["again.fine@example.test", "nobody-again@example.test"],
        cc: &[],
        bcc: &[],
        html: "<p>x</p>".to_owned(),
        files: vec![],
    };
    let id = write(&site, mailbox, mail).await;
    let partial =
        "SELECT count(*) FROM outbox WHERE workspace_id = $1 AND state = 'partial' AND attempts = 1";
    site.until(partial, 1).await;
    site.until("SELECT count(*) FROM outbox_queue WHERE workspace_id = $1", 0).await;
    let rendered =
        || site.count("SELECT count(DISTINCT rendered_sha256) FROM outbox WHERE workspace_id = $1");
    assert_eq!(rendered(), 1);
    let events = "SELECT count(*) FROM events WHERE workspace_id = $1 AND type = 'message.updated'";
    let before = site.count(events);
    site.store.retry_message(&site.owner, id, false).await.expect("queued again");
    site.until(partial, 1).await;
    site.until("SELECT count(*) FROM outbox_queue WHERE workspace_id = $1", 0).await;
    // Queued again, being sent, refused again: each is told.
    assert_eq!(site.count(events) - before, 3);
    assert_eq!(servers().mailbox("again.fine@example.test").wait_for("INBOX", 1, WAIT).expect("it").len(), 1);
    assert_eq!(servers().mailbox("team.again@example.test").wait_for("Sent", 1, WAIT).expect("it").len(), 1);
    sender.stop().await;
}
