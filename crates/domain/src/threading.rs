//! Which thread a message belongs to (MAIL-9, MAIL-10, MAIL-11, MAIL-16).

use crate::{address::EmailAddress, ids::ThreadId, message::RfcMessageId};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// So many of the Message-IDs that a mail names are looked at: the last ones, which are the nearest.
pub const NAMED_AT_MOST: usize = 50;

/// A thread whose last message is older takes no mail by subject any more (MAIL-10).
pub const SUBJECT_WINDOW: Duration = Duration::days(30);

/// The rule that placed a message (MAIL-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadingRule {
    /// It names a known Message-ID.
    Reference,
    /// It names the token that all our mails of a thread carry.
    ConversationToken,
    /// The same subject from somebody who takes part.
    SubjectAndParty,
    /// It begins a thread.
    NewThread,
    /// Mails that named it were here before it.
    LateParent,
}

impl ThreadingRule {
    /// The name in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::ConversationToken => "conversation_token",
            Self::SubjectAndParty => "subject_and_party",
            Self::NewThread => "new_thread",
            Self::LateParent => "late_parent",
        }
    }
}

/// The headers that decide.
#[derive(Clone, Debug)]
pub struct Headers {
    /// Its own Message-ID.
    pub message_id: RfcMessageId,
    /// In-Reply-To, in its order.
    pub in_reply_to: Vec<RfcMessageId>,
    /// References, in its order: the nearest stands last.
    pub references: Vec<RfcMessageId>,
    /// [`crate::subject::subject_key`] of its subject.
    pub subject_key: String,
    /// `Re:` before the subject, or quoted text in the body.
    pub looks_like_reply: bool,
}

impl Headers {
    /// The Message-IDs that it names, the nearest first: In-Reply-To, then References from the end. Each once, never its
    /// own, at most [`NAMED_AT_MOST`].
    #[must_use]
    pub fn named(&self) -> Vec<&RfcMessageId> {
        let mut seen = BTreeSet::from([&self.message_id]);
        self.in_reply_to
            .iter()
            .chain(self.references.iter().rev())
            .filter(|id| seen.insert(*id))
            .take(NAMED_AT_MOST)
            .collect()
    }
}

/// What the workspace knows that bears on the placing.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The threads of the Message-IDs that it names, be it as a message or only as named by one.
    pub named: HashMap<RfcMessageId, ThreadId>,
    /// The thread whose token it carries, and that token's Message-ID form.
    pub token: Option<(RfcMessageId, ThreadId)>,
    /// The thread of those that named this message before it came.
    pub own: Option<Claim>,
    /// The newest thread that [`SubjectCandidate::admits`] it.
    pub by_subject: Option<ThreadId>,
}

/// The thread that waited for a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub thread: ThreadId,
    /// What it has of the mail.
    pub hold: Hold,
}

/// What a thread has of a mail that was named there before it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A mail with its id is there already: this is another form of it, or pretends to be, and takes the id from nobody.
    Same,
    /// [`may_claim`]: its people are there.
    Fast,
    /// All that is there names it: nobody else's mail is there that it could be drawn to. But those who named it had nothing to
    /// do with it, and take part no more than if they had come after it.
    Loose,
    /// None: the two are only linked.
    None,
}

/// Where a message goes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The thread; `None`: a new one.
    pub thread: Option<ThreadId>,
    /// Why.
    pub rule: ThreadingRule,
    /// The Message-ID that matched.
    pub matched: Option<RfcMessageId>,
    /// Other threads that turn out to belong to the same exchange: it names mails of theirs, or they named it. They are
    /// joined where [`may_merge`], else linked. The nearest first, each once.
    pub connects: Vec<ThreadId>,
}

impl Placement {
    /// Those in its thread had answered it before it came: who wrote it takes part.
    #[must_use]
    pub fn answered(&self, known: &Known) -> bool {
        self.rule == ThreadingRule::LateParent && known.own.is_some_and(|own| own.hold != Hold::Same)
    }

    /// [`Hold::Loose`] is what has brought it into its thread.
    #[must_use]
    pub fn is_loose(&self, known: &Known) -> bool {
        self.rule == ThreadingRule::LateParent && known.own.is_some_and(|own| own.hold == Hold::Loose)
    }
}

