//! A workspace as the rules see it, all in memory. Who sees what is asked here.

use postroom_domain::{access::Role, conversation::StartsOn};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Users, contacts and the like are known by their places in these lists; `id` is what the server calls them.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// The first one is the workspace's owner.
    pub(super) users: Vec<User>,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) contacts: Vec<Contact>,
    pub(super) companies: Vec<Company>,
    pub(super) deals: Vec<Deal>,
    pub(super) threads: Vec<Thread>,
    /// The threads that are conversations, in the order of their birth (CNV-9).
    pub(super) conversations: Vec<usize>,
    /// Everything that was written here with the API, also what was taken back.
    pub(super) written: Vec<Written>,
    /// What was asked with an idempotency key and granted.
    pub(super) kept: HashMap<(usize, u32), Kept>,
    /// The events so far, by what they are.
    pub(super) events: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) active: bool,
}

#[derive(Debug)]
pub(super) struct Mailbox {
    /// Whose it is; `None`: shared.
    pub(super) user: Option<usize>,
    pub(super) starts_on: StartsOn,
}

#[derive(Debug)]
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) owner: usize,
    /// The first one is the primary one.
    pub(super) emails: Vec<String>,
    pub(super) company: Option<usize>,
    pub(super) deals: BTreeSet<usize>,
    pub(super) version: i64,
}

#[derive(Debug)]
pub(super) struct Company {
    pub(super) id: String,
    pub(super) made_by: usize,
}

#[derive(Debug)]
pub(super) struct Deal {
    pub(super) id: String,
    pub(super) owner: usize,
}

#[derive(Debug)]
pub(super) struct Thread {
    /// In their order in time (WIN-2).
    pub(super) messages: Vec<Message>,
    pub(super) conversation: Option<Conversation>,
}

/// A message's place in time: microseconds since 1970, then its id.
pub(super) type Position = (i64, String);

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) position: Position,
    /// What answers name; `None` where the API wrote it.
    pub(super) number: Option<i64>,
    pub(super) inbound: bool,
    pub(super) automatic: bool,
    pub(super) imported: bool,
    /// It answers a mail that was never seen here.
    pub(super) answers_unseen: bool,
    pub(super) author: Author,
    pub(super) from: &'static str,
    /// External people in To and Cc.
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    /// Whether its sender took part when it came (MAIL-16).
    pub(super) known: bool,
    pub(super) subject: String,
    pub(super) preview: String,
}

impl Message {
    /// Whether it counts as somebody's reply that waits to be seen (CNV-7).
    pub(super) fn waits(&self) -> bool {
        self.inbound && !self.automatic && !self.imported
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Author {
    User(usize),
    Contact(Option<usize>),
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) mailbox: usize,
    pub(super) open: bool,
    pub(super) owner: usize,
    pub(super) primary: usize,
    pub(super) unread: bool,
    pub(super) unseen: usize,
    pub(super) seen: Option<Position>,
    pub(super) last_activity: i64,
    /// Who the card says wrote last.
    pub(super) last_author: Author,
    pub(super) version: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) thread: usize,
    pub(super) message: String,
    pub(super) author: usize,
    pub(super) there: bool,
}

/// A reply that an idempotency key stands for.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) thread: usize,
    pub(super) body: Value,
    pub(super) message: String,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    /// Whether the workspace's owner is told in any case; else it depends on what became of its subject.
    pub(super) told: bool,
}

/// Which conversations are listed, and how (STR-1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// `None`: as by default.
    pub(super) all: Option<bool>,
    /// `None`: open and closed ones.
    pub(super) open: Option<bool>,
    pub(super) oldest_first: bool,
}

impl Model {
    pub(super) fn views_all(&self, user: usize) -> bool {
        self.users[user].role != Role::TeamMember
    }

    pub(super) fn manages_users(&self, user: usize) -> bool {
        matches!(self.users[user].role, Role::Owner | Role::Administrator)
    }

    pub(super) fn conversation(&self, thread: usize) -> &Conversation {
        self.threads[thread].conversation.as_ref().unwrap()
    }

    pub(super) fn conversation_mut(&mut self, thread: usize) -> &mut Conversation {
        self.threads[thread].conversation.as_mut().unwrap()
    }

    /// ACC-2: their own, or all.
    pub(super) fn sees_conversation(&self, user: usize, thread: usize) -> bool {
        self.views_all(user) || self.conversation(thread).owner == user
    }

    /// The external people of a thread: who wrote and was known, and whom known people addressed (MAIL-16).
    pub(super) fn parties(&self, thread: usize) -> BTreeSet<&str> {
        let known = self.threads[thread].messages.iter().filter(|message| message.known);
        known
            .flat_map(|message| {
                let sender = message.inbound.then_some(message.from);
                sender.into_iter().chain(message.to.iter().chain(&message.cc).map(String::as_str))
            })
            .collect()
    }

    pub(super) fn takes_part(&self, contact: usize, thread: usize) -> bool {
        let parties = self.parties(thread);
        self.contacts[contact].emails.iter().any(|email| parties.contains(email.as_str()))
    }

    /// ACC-2: contacts that they own or that take part in a conversation that they own.
    pub(super) fn sees_contact(&self, user: usize, contact: usize) -> bool {
        let deals_with = |thread: &usize| {
            let conversation = self.conversation(*thread);
            conversation.owner == user
                && (conversation.primary == contact || self.takes_part(contact, *thread))
        };
        self.views_all(user)
            || self.contacts[contact].owner == user
            || self.conversations.iter().any(deals_with)
    }

    /// Those that they have made, and those of contacts that they see.
    pub(super) fn sees_company(&self, user: usize, company: usize) -> bool {
        let of = |(at, contact): (usize, &Contact)| {
            contact.company == Some(company) && self.sees_contact(user, at)
        };
        self.views_all(user)
            || self.companies[company].made_by == user
            || self.contacts.iter().enumerate().any(of)
    }

