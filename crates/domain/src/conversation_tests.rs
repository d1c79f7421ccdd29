//! The rules of product.md as properties over random histories.

use super::*;
use crate::{address::EmailAddress, ids::MessageId};
use chrono::Duration;
use proptest::prelude::*;
use uuid::Uuid;

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(n.into()))
}

fn contact(n: u8) -> ContactId {
    ContactId(Uuid::from_u128(n.into()))
}

fn at(second: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(second.into())
}

/// One step of a history, before the time and the messages there are are known.
#[derive(Clone, Debug)]
enum Step {
    Status(bool),
    Owner(u8, bool),
    Contact(u8, bool),
    Message { inbound: bool, automatic: bool, imported: bool, late: u32 },
    Open { of: prop::sample::Index },
    MarkUnread,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Status),
        (0u8..3, any::<bool>()).prop_map(|(n, active)| Step::Owner(n, active)),
        (0u8..3, any::<bool>()).prop_map(|(n, party)| Step::Contact(n, party)),
        (any::<bool>(), any::<bool>(), any::<bool>(), 0u32..5).prop_map(
            |(inbound, automatic, imported, late)| Step::Message { inbound, automatic, imported, late }
        ),
        any::<prop::sample::Index>().prop_map(|of| Step::Open { of }),
        Just(Step::MarkUnread),
    ]
}

/// What a plain observer keeps of the messages.
#[derive(Clone, Copy)]
struct Seen {
    position: Position,
    counts: bool,
}

fn command(step: &Step, now: u32, conversation: &Conversation, messages: &[Seen]) -> Option<Command> {
    Some(match *step {
        Step::Status(open) => Command::Edit(Edit {
            status: Some(if open { Status::Open } else { Status::Closed }),
            ..Edit::default()
        }),
        Step::Owner(n, active) => Command::Edit(Edit { owner: Some((user(n), active)), ..Edit::default() }),
        Step::Contact(n, party) => {
            Command::Edit(Edit { primary_contact: Some((contact(n), party)), ..Edit::default() })
        }
        Step::Message { inbound, automatic, imported, late } => Command::Receive(Arrival {
            position: Position {
                at: at(now.saturating_sub(late)),
                id: MessageId(Uuid::from_u128(now.into())),
            },
            direction: if inbound { Direction::Inbound } else { Direction::Outbound },
            automatic,
            imported,
        }),
        Step::Open { of } => {
            let shown = of.get_checked(messages)?.position;
            let seen = conversation.seen.map_or(shown, |seen| seen.max(shown));
            let unseen_after =
                messages.iter().filter(|message| message.counts && message.position > seen).count();
            Command::Open { shown, unseen_after: u32::try_from(unseen_after).unwrap() }
        }
        Step::MarkUnread => Command::MarkUnread,
    })
}

trait GetChecked {
    fn get_checked<'a, T>(&self, slice: &'a [T]) -> Option<&'a T>;
}

impl GetChecked for prop::sample::Index {
    fn get_checked<'a, T>(&self, slice: &'a [T]) -> Option<&'a T> {
        (!slice.is_empty()).then(|| self.get(slice))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_rules_hold_in_every_history(steps in prop::collection::vec(step(), 1..60)) {
        let mut conversation = Conversation::begin(user(0), contact(0), false, at(0));
        let mut messages: Vec<Seen> = Vec::new();
        for (step, now) in steps.iter().zip(1u32..) {
            let now = now * 10;
            let Some(command) = command(step, now, &conversation, &messages) else { continue };
            let before = conversation.clone();
            let Ok(changes) = before.decide(&command, at(now)) else {
                let refusable = matches!(step, Step::Owner(_, false) | Step::Contact(_, false));
                prop_assert!(refusable, "only an impossible edit is refused: {:?}", step);
                continue;
            };
            for change in &changes {
                conversation.apply(change);
            }
            if let Command::Receive(arrival) = command {
                let counts = arrival.direction == Direction::Inbound && !arrival.automatic && !arrival.imported;
                messages.push(Seen { position: arrival.position, counts });
            }
            check_step(step, &before, &conversation, &changes, at(now))?;
        }
    }

    /// CNV-1: the moment of birth does not depend on what was automatic, and nothing unmakes it.
    #[test]
    fn a_conversation_stays_one(
        messages in prop::collection::vec((0u8..3, any::<bool>(), any::<bool>()), 0..12),
        first_inbound in any::<bool>(),
    ) {
        let thread: Vec<Utterance> = messages
            .iter()
            .map(|(party, automatic, answers_unseen)| Utterance {
                party: match party {
                    0 => Party::Us,
                    n => Party::External(EmailAddress::parse(&format!("p{n}@example.com")).unwrap()),
                },
                automatic: *automatic,
                answers_unseen: *answers_unseen,
            })
            .collect();
        let starts_on = if first_inbound { StartsOn::FirstInbound } else { StartsOn::Reply };
        let mut was = false;
        for length in 0..=thread.len() {
            let is = is_conversation(&thread[..length], starts_on);
            prop_assert!(is || !was, "what was a conversation stays one");
            if is && !was {
                prop_assert!(!thread[length - 1].automatic, "an automatic mail never makes one");
            }
            was = is;
        }
        let parties: std::collections::HashSet<_> =
            thread.iter().filter(|message| !message.automatic).map(|message| &message.party).collect();
        if parties.len() > 1 {
            prop_assert!(was, "two parties have spoken");
        }
    }
}