/// Places a message: by the nearest Message-ID that is known, by the token, by those that waited for it, by subject and
/// party, else in a thread of its own. Never by subject alone.
#[must_use]
pub fn place(headers: &Headers, known: &Known) -> Placement {
    let named: Vec<(&RfcMessageId, ThreadId)> =
        headers.named().into_iter().filter_map(|id| Some((id, *known.named.get(id)?))).collect();
    let waiting = known.own.filter(|own| own.hold != Hold::None);
    let (thread, rule, matched) = if let Some((id, thread)) = named.first() {
        (Some(*thread), ThreadingRule::Reference, Some((*id).clone()))
    } else if let Some((id, thread)) = known.token.clone() {
        (Some(thread), ThreadingRule::ConversationToken, Some(id))
    } else if let Some(Claim { thread, .. }) = waiting {
        (Some(thread), ThreadingRule::LateParent, Some(headers.message_id.clone()))
    } else if let Some(thread) = known.by_subject {
        (Some(thread), ThreadingRule::SubjectAndParty, None)
    } else {
        (None, ThreadingRule::NewThread, None)
    };
    let mut connects = Vec::new();
    for other in named.iter().map(|(_, thread)| *thread).chain(known.own.map(|own| own.thread)) {
        if Some(other) != thread && !connects.contains(&other) {
            connects.push(other);
        }
    }
    Placement { thread, rule, matched, connects }
}

/// A thread with the same subject key, for MAIL-10.
#[derive(Clone, Debug)]
pub struct SubjectCandidate {
    /// It has messages of this mailbox.
    pub same_mailbox: bool,
    /// The sender takes part in it already.
    pub sender_is_party: bool,
    /// When its last message came.
    pub last_message_at: DateTime<Utc>,
}

impl SubjectCandidate {
    /// Whether a mail that names nothing known may join by its subject: it must look like a reply, its sender must be a
    /// party, the mailbox the same, the thread alive.
    #[must_use]
    pub fn admits(&self, headers: &Headers, received_at: DateTime<Utc>) -> bool {
        headers.looks_like_reply
            && !headers.subject_key.is_empty()
            && self.same_mailbox
            && self.sender_is_party
            && received_at - self.last_message_at <= SUBJECT_WINDOW
    }
}

/// Whether a thread in which a mail was named has it when it comes: it is verified as ours, or somebody who wrote or received it
/// takes part there. Else anybody could draw the mails of others together by naming them first.
#[must_use]
pub fn may_claim(is_ours: bool, people: &BTreeSet<EmailAddress>, parties: &BTreeSet<EmailAddress>) -> bool {
    is_ours || !people.is_disjoint(parties) || (people.is_empty() && parties.is_empty())
}

/// Whether two threads may become one, now that a mail hangs on both: its sender is verified as one of us, or takes part in
/// both; and the two have an external party in common. An outsider can't weld strangers' threads together.
#[must_use]
pub fn may_merge(
    parent_is_ours: bool,
    parent_sender: Option<&EmailAddress>,
    one: &BTreeSet<EmailAddress>,
    other: &BTreeSet<EmailAddress>,
) -> bool {
    if parent_sender.is_none() && one.is_empty() && other.is_empty() {
        // Mail without addresses: there is nobody whose threads could be welded together.
        return true;
    }
    let trusted =
        parent_is_ours || parent_sender.is_some_and(|sender| one.contains(sender) && other.contains(sender));
    trusted && !one.is_disjoint(other)
}

/// Threads in memory: the same decisions as in production, for looking at files of mail. Mailbox and age (MAIL-10) are
/// taken as met, and there are no users: everybody is an external party.
#[derive(Debug, Default)]
pub struct ThreadBook {
    threads: Vec<BookThread>,
    refs: HashMap<RfcMessageId, usize>,
    /// The ids of the mails that were delivered.
    seen: BTreeSet<RfcMessageId>,
}

#[derive(Debug, Default)]
struct BookThread {
    messages: Vec<usize>,
    /// What each of them names.
    names: Vec<BTreeSet<RfcMessageId>>,
    subject_key: String,
    parties: BTreeSet<EmailAddress>,
    merged_into: Option<usize>,
}

