//! The things that are asked for, and how somebody comes by one.

use super::site::{Names, Person, Site};
use crate::world::{address, mail};
use postroom_domain::{access::Role, ids::WorkspaceId};
use postroom_store::{IncomingAttachment, Ingested, NewUser};
use postroom_testkit::client::Caller;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// A kind of thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thing {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// Where somebody who may see it finds it: that answers 200 and has its id in it.
    pub(crate) at: &'static str,
    /// Makes one that is this person's, or their workspace's.
    pub(crate) make: fn(&Site, &Person) -> Names,
}

/// `{conversation}` that they own, with `{message}`, a customer's mail, and `{contact}`.
pub(crate) const CONVERSATION: Thing =
    Thing { name: "conversation", at: "/v1/conversations/{conversation}", make: conversation };
/// The same, asked for by its message.
pub(crate) const MESSAGE: Thing = Thing { name: "message", at: "/v1/messages/{message}", make: conversation };
/// The same, asked for by its customer.
pub(crate) const CONTACT: Thing = Thing { name: "contact", at: "/v1/contacts/{contact}", make: conversation };
/// `{contact}` that they have made, with a further address `{email}`; a `{company}` and a `{deal}` of theirs that the contact
/// has no part in yet.
pub(crate) const CUSTOMER: Thing = Thing { name: "customer", at: "/v1/contacts/{contact}", make: customer };
/// The same, asked for by the company.
pub(crate) const COMPANY: Thing = Thing { name: "company", at: "/v1/companies/{company}", make: customer };
/// The same, asked for by the deal.
pub(crate) const DEAL: Thing = Thing { name: "deal", at: "/v1/deals/{deal}", make: customer };
/// `{message}`, a reply of theirs that still waits, in a `{conversation}` of theirs.
pub(crate) const QUEUED: Thing = Thing { name: "queued", at: "/v1/messages/{message}", make: queued };
/// `{attachment}` of a message of theirs.
pub(crate) const FILE: Thing = Thing { name: "file", at: "/v1/attachments/{attachment}", make: file };
/// `{attachment}` that they have uploaded and not used yet.
pub(crate) const UPLOAD: Thing = Thing { name: "upload", at: "/v1/attachments/{attachment}", make: upload };
/// `{mailbox}` of their own.
pub(crate) const PERSONAL_MAILBOX: Thing =
    Thing { name: "personal mailbox", at: "/v1/mailboxes/{mailbox}", make: personal_mailbox };
/// `{mailbox}` that their workspace shares.
pub(crate) const SHARED_MAILBOX: Thing =
    Thing { name: "shared mailbox", at: "/v1/mailboxes/{mailbox}", make: shared_mailbox };

/// `{thread}` that waits for an answer to what they wrote through a shared mailbox.
pub(crate) const SHARED_THREAD: Thing =
    Thing { name: "shared thread", at: "/v1/threads/{thread}", make: shared_thread };
/// The same through a mailbox of their own.
pub(crate) const PERSONAL_THREAD: Thing =
    Thing { name: "personal thread", at: "/v1/threads/{thread}", make: personal_thread };

/// `{user}`, an active team member.
pub(crate) const USER: Thing = Thing { name: "user", at: "/v1/users/{user}", make: user };
/// `{user}`, who has not joined yet, and the `{token}` of their invitation.
pub(crate) const INVITED: Thing = Thing { name: "invited", at: "/v1/users/{user}", make: invited };
/// `{field}`, a definition of their workspace.
pub(crate) const CUSTOM_FIELD: Thing =
    Thing { name: "custom field", at: "/v1/custom-fields/{field}", make: custom_field };
/// `{key}` of their own.
pub(crate) const KEY: Thing = Thing { name: "API key", at: "/v1/api-keys/{key}", make: key };

/// `{entry}` of the intake list of a `{mailbox}` of their own.
pub(crate) const PERSONAL_ENTRY: Thing =
    Thing { name: "personal entry", at: "/v1/mailboxes/{mailbox}", make: personal_entry };
