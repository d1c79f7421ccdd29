//! Mail that an operator brings in files, and kept mail that is understood anew, with the built program beside a running
//! server.

use crate::world::{WORKSPACE, World, eventually, text};
use postroom_testkit::client::{Caller, SignedIn};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A mail between a customer and the team, with what its header says of its thread.
fn mail(from: &str, to: &str, id: &str, answers: &str, text: &str) -> String {
    let answers = if answers.is_empty() {
        String::new()
    } else {
        format!("In-Reply-To: <{answers}>\nReferences: <{answers}>\n")
    };
    format!(
        "From: {from}\nTo: {to}\nSubject: Pumps\nDate: Fri, 1 Mar 2024 10:00:00 +0000\nMessage-ID: <{id}>\n{answers}\n{text}\n"
    )
}

fn mbox(mails: &[String]) -> String {
    let quoted = |mail: &String| mail.replace("\nFrom ", "\n>From ");
    mails.iter().map(|mail| format!("From - Fri Mar  1 10:00:00 2024\n{}\n", quoted(mail))).collect()
}

fn import(world: &World, mailbox: &str, more: &[&str]) -> String {
    let command = ["mail", "import", "--workspace", WORKSPACE, "--mailbox", mailbox];
    world.installation.run(&[&command, more].concat()).unwrap()
}

