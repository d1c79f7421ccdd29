//! Folders by the names that servers give them.

use std::time::Duration;

use postroom_mail::imap::{FolderName, Folders, Session};
use postroom_mail::net::Security;

use super::faulty::serve;
use super::{at, hasty_network, login};

/// What is found on a server that answers LIST so.
fn found(capabilities: &'static str, list: &'static str) -> Folders {
    let port = serve(move |peer| {
        peer.say("* OK ready\r\n");
        for _ in 0..3 {
            peer.answer(&format!("* CAPABILITY IMAP4rev1 {capabilities}\r\n"), "OK");
        }
        peer.answer(list, "OK");
        peer.wait_for_end();
    });
    let endpoint = at(port, Security::None);
    let mut session =
        Session::open(&hasty_network(), &endpoint, &login("x"), Duration::from_secs(2)).unwrap();
    session.discover().unwrap()
}

fn sent(list: &'static str) -> Option<String> {
    found("", list).sent
}

#[test]
fn sent_mail_is_found_by_its_special_use_and_else_by_its_name() {
    let declared = "* LIST () \"/\" Sent\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Sent Mail\"\r\n";
    assert_eq!(found("SPECIAL-USE LIST-EXTENDED", declared).sent.as_deref(), Some("[Gmail]/Sent Mail"));
    // Attributes that come without having been asked for, XLIST's names of them included.
    assert_eq!(sent(declared).as_deref(), Some("[Gmail]/Sent Mail"));
    for (list, expected) in [
        ("* LIST () \".\" INBOX\r\n* LIST () \".\" INBOX.Sent\r\n", Some("INBOX.Sent")),
        ("* LIST () \"/\" \"Sent Items\"\r\n* LIST () \"/\" Sent\r\n", Some("Sent")),
        ("* LIST () \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"\r\n", Some("&AMk-l&AOk-ments envoy&AOk-s")),
        (
            "* LIST (\\Noselect) \"/\" Sent\r\n* LIST () \"/\" \"Gesendete Objekte\"\r\n",
            Some("Gesendete Objekte"),
        ),
        ("* LIST () \"/\" Presents\r\n* LIST () \"/\" INBOX\r\n", None),
    ] {
        assert_eq!(sent(list).as_deref(), expected, "{list}");
    }
}

#[test]
fn names_come_as_atoms_strings_and_literals() {
    let list = "* LIST () \"/\" INBOX\r\n* LIST () \"/\" {9}\r\nOrders {1\r\n* LIST () NIL \"a \\\"b\\\" \\\\c\"\r\n\
                * LIST () \"/\" \"Gr&APYA3w-e\"\r\n* LIST (\\NonExistent) \"/\" gone\r\n";
    // A server that could send UTF-8 is not asked to.
    let folders = found("UTF8=ACCEPT", list);
    let names: Vec<String> = folders.all.iter().map(FolderName::readable).collect();
    assert_eq!(names, ["INBOX", "Orders {1", "a \"b\" \\c", "Größe"]);
}