    /// Those that they own, and those of contacts that they see.
    pub(super) fn sees_deal(&self, user: usize, deal: usize) -> bool {
        let of =
            |(at, contact): (usize, &Contact)| contact.deals.contains(&deal) && self.sees_contact(user, at);
        self.views_all(user) || self.deals[deal].owner == user || self.contacts.iter().enumerate().any(of)
    }

    pub(super) fn contact_of(&self, address: &str) -> Option<usize> {
        self.contacts.iter().position(|contact| contact.emails.iter().any(|email| email == address))
    }

    /// RPL-1: through the conversation's mailbox, or their own where that is not theirs to use.
    pub(super) fn can_reply(&self, user: usize, thread: usize) -> bool {
        let mailbox = &self.mailboxes[self.conversation(thread).mailbox];
        mailbox.user.is_none() || self.mailboxes.iter().any(|mailbox| mailbox.user == Some(user))
    }

    /// WIN-4: the last external sender, where they are known, else the primary contact; the other parties in copy.
    pub(super) fn reply_defaults(&self, thread: usize) -> (Vec<String>, Vec<String>) {
        let mut messages = self.threads[thread].messages.iter().rev();
        let last = messages.find(|message| message.inbound && !message.automatic).filter(|last| last.known);
        let primary = &self.contacts[self.conversation(thread).primary].emails[0];
        let to = last.map_or(primary.as_str(), |last| last.from);
        let others = self.parties(thread).into_iter().filter(|party| *party != to);
        (vec![to.to_owned()], others.map(str::to_owned).collect())
    }

    /// STR-1; `None`: a team member asks for all.
    pub(super) fn stream(&self, user: usize, wanted: Wanted) -> Option<Vec<usize>> {
        let all = wanted.all.unwrap_or_else(|| self.views_all(user));
        if all && !self.views_all(user) {
            return None;
        }
        let shown = |thread: &usize| {
            let conversation = self.conversation(*thread);
            (all || conversation.owner == user) && wanted.open.is_none_or(|open| open == conversation.open)
        };
        let mut threads: Vec<usize> = self.conversations.iter().copied().filter(shown).collect();
        threads.sort_by_key(|thread| {
            let conversation = self.conversation(*thread);
            (conversation.last_activity, conversation.id.clone())
        });
        if !wanted.oldest_first {
            threads.reverse();
        }
        Some(threads)
    }

    /// STR-4.
    pub(super) fn counts(&self, user: usize) -> Value {
        let count = |mine: bool| {
            let of = |thread: &&usize| !mine || self.conversation(**thread).owner == user;
            let those = || self.conversations.iter().filter(of).map(|thread| self.conversation(*thread));
            let open = those().filter(|conversation| conversation.open).count();
            json!({"open": open, "unread": those().filter(|conversation| conversation.unread).count()})
        };
        json!({"mine": count(true), "all": if self.views_all(user) { count(false) } else { Value::Null }})
    }

    /// STR-2, as far as the rules say what stands on a card.
    pub(super) fn card(&self, thread: usize) -> Value {
        let conversation = self.conversation(thread);
        let messages = &self.threads[thread].messages;
        let (first, last) = (&messages[0], messages.last().unwrap());
        let contact = &self.contacts[conversation.primary];
        let owner = &self.users[conversation.owner];
        let (kind, sender) = match conversation.last_author {
            Author::User(user) => ("user", Some(&self.users[user].id)),
            Author::Contact(contact) => ("contact", contact.map(|contact| &self.contacts[contact].id)),
        };
        json!({
            "id": conversation.id,
            "number": conversation.number,
            "subject": first.subject,
            "status": if conversation.open { "open" } else { "closed" },
            "unread": conversation.unread,
            "unseen_replies": conversation.unseen,
            "primary_contact": {"id": contact.id, "name": contact.name(), "email": contact.emails[0]},
            "owner": {"id": owner.id, "name": owner.name},
            "last_message": {
                "id": last.position.1,
                "direction": if last.inbound { "inbound" } else { "outbound" },
                "automatic": last.automatic,
                "preview": last.preview,
                "sender": {"kind": kind, "id": sender},
            },
            "message_count": messages.len(),
            "version": conversation.version,
        })
    }

    /// WIN-1, WIN-4: what stands in the window on top of the card.
    pub(super) fn window(&self, user: usize, thread: usize) -> Value {
        let (to, cc) = self.reply_defaults(thread);
        let addresses = |list: &[String]| list.iter().map(|one| json!({"address": one})).collect::<Vec<_>>();
        let parties = self.parties(thread);
        let mut window = self.card(thread);
        window["can"] = json!({"reply": self.can_reply(user, thread)});
        window["participants"] = parties.iter().map(|party| json!({"email": party})).collect();
        window["reply_defaults"] = json!({"to": addresses(&to), "cc": addresses(&cc)});
        window
    }

    /// SDB-1, as far as it is played with.
    pub(super) fn sidebar(&self, contact: usize) -> Value {
        let contact = &self.contacts[contact];
        json!({
            "id": contact.id,
            "name": contact.name(),
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "owner": {"id": self.users[contact.owner].id},
            "company": contact.company.map(|company| json!({"id": self.companies[company].id})),
            "version": contact.version,
        })
    }
}

impl Contact {
    pub(super) fn name(&self) -> String {
        let parts = [&self.first_name, &self.last_name].into_iter().flatten();
        let name = parts.map(String::as_str).collect::<Vec<_>>().join(" ");
        if name.is_empty() { self.emails[0].clone() } else { name }
    }
}