impl ThreadBook {
    /// Takes in the next mail, with the addresses that it is from, to and cc; `message` is the caller's number for it.
    pub fn deliver(
        &mut self,
        message: usize,
        headers: &Headers,
        from: Option<&EmailAddress>,
        to: &[EmailAddress],
    ) {
        let known = self.known(headers, from, to);
        let placement = place(headers, &known);
        let index = match placement.thread {
            Some(thread) => index_of(thread),
            None => {
                let thread = BookThread { subject_key: headers.subject_key.clone(), ..BookThread::default() };
                self.threads.push(thread);
                self.threads.len() - 1
            }
        };
        let mut index = self.root(index);
        let known_sender = placement.rule == ThreadingRule::NewThread
            || placement.answered(&known)
            || from.is_none_or(|from| self.party_of(index, from));
        if let Some(thread) = self.threads.get_mut(index) {
            if placement.is_loose(&known) {
                thread.parties.clear();
            }
            thread.messages.push(message);
            thread.names.push(headers.named().into_iter().cloned().collect());
            if known_sender {
                thread.parties.extend(from.into_iter().chain(to).cloned());
            }
        }
        for other in placement.connects.into_iter().map(index_of) {
            index = self.connect(index, other, from);
        }
        // An id that is somebody's mail already stays that one's.
        if self.seen.insert(headers.message_id.clone()) {
            self.refs.insert(headers.message_id.clone(), index);
        }
        for id in headers.named() {
            self.refs.entry(id.clone()).or_insert(index);
        }
    }

    /// The threads, each with its messages in the order of delivery.
    #[must_use]
    pub fn threads(&self) -> Vec<Vec<usize>> {
        let mut threads: Vec<Vec<usize>> = self
            .threads
            .iter()
            .filter(|thread| thread.merged_into.is_none())
            .map(|thread| {
                let mut messages = thread.messages.clone();
                messages.sort_unstable();
                messages
            })
            .collect();
        threads.sort();
        threads
    }

    fn known(&self, headers: &Headers, from: Option<&EmailAddress>, to: &[EmailAddress]) -> Known {
        let thread = |id: &RfcMessageId| self.refs.get(id).map(|index| self.root(*index));
        let people: BTreeSet<EmailAddress> = from.into_iter().chain(to).cloned().collect();
        let own = thread(&headers.message_id).map(|index| {
            let names_it = |names: &BTreeSet<RfcMessageId>| names.contains(&headers.message_id);
            let hold = if self.seen.contains(&headers.message_id) {
                Hold::Same
            } else if may_claim(false, &people, &self.parties(index)) {
                Hold::Fast
            } else if self.threads.get(index).is_some_and(|one| one.names.iter().all(names_it)) {
                Hold::Loose
            } else {
                Hold::None
            };
            Claim { thread: thread_id(index), hold }
        });
        let by_subject = self
            .threads
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, thread)| thread.merged_into.is_none() && thread.subject_key == headers.subject_key)
            .find(|(_, thread)| {
                let candidate = SubjectCandidate {
                    same_mailbox: true,
                    sender_is_party: from.is_some_and(|from| thread.parties.contains(from)),
                    last_message_at: DateTime::UNIX_EPOCH,
                };
                candidate.admits(headers, DateTime::UNIX_EPOCH)
            })
            .map(|(index, _)| thread_id(index));
        Known {
            named: headers
                .named()
                .into_iter()
                .filter_map(|id| Some((id.clone(), thread_id(thread(id)?))))
                .collect(),
            token: None,
            own,
            by_subject,
        }
    }

    fn connect(&mut self, one: usize, other: usize, parent_sender: Option<&EmailAddress>) -> usize {
        let other = self.root(other);
        if one == other || !may_merge(false, parent_sender, &self.parties(one), &self.parties(other)) {
            return one;
        }
        let (older, younger) = (one.min(other), one.max(other));
        let Some(taken) = self.threads.get_mut(younger).map(std::mem::take) else { return one };
        if let Some(thread) = self.threads.get_mut(younger) {
            thread.merged_into = Some(older);
        }
        if let Some(thread) = self.threads.get_mut(older) {
            thread.messages.extend(taken.messages);
            thread.names.extend(taken.names);
            thread.parties.extend(taken.parties);
        }
        older
    }

    fn parties(&self, index: usize) -> BTreeSet<EmailAddress> {
        self.threads.get(index).map(|thread| thread.parties.clone()).unwrap_or_default()
    }

    fn party_of(&self, index: usize, address: &EmailAddress) -> bool {
        self.threads.get(index).is_some_and(|thread| thread.parties.contains(address))
    }

    fn root(&self, mut index: usize) -> usize {
        while let Some(next) = self.threads.get(index).and_then(|thread| thread.merged_into) {
            index = next;
        }
        index
    }
}

/// A thread's place in the book as an id, so that the book asks the same [`place`] as the store.
fn thread_id(index: usize) -> ThreadId {
    ThreadId(uuid::Uuid::from_u128(index as u128))
}

fn index_of(thread: ThreadId) -> usize {
    usize::try_from(thread.0.as_u128()).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "threading_tests.rs"]
mod tests;
