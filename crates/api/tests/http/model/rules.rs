//! What follows from a mail and from what a user does (CNV-1 to CNV-10, RPL-5, ACC-5), and which events tell of it.

use super::state::{Author, Contact, Conversation, Event, Message, Model, Position};
use postroom_domain::conversation::StartsOn;

/// What a mail makes of its thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for a reply (CNV-1).
    Waits,
    /// It is one already.
    Goes,
    /// It becomes a conversation by this mail.
    Begins,
}

impl Model {
    pub(super) fn tell(&mut self, kinds: &[&'static str]) {
        self.events.extend(kinds.iter().map(|kind| Event { kind, told: !kind.starts_with("message.") }));
    }

    /// CNV-1.
    pub(super) fn fate(&self, thread: usize, mailbox: usize, message: &Message) -> Fate {
        let thread = &self.threads[thread];
        if thread.conversation.is_some() {
            return Fate::Goes;
        }
        if message.automatic {
            return Fate::Waits;
        }
        let first = thread.messages.first().unwrap_or(message);
        let starts_on = self.mailboxes[mailbox].starts_on;
        let replies = |one: &Message| {
            let party = |of: &Message| of.inbound.then_some(of.from);
            !one.automatic
                && (party(one) != party(first)
                    || (one.inbound && starts_on == StartsOn::FirstInbound)
                    || (one.inbound && one.answers_unseen && one.position == message.position))
        };
        if thread.messages.iter().chain([message]).any(replies) { Fate::Begins } else { Fate::Waits }
    }

    /// A mail has come. New contacts and the conversation get their ids from whoever asks the server.
    pub(super) fn receive(&mut self, thread: usize, mailbox: usize, mut message: Message) -> Fate {
        let fate = self.fate(thread, mailbox, &message);
        if message.inbound && message.known {
            message.author = Author::Contact(self.contact_of(message.from));
        }
        let position = message.position.clone();
        self.put(thread, message);
        match fate {
            Fate::Waits => self.tell(&["message.created"]),
            Fate::Begins => {
                self.begin(thread, mailbox, &position);
                self.tell(&["message.created", "conversation.created"]);
            }
            Fate::Goes => {
                self.hear(thread, &position);
                self.tell(&["message.created", "conversation.updated"]);
            }
        }
        fate
    }

    fn put(&mut self, thread: usize, message: Message) {
        let messages = &mut self.threads[thread].messages;
        let at = messages.partition_point(|other| other.position < message.position);
        messages.insert(at, message);
    }

    fn message(&self, thread: usize, position: &Position) -> &Message {
        self.threads[thread].messages.iter().find(|message| message.position == *position).unwrap()
    }

    /// CNV-2, CNV-3.
    fn begin(&mut self, thread: usize, mailbox: usize, by: &Position) {
        let messages = self.threads[thread].messages.clone();
        let first = &messages[0];
        let primary = if first.inbound { first.from } else { first.to[0].as_str() };
        let active = |user: &usize| self.users[*user].active;
        let first_writer = messages.iter().find_map(|message| match message.author {
            Author::User(user) => Some(user),
            Author::Contact(_) => None,
        });
        let contact_owner = self.contact_of(primary).map(|contact| self.contacts[contact].owner);
        let candidates = [first_writer, self.mailboxes[mailbox].user, contact_owner];
        let owner = candidates.into_iter().flatten().find(active).unwrap_or(0);
        let primary = self.contact_for(primary, owner);
        let parties: Vec<String> = self.parties(thread).into_iter().map(str::to_owned).collect();
        for message in messages.iter().filter(|one| one.inbound && one.author == Author::Contact(None)) {
            if parties.iter().any(|party| party == message.from) {
                self.settle(thread, message.from, owner);
            }
        }
        let unseen = messages.iter().filter(|message| message.waits()).count();
        let written = messages.iter().filter(|message| !message.automatic);
        let conversation = Conversation {
            id: String::new(),
            number: self.conversations.len() + 1,
            mailbox,
            open: true,
            owner,
            primary,
            unread: !self.message(thread, by).imported,
            unseen,
            seen: None,
            last_activity: written.map(|message| message.position.0).max().unwrap(),
            last_author: self.threads[thread].messages.last().unwrap().author,
            version: 1,
        };
        self.threads[thread].conversation = Some(conversation);
        self.conversations.push(thread);
    }

    /// CNV-5, CNV-6, CNV-7: a conversation hears of a message that is among its others already.
    fn hear(&mut self, thread: usize, position: &Position) {
        let message = self.message(thread, position).clone();
        if message.inbound && message.known && message.author == Author::Contact(None) {
            self.settle(thread, message.from, self.conversation(thread).owner);
        }
        let last = self.threads[thread].messages.last().unwrap();
        let (is_last, author) = (last.position == *position, last.author);
        let conversation = self.conversation_mut(thread);
        if is_last {
            conversation.last_author = author;
        }
        if message.automatic {
            return;
        }
        if !conversation.open && !message.imported {
            conversation.open = true;
            conversation.version += 1;
        }
        conversation.unseen += usize::from(message.waits());
        conversation.last_activity = conversation.last_activity.max(position.0);
    }

    /// Whoever writes from this address is a contact, and the author of what came from there.
    fn settle(&mut self, thread: usize, address: &'static str, owner: usize) {
        let contact = self.contact_for(address, owner);
        for message in &mut self.threads[thread].messages {
            if message.from == address && message.author == Author::Contact(None) {
                message.author = Author::Contact(Some(contact));
            }
        }
    }

    /// CNV-3: an unknown address becomes a contact.
    fn contact_for(&mut self, address: &str, owner: usize) -> usize {
        if let Some(contact) = self.contact_of(address) {
            return contact;
        }
        let (first_name, last_name) = super::site::name_of(address);
        self.contacts.push(Contact {
            id: String::new(),
            first_name: first_name.map(str::to_owned),
            last_name: last_name.map(str::to_owned),
            owner,
            emails: vec![address.to_owned()],
            company: None,
            deals: Default::default(),
            version: 1,
        });
        self.contacts.len() - 1
    }

    /// CNV-7: somebody was shown the messages up to this one. Gives whether anything changed.
    fn see(&mut self, thread: usize, shown: Position) -> bool {
        let conversation = self.conversation(thread);
        let seen = conversation.seen.clone().map_or(shown.clone(), |seen| seen.max(shown));
        let behind = self.threads[thread].messages.iter().filter(|message| message.position > seen);
        let unseen = behind.filter(|message| message.waits()).count();
        let conversation = self.conversation_mut(thread);
        let before = (conversation.unread, conversation.unseen, conversation.seen.clone());
        (conversation.unread, conversation.unseen, conversation.seen) = (false, unseen, Some(seen));
        before != (conversation.unread, conversation.unseen, conversation.seen.clone())
    }

    pub(super) fn open(&mut self, thread: usize, shown: Position) {
        if self.see(thread, shown) {
            self.tell(&["conversation.updated"]);
        }
    }

    pub(super) fn mark_unread(&mut self, thread: usize) {
        if !self.conversation(thread).unread {
            self.conversation_mut(thread).unread = true;
            self.tell(&["conversation.updated"]);
        }
    }

    /// CNV-4, CNV-6, CNV-8; the time is what it is after that.
    pub(super) fn edit(&mut self, thread: usize, open: Option<bool>, owner: Option<usize>, now: i64) {
        let conversation = self.conversation_mut(thread);
        let mut edited = false;
        if let Some(open) = open.filter(|open| *open != conversation.open) {
            conversation.open = open;
            conversation.last_activity = now;
            edited = true;
        }
        if let Some(owner) = owner.filter(|owner| *owner != conversation.owner) {
            conversation.owner = owner;
            edited = true;
        }
        if edited {
            conversation.version += 1;
            self.tell(&["conversation.updated"]);
        }
    }

    pub(super) fn choose_primary(&mut self, thread: usize, contact: usize) {
        let conversation = self.conversation_mut(thread);
        if conversation.primary != contact {
            conversation.primary = contact;
            conversation.version += 1;
            self.tell(&["conversation.updated"]);
        }
    }

    /// A user's reply is accepted; `seen` is the last message that they have seen.
    pub(super) fn reply(&mut self, thread: usize, seen: Position, message: Message) {
        self.see(thread, seen);
        let position = message.position.clone();
        self.put(thread, message);
        self.hear(thread, &position);
        self.tell(&["message.created", "conversation.updated"]);
    }

    /// RPL-5: it is gone as if it had never been written; status and activity stay.
    pub(super) fn take_back(&mut self, thread: usize, message: &str) {
        let messages = &mut self.threads[thread].messages;
        messages.retain(|one| one.position.1 != message);
        let author = messages.last().unwrap().author;
        self.conversation_mut(thread).last_author = author;
        self.tell(&["message.removed", "conversation.updated"]);
    }

    /// ACC-5: all that a leaver has is somebody else's.
    pub(super) fn deactivate(&mut self, leaver: usize, heir: usize) {
        self.users[leaver].active = false;
        for conversation in self.threads.iter_mut().filter_map(|thread| thread.conversation.as_mut()) {
            if conversation.owner == leaver {
                conversation.owner = heir;
                conversation.version += 1;
            }
        }
        for contact in self.contacts.iter_mut().filter(|contact| contact.owner == leaver) {
            contact.owner = heir;
            contact.version += 1;
        }
        for deal in self.deals.iter_mut().filter(|deal| deal.owner == leaver) {
            deal.owner = heir;
        }
        self.tell(&["view.reset"]);
    }

    /// A contact is another one now; where nothing changes nobody is told.
    pub(super) fn edited(&mut self, contact: usize) {
        self.contacts[contact].version += 1;
        self.tell(&["contact.updated"]);
    }
}