/// The same of one that their workspace shares.
pub(crate) const SHARED_ENTRY: Thing =
    Thing { name: "shared entry", at: "/v1/mailboxes/{mailbox}", make: shared_entry };

/// The id in an answer.
fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

fn conversation(site: &Site, person: &Person) -> Names {
    converse(site, person, vec![])
}

/// A customer writes, and the conversation is handed to the person.
fn converse(site: &Site, person: &Person, attachments: Vec<IncomingAttachment>) -> Names {
    let number = site.number();
    let mut letter = mail(&format!("customer{number}@customer.example"), number);
    letter.attachments = attachments;
    let reader = site.readers[person.workspace].lock().unwrap();
    let taken = site.world.deliver(&reader, letter);
    drop(reader);
    let Ingested::Stored { message_id, conversation_id: Some(conversation) } = taken else {
        panic!("a customer's first mail makes a conversation: {taken:?}")
    };
    let path = format!("/v1/conversations/{conversation}");
    let owner = json!({"owner_id": person.user.id()});
    let made = site.owner_of(person.workspace).user.patch(&path, &owner).unwrap().expect(200).unwrap();
    Names::from([
        ("conversation", conversation.to_string()),
        ("message", message_id.to_string()),
        ("contact", id(&made["primary_contact"])),
    ])
}

fn customer(site: &Site, person: &Person) -> Names {
    let number = site.number();
    let make = |path: &str, body: Value| person.user.post(path, &body).unwrap().expect(201).unwrap();
    let emails = ["office", "home"].map(|place| json!({"address": format!("made{number}@{place}.example")}));
    let contact = make("/v1/contacts", json!({"emails": emails}));
    Names::from([
        ("contact", id(&contact)),
        ("email", id(&contact["emails"][1])),
        ("company", id(&make("/v1/companies", json!({"name": "Customer Ltd."})))),
        ("deal", id(&make("/v1/deals", json!({"name": "Fifty seats"})))),
    ])
}

fn queued(site: &Site, person: &Person) -> Names {
    let mut names = conversation(site, person);
    let path = format!("/v1/conversations/{}/replies", names["conversation"]);
    let reply = person.user.post(&path, &json!({"text": "Thank you."})).unwrap().expect(201).unwrap();
    names.insert("message", id(&reply));
    names
}

fn file(site: &Site, person: &Person) -> Names {
    let content = site.world.file("list.txt", "text/plain", b"one, two");
    let me = person.user.get("/v1/me").unwrap().expect(200).unwrap();
    // In their own workspace as well, which may be another one.
    let workspace = WorkspaceId(me["workspace"]["id"].as_str().unwrap().parse().unwrap());
    let bytes = bytes::Bytes::from_static(b"one, two");
    site.world.run(site.world.store.put_blob(workspace, bytes)).unwrap();
    let mut names = converse(site, person, vec![content]);
    let message = format!("/v1/messages/{}", names["message"]);
    let message = person.user.get(&message).unwrap().expect(200).unwrap();
    names.insert("attachment", id(&message["attachments"][0]));
    names
}

/// The one form that is ever sent, and its type: a file that is a picture as well, of one pixel.
pub(crate) const FORM: (&str, &[u8]) = (
    "multipart/form-data; boundary=xx",
    b"--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"dot.gif\"\r\n\
      Content-Type: image/gif\r\n\r\n\
      GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b\r\n--xx--\r\n",
);

fn upload(_: &Site, person: &Person) -> Names {
    let authorization = person.user.authorization().unwrap();
    let headers = [("authorization", authorization.as_str()), ("content-type", FORM.0)];
    let made = person.user.line().send("POST", "/v1/attachments", &headers, FORM.1.into()).unwrap();
    Names::from([("attachment", id(&made.expect(201).unwrap()))])
}

fn custom_field(site: &Site, person: &Person) -> Names {
    let key = format!("field{}", site.number());
    let body = json!({"entity": "company", "key": key, "label": "Field", "type": "text"});
    let owner = &site.owner_of(person.workspace).user;
    Names::from([("field", id(&owner.post("/v1/custom-fields", &body).unwrap().expect(201).unwrap()))])
}