fn stream(olga: &SignedIn) -> Vec<Value> {
    let cards = olga.get("/v1/conversations?view=all&status=all").unwrap().expect(200).unwrap();
    cards["data"].as_array().unwrap().clone()
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn an_import_is_old_news_and_a_second_one_adds_nothing() {
    let world = World::new("archive");
    let (olga, help) = (world.olga(), world.ours("help"));
    let (ann, bob) = (world.theirs("ann"), world.theirs("bob"));
    world.shared_mailbox(&olga, &help);
    let files = world.installation.dir().join("files");
    let begun = [
        mail(&ann, &help, "a1@c", "", "Hello.\nFrom here it is a question."),
        mail(&help, &ann, "a2@acme", "a1@c", "Gladly."),
        mail(&ann, &help, "a3@c", "a2@acme", "Thanks."),
    ];
    write(&files.join("INBOX.mbox"), &mbox(&[begun[0].clone(), begun[2].clone()]));
    write(&files.join("Sent"), &mbox(&begun[1..2]).replace('\n', "\r\n"));
    let maildir = files.join("Maildir");
    write(&maildir.join("cur/1.a:2,S"), &mail(&bob, &help, "b1@c", "lost@acme", "Your offer, please."));
    write(&maildir.join("cur/2.a:2,ST"), &mail(&bob, &help, "b0@c", "", "Deleted."));
    let mut away = mail(&bob, &help, "b2@c", "b1@c", "I am away.");
    away.insert_str(0, "Auto-Submitted: auto-replied\n");
    write(&maildir.join("new/3.a"), &away);
    write(&maildir.join(".Sent/cur/4.a:2,S"), &mail(&help, &bob, "b3@acme", "b1@c", "Here it is."));
    write(&maildir.join(".Drafts/cur/5.a:2,DS"), &mail(&help, &bob, "b4@acme", "b1@c", "Not yet."));
    let bounce = "From: MAILER-DAEMON@mx.test\nTo: help\nSubject: Undelivered Mail Returned to Sender\nMessage-ID: <x@mx>\n\
        MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
        Content-Type: text/plain\n\nIt came back.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n\
        Final-Recipient: rfc822; z@else.test\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\n\
        Message-ID: <nobody@acme>\n\n--b--\n";
    write(&maildir.join("cur/6.a:2,"), bounce);
    let eml = world.installation.dir().join("one.eml");
    write(&eml, &mail(&ann, &help, "a4@c", "a3@c", "Once more."));
    let all = files.display().to_string();

    let first = import(&world, &help, &[&all]);
    assert!(first.contains("7 mails: 6 new, 0 known, 1 only in the intake list"), "{first}");
    assert!(
        first.contains("unmatched_bounce: 1") && first.contains("passed by: 1 files and folders, 1 mails"),
        "{first}"
    );
    let cards = stream(&olga);
    let card = |name: &str| cards.iter().find(|card| text(card, "/primary_contact/email") == name).unwrap();
    assert_eq!(cards.len(), 2, "{cards:#?}");
    for (name, messages) in [(&ann, 3), (&bob, 3)] {
        let card = card(name);
        assert_eq!((&card["message_count"], &card["unread"]), (&json!(messages), &json!(false)), "{card:#}");
    }
    assert!(text(card(&ann), "/last_activity_at").starts_with("2024-03-01T10:00:00"), "{:#}", card(&ann));
    // Both sides have written, and the file's own quoting is gone.
    let path = format!("/v1/conversations/{}", text(card(&ann), "/id"));
    let messages = olga.get(&format!("{path}/messages")).unwrap().expect(200).unwrap();
    let messages = messages["data"].as_array().unwrap();
    let sides: Vec<String> = messages.iter().map(|message| text(message, "/side")).collect();
    assert_eq!(sides.iter().filter(|side| *side == "internal").count(), 1, "{sides:?}");
    let texts: Vec<String> = messages.iter().map(|message| text(message, "/text")).collect();
    assert!(texts.iter().any(|text| text.contains("\nFrom here")), "{texts:?}");

    // Nothing is opened again by what comes later, and nothing is unread.
    olga.patch(&path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    let later = import(&world, &help, &[&eml.display().to_string()]);
    assert!(later.contains("1 mails: 1 new"), "{later}");
    let now = olga.get(&path).unwrap().expect(200).unwrap();
    let told = (&now["status"], &now["unread"], &now["unseen_replies"], &now["message_count"]);
    assert_eq!(told, (&json!("closed"), &json!(false), &json!(0), &json!(4)));

    let events = world.cluster.count(&world.database, "SELECT max(number) FROM events", &[]).unwrap();
    let again = import(&world, &help, &[&all, &eml.display().to_string()]);
    assert!(again.contains("8 mails: 0 new, 8 known, 0 only in the intake list"), "{again}");
    assert_eq!(world.cluster.count(&world.database, "SELECT max(number) FROM events", &[]).unwrap(), events);
    assert_eq!(
        world
            .cluster
            .count(&world.database, "SELECT count(*) FROM intake WHERE reason = 'unmatched_bounce'", &[])
            .unwrap(),
        1
    );

    // The same mail read by IMAP is the same message.
    world
        .mail
        .mailbox(&help)
        .append(
            "INBOX",
            mail(&ann, &help, "a4@c", "a3@c", "Once more.").replace('\n', "\r\n").as_bytes(),
            None,
        )
        .unwrap();
    world
        .mail
        .mailbox(&help)
        .append("INBOX", mail(&ann, &help, "a5@c", "a4@c", "Really.").replace('\n', "\r\n").as_bytes(), None)
        .unwrap();
    eventually("the new one is there", || {
        let now = olga.get(&path)?.expect(200)?;
        Ok((now["message_count"] == 5).then_some(()))
    });
}

#[test]
fn an_import_says_what_is_wrong_before_it_begins() {
    let world = World::new("archive-wrong");
    let (olga, help) = (world.olga(), world.ours("help"));
    world.shared_mailbox(&olga, &help);
    let dir = world.installation.dir();
    let (good, bad) = (dir.join("good.mbox"), dir.join("bad.mbox"));
    write(&good, &mbox(&[mail(&world.theirs("ann"), &help, "g1@c", "", "Hello.")]));
    write(&bad, "Subject: no separator\n\nHello\n");
    let fails = |workspace: &str, mailbox: &str, path: &Path, why: &str| {
        let path = path.display().to_string();
        let run = world.installation.run(&[
            "mail",
            "import",
            "--workspace",
            workspace,
            "--mailbox",
            mailbox,
            &path,
        ]);
        let error = run.unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    };
    fails(WORKSPACE, &help, &dir.join("nowhere"), "nowhere");
    fails(WORKSPACE, &world.ours("nobody"), &good, "has no mailbox");
    fails(WORKSPACE, "no address", &good, "--mailbox");
    fails("nowhere", &help, &good, "there is no workspace nowhere");
    assert_eq!(world.cluster.count(&world.database, "SELECT count(*) FROM messages", &[]).unwrap(), 0);
    fails(WORKSPACE, &help, &bad, "as an mbox does");
    assert!(import(&world, &help, &[&good.display().to_string()]).contains("1 mails: 1 new"));
}

#[test]
fn kept_mail_is_understood_anew_and_nothing_else_changes() {
    let world = World::new("reparse");
    let (olga, help) = (world.olga(), world.ours("help"));
    world.shared_mailbox(&olga, &help);
    let ann = world.theirs("ann");
    let with_files = |id: &str, answers: &str, text: &str| {
        let head = mail(&ann, &help, id, answers, "");
        let head = head.trim_end();
        format!(
            "{head}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{text}\n\
             --b\nContent-Type: text/plain; name=one.txt\nContent-Disposition: attachment; filename=one.txt\n\none\n\
             --b\nContent-Type: text/plain; name=two.txt\nContent-Disposition: attachment; filename=two.txt\n\ntwo\n--b--\n"
        )
    };
    let file = world.installation.dir().join("r.mbox");
    write(
        &file,
        &mbox(&[with_files("r1@c", "lost@acme", "The first."), with_files("r2@c", "r1@c", "The second.")]),
    );
    import(&world, &help, &[&file.display().to_string()]);
    let path = format!("/v1/conversations/{}", text(&stream(&olga)[0], "/id"));
    olga.patch(&path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    let messages = || {
        let page = olga.get(&format!("{path}/messages")).unwrap().expect(200).unwrap();
        page["data"].as_array().unwrap().clone()
    };
    let (card, good) = (stream(&olga).remove(0), messages());
    let reparse = |more: &[&str]| world.installation.run(&[&["mail", "reparse"], more].concat()).unwrap();
    assert!(reparse(&[]).starts_with("2 messages looked at, 0 changed"), "what is right already stays");

    // As an older parser might have left the second one.
    let spoilt = "WITH m AS (UPDATE messages SET preview = 'Tke', subject = '=?x?=', has_attachments = false, \
          content_digest = decode(repeat('00', 32), 'hex') WHERE rfc_message_id = 'r2@c' RETURNING id), \
        b AS (UPDATE message_bodies SET text = 'Tke', segments = '[]' FROM m WHERE message_id = m.id), \
        r AS (DELETE FROM message_recipients USING m WHERE message_id = m.id), \
        f AS (DELETE FROM attachments USING m WHERE message_id = m.id AND filename = 'two.txt'), \
        c AS (UPDATE conversations SET last_message_preview = 'Tke') \
        UPDATE attachments SET filename = 'noname' FROM m WHERE message_id = m.id AND filename = 'one.txt'";
    world.cluster.execute(&world.database, spoilt).unwrap();
    let spoilt = messages();
    let events = world.cluster.count(&world.database, "SELECT max(number) FROM events", &[]).unwrap();
    let dry = reparse(&["--dry-run"]);
    assert!(dry.starts_with("2 messages looked at, 1 would change"), "{dry}");
    assert!(["text: 1", "header: 1", "files: 1"].iter().all(|what| dry.contains(what)), "{dry}");
    assert_eq!(messages(), spoilt);

    let done = reparse(&["--workspace", WORKSPACE, "--mailbox", &help]);
    assert!(done.starts_with("2 messages looked at, 1 changed"), "{done}");
    let mended = messages();
    for pointer in ["/text", "/segments", "/preview", "/subject", "/to", "/html"] {
        assert_eq!(mended[1].pointer(pointer), good[1].pointer(pointer), "{pointer}");
    }
    let files = |message: &Value| -> Vec<(String, String)> {
        let files = message["attachments"].as_array().unwrap();
        files.iter().map(|file| (text(file, "/filename"), text(file, "/id"))).collect()
    };
    let (before, after) = (files(&good[1]), files(&mended[1]));
    assert_eq!(after.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["one.txt", "two.txt"]);
    assert_eq!(before[0], after[0], "the same content has the same id");
    assert_eq!(mended[0], good[0], "the other message is untouched");
    let same = |card: &Value| {
        [
            "/status",
            "/unread",
            "/unseen_replies",
            "/last_activity_at",
            "/version",
            "/last_message",
            "/message_count",
        ]
        .map(|pointer| card.pointer(pointer).cloned())
    };
    assert_eq!(same(&stream(&olga)[0]), same(&card));
    let told = olga.get(&format!("/v1/events?after={events}")).unwrap().expect(200).unwrap();
    let kinds: Vec<String> =
        told["data"].as_array().unwrap().iter().map(|event| text(event, "/type")).collect();
    assert_eq!(kinds, ["message.updated", "conversation.updated"]);

    assert!(reparse(&[]).starts_with("2 messages looked at, 0 changed"));
    let place = format!("{WORKSPACE}/{}", text(&good[0], "/id"));
    assert!(reparse(&["--after", &place]).starts_with("1 messages looked at"));
    assert!(
        reparse(&["--workspace", WORKSPACE, "--message", &text(&good[0], "/id")]).starts_with("1 messages")
    );
    let wrong = world.installation.run(&["mail", "reparse", "--workspace", WORKSPACE, "--message", &uuid()]);
    assert!(wrong.unwrap_err().to_string().contains("no such message"));
    // It is recognised when it is read again: by its new digest.
    let again =
        with_files("r2@c", "r1@c", "The second.").replace("Subject: Pumps", "X-Filed: again\nSubject: Pumps");
    write(&file, &mbox(&[again]));
    assert!(import(&world, &help, &[&file.display().to_string()]).contains("1 mails: 0 new, 1 known"));
}

fn uuid() -> String {
    "01890a5d-ac96-774b-bcce-b302099a8057".to_owned()
}