fn check_step(
    step: &Step,
    before: &Conversation,
    after: &Conversation,
    changes: &[Change],
    now: DateTime<Utc>,
) -> Result<(), TestCaseError> {
    // CNV-4: closed exactly while it has a time of closing.
    prop_assert_eq!(after.status == Status::Closed, after.closed_at.is_some());
    // CNV-6, CNV-10: activity never moves back.
    prop_assert!(after.last_activity_at >= before.last_activity_at);
    // Versions count edits, one each.
    let edited = (after.status, after.owner, after.primary_contact)
        != (before.status, before.owner, before.primary_contact);
    prop_assert_eq!(after.version - before.version, u64::from(edited));
    match *step {
        Step::Status(open) => {
            let asked = if open { Status::Open } else { Status::Closed };
            prop_assert_eq!(after.status, asked);
            // CNV-4: what it already was changes nothing; CNV-6: else it is activity.
            prop_assert_eq!(changes.is_empty(), before.status == asked);
            prop_assert!(changes.is_empty() || after.last_activity_at == now);
        }
        Step::Owner(..) | Step::Contact(..) | Step::Open { .. } | Step::MarkUnread => {
            // CNV-6: none of these is activity, and none reopens.
            prop_assert_eq!(after.last_activity_at, before.last_activity_at);
            prop_assert_eq!(after.status, before.status);
            if matches!(step, Step::Open { .. }) {
                prop_assert!(!after.unread && after.unseen_replies <= before.unseen_replies);
                prop_assert!(after.seen >= before.seen, "what was seen stays seen");
            }
            if matches!(step, Step::MarkUnread) {
                prop_assert!(after.unread);
            }
        }
        Step::Message { inbound, automatic, imported, .. } => {
            prop_assert_eq!(after.unread, before.unread, "CNV-7: only opening and marking touch it");
            if automatic {
                prop_assert!(changes.is_empty(), "MAIL-7: an automatic mail changes nothing");
            } else if !imported {
                prop_assert_eq!(after.status, Status::Open, "CNV-5: a message reopens");
                prop_assert_eq!(after.unseen_replies, before.unseen_replies + u32::from(inbound));
            }
        }
    }
    Ok(())
}

#[test]
fn the_owner_is_chosen_in_order() {
    let all = OwnerCandidates {
        first_writer: Some(user(1)),
        mailbox_user: Some(user(2)),
        mailbox_default: Some(user(3)),
        contact_owner: Some(user(4)),
        workspace_owner: user(5),
    };
    assert_eq!(all.choose(), user(1));
    let all = OwnerCandidates { first_writer: None, ..all };
    assert_eq!(all.choose(), user(2));
    let all = OwnerCandidates { mailbox_user: None, ..all };
    assert_eq!(all.choose(), user(3));
    let all = OwnerCandidates { mailbox_default: None, ..all };
    assert_eq!(all.choose(), user(4));
    assert_eq!(OwnerCandidates { contact_owner: None, ..all }.choose(), user(5));
}

#[test]
fn a_conversation_needs_two_parties() {
    let ann = Party::External(EmailAddress::parse("ann@example.com").unwrap());
    let say = |party: &Party| Utterance { party: party.clone(), automatic: false, answers_unseen: false };
    assert!(!is_conversation(&[say(&Party::Us)], StartsOn::Reply));
    assert!(
        !is_conversation(&[say(&Party::Us), say(&Party::Us)], StartsOn::Reply),
        "a colleague is the same party"
    );
    assert!(is_conversation(&[say(&Party::Us), say(&ann)], StartsOn::Reply));
    assert!(is_conversation(&[say(&ann), say(&Party::Us)], StartsOn::Reply));
    assert!(!is_conversation(&[say(&ann)], StartsOn::Reply));
    assert!(is_conversation(&[say(&ann)], StartsOn::FirstInbound));
    assert!(!is_conversation(&[say(&Party::Us)], StartsOn::FirstInbound));
    assert!(is_conversation(&[Utterance { answers_unseen: true, ..say(&ann) }], StartsOn::Reply));
    assert!(!is_conversation(
        &[say(&Party::Us), Utterance { automatic: true, ..say(&ann) }],
        StartsOn::FirstInbound
    ));
}