fn key(_: &Site, person: &Person) -> Names {
    let body = json!({"name": "Robot", "scope": "read"});
    Names::from([("key", id(&person.user.post("/v1/api-keys", &body).unwrap().expect(201).unwrap()))])
}

fn mailbox(site: &Site, person: &Person, kind: &str) -> Names {
    let server =
        json!({"host": "127.0.0.1", "port": 143, "security": "none", "username": "u", "password": "p"});
    let address = format!("box{}@{}.example", site.number(), person.workspace);
    let body = json!({"address": address, "kind": kind, "imap": server, "smtp": server});
    Names::from([("mailbox", id(&person.user.post("/v1/mailboxes", &body).unwrap().expect(201).unwrap()))])
}

fn personal_mailbox(site: &Site, person: &Person) -> Names {
    mailbox(site, person, "personal")
}

fn shared_mailbox(site: &Site, person: &Person) -> Names {
    mailbox(site, site.owner_of(person.workspace), "shared")
}

/// Something that was read from a mailbox and is no message.
fn entry(site: &Site, person: &Person, mut names: Names) -> Names {
    let raw = b"From: bob@customer.example\r\nSubject: Lost\r\nMessage-ID: <lost@customer.example>\r\n\r\nHello\r\n";
    let workspace = person.user.session()["user"]["workspace"]["id"].as_str().unwrap().parse().unwrap();
    let raw =
        site.world.run(site.world.store.put_raw_mail(workspace, bytes::Bytes::from_static(raw))).unwrap();
    let raw: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = uuid::Uuid::now_v7().to_string();
    site.world.execute(&format!(
        "INSERT INTO intake (workspace_id, id, mailbox_id, reason, raw_sha256, received_at)
         SELECT workspace_id, '{id}', id, 'failed', '\\x{raw}', now() FROM mailboxes WHERE id = '{}'",
        names["mailbox"]
    ));
    names.insert("entry", id);
    names
}

fn personal_entry(site: &Site, person: &Person) -> Names {
    entry(site, person, personal_mailbox(site, person))
}

fn shared_entry(site: &Site, person: &Person) -> Names {
    entry(site, person, shared_mailbox(site, person))
}

fn thread(site: &Site, person: &Person, mailbox: &Names) -> Names {
    let to = format!("customer{}@customer.example", site.number());
    let body = json!({"mailbox_id": mailbox["mailbox"], "subject": "Your order", "to": [to], "text": "It has left."});
    let written = person.user.post("/v1/messages", &body).unwrap().expect(201).unwrap();
    Names::from([("thread", written["thread_id"].as_str().unwrap().to_owned())])
}

fn shared_thread(site: &Site, person: &Person) -> Names {
    thread(site, person, &shared_mailbox(site, person))
}

fn personal_thread(site: &Site, person: &Person) -> Names {
    thread(site, person, &personal_mailbox(site, person))
}

fn user(site: &Site, person: &Person) -> Names {
    let name = format!("user{}", site.number());
    let new = NewUser {
        workspace: person.workspace.into(),
        email: address(&format!("{name}@{}.example", person.workspace)),
        name,
        role: Role::TeamMember,
        // Nobody signs in as they.
        password_hash: "none".into(),
    };
    let id = site.world.run(site.world.store.create_user(&new)).unwrap();
    Names::from([("user", id.to_string())])
}

fn invited(site: &Site, person: &Person) -> Names {
    let email = format!("guest{}@{}.example", site.number(), person.workspace);
    let body = json!({"email": email, "name": "Guest", "role": "team_member"});
    let made = site.owner_of(person.workspace).user.post("/v1/users", &body).unwrap().expect(201).unwrap();
    let token =
        site.world.run(site.world.store.invitation_token(person.workspace, &address(&email))).unwrap();
    Names::from([("user", id(&made)), ("token", token.expose_secret().to_owned())])
}
