//! The demo's company: its workspace, people and mailboxes.

use postroom_testkit::{
    Result,
    client::{Caller, SignedIn},
    mail::{MailServers, PASSWORD as MAIL_PASSWORD},
    process::wait_for,
    sample::Desk,
    server::{Installation, Person, Server},
};
use serde_json::{Value, json};
use std::time::Duration;

/// The workspace.
pub(crate) const SLUG: &str = "kestrel";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "kestrel demo";
/// The manager's address.
pub(crate) const MANAGER: &str = "mei@kestrel.example";
/// The shared mailboxes' addresses.
pub(crate) const SUPPORT: &str = "support@kestrel.example";
const SALES: &str = "sales@kestrel.example";
/// The shared mailboxes.
pub(crate) const SALES_AND_SUPPORT: [&str; 2] = [SALES, SUPPORT];

/// Name, sign-in address, role: one of each role, and a second team member.
pub(crate) const PEOPLE: [(&str, &str, &str); 5] = [
    ("Olivia Brandt", "olivia@kestrel.example", "owner"),
    ("Adam Keller", "adam@kestrel.example", "administrator"),
    ("Mei Tanaka", MANAGER, "manager"),
    ("Tomás Rivera", "tomas@kestrel.example", "team_member"),
    ("Ines Okoro", "ines@kestrel.example", "team_member"),
];

/// Makes the workspace with its people, by the command line as an operator does.
pub(crate) fn make(installation: &Installation) -> Result<()> {
    for (name, email, role) in PEOPLE {
        let person = Person { email: email.into(), name: name.into(), password: PASSWORD.into() };
        if role == "owner" {
            installation.make_workspace(SLUG, "Kestrel Coffee Machines", &person)?;
        } else {
            installation.make_user(SLUG, &person, role)?;
        }
    }
    Ok(())
}

/// Which mailboxes there are and who answers from them.
pub(crate) fn desks() -> [Desk; 3] {
    let desk = |address: &str, agents: &[&str]| Desk {
        address: address.into(),
        agents: agents.iter().map(ToString::to_string).collect(),
    };
    [
        desk(SUPPORT, &["Tomás Rivera", "Ines Okoro"]),
        desk(SALES, &["Mei Tanaka", "Ines Okoro"]),
        desk(MANAGER, &["Mei Tanaka"]),
    ]
}

/// Everybody, signed in.
pub(crate) struct Office {
    people: Vec<SignedIn>,
}

impl Office {
    /// Signs everybody in.
    pub(crate) fn sign_in(server: &Server) -> Result<Self> {
        let anonymous = server.anonymous();
        let people = PEOPLE.iter().map(|(_, email, _)| anonymous.sign_in(SLUG, email, PASSWORD));
        Ok(Self { people: people.collect::<Result<_>>()? })
    }

    /// The person with this address.
    pub(crate) fn person(&self, email: &str) -> Option<&SignedIn> {
        PEOPLE.iter().zip(&self.people).find(|((_, known, _), _)| *known == email).map(|(_, person)| person)
    }

    /// Everybody.
    pub(crate) fn people(&self) -> &[SignedIn] {
        &self.people
    }

    /// Connects the mailboxes: the shared ones by the administrator, the personal one by its user. Mail to support
    /// is a conversation from the first mail on, elsewhere from the first reply on (CNV-1).
    pub(crate) fn connect(&self, mail: &MailServers) -> Result<()> {
        let ports = mail.ports();
        let admin = self.person("adam@kestrel.example");
        let owner_of = |email| self.person(email).map(SignedIn::id);
        let account = |address: &str, port: u16, security: &str| {
            json!({"host": "127.0.0.1", "port": port, "security": security,
                   "username": address, "password": MAIL_PASSWORD})
        };
        let mailbox = |address: &str, name: &str, more: Value| {
            let mut body = json!({
                "address": address, "display_name": name,
                "imap": account(address, ports.imaps, "tls"), "smtp": account(address, ports.smtp, "starttls"),
            });
            if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
                body.extend(more.clone());
            }
            body
        };
        let shared = |owner, starts: &str| json!({"kind": "shared", "default_owner_id": owner_of(owner), "conversation_starts_on": starts});
        let wanted = [
            (admin, mailbox(SUPPORT, "Kestrel Support", shared("tomas@kestrel.example", "first_inbound"))),
            (admin, mailbox(SALES, "Kestrel Sales", shared("ines@kestrel.example", "reply"))),
            (self.person(MANAGER), mailbox(MANAGER, "Mei Tanaka", json!({"kind": "personal"}))),
        ];
        for (by, body) in wanted {
            if let Some(by) = by {
                by.post("/v1/mailboxes", &body)?.expect(201)?;
            }
        }
        Ok(())
    }

    /// Every mailbox as its own people see it.
    pub(crate) fn mailboxes(&self) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        for person in &self.people {
            for mailbox in person.all("/v1/mailboxes")? {
                if all.iter().all(|known| known.get("id") != mailbox.get("id")) {
                    all.push(mailbox);
                }
            }
        }
        Ok(all)
    }

    /// All conversations.
    pub(crate) fn conversations(&self) -> Result<Vec<Value>> {
        self.person(MANAGER).map_or(Ok(Vec::new()), |mei| mei.all("/v1/conversations?view=all&status=all"))
    }

    /// Waits until there are at least so many conversations and messages in them, as many as were expected.
    pub(crate) fn wait_for_messages(&self, at_least: i64, limit: Duration) -> Result<()> {
        wait_for(&format!("{at_least} messages in conversations"), limit, || Ok(self.messages()? >= at_least))
    }

    /// How many messages all conversations have together.
    pub(crate) fn messages(&self) -> Result<i64> {
        let count = |card: &Value| card.get("message_count").and_then(Value::as_i64).unwrap_or(0);
        Ok(self.conversations()?.iter().map(count).sum())
    }
}

/// A conversation's id for the manager to try things with; `None` where they can't sign in.
pub(crate) fn example(server: &Server) -> Option<String> {
    let manager = server.anonymous().sign_in(SLUG, MANAGER, PASSWORD).ok()?;
    let page = manager.get("/v1/conversations?view=all&limit=1").ok()?.expect(200).ok()?;
    Some(page.pointer("/data/0/id")?.as_str()?.to_owned())
}
