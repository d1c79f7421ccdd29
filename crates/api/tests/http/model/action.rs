//! What may happen: a plain list of values that a history is played from. Everything is named by a number that is taken
//! modulo what there is when its turn comes, so that a history without some of its steps is one as well.

use super::state::Wanted;
use postroom_domain::access::Role;
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Calls in a history.
pub(super) const CALLS: usize = 50;

/// Mail comes in, then somebody asks the server for something.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) letter: Option<Letter>,
    pub(super) who: usize,
    pub(super) call: Call,
}

/// A mail that is read from a mailbox.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Whose workspace's mailbox.
    pub(super) mailbox: usize,
    pub(super) from: Sender,
    pub(super) cc: Option<usize>,
    pub(super) answers: Answers,
    pub(super) automatic: bool,
    /// Brought by a backfill (CNV-10).
    pub(super) imported: bool,
    /// It lay on the server for a day.
    pub(super) late: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Sender {
    Customer(usize),
    /// A user, from their own mail program: it lies in the Sent folder.
    User {
        who: usize,
        to: usize,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Answers {
    Nothing,
    /// A message of the workspace.
    Known(usize),
    /// A mail that was never seen here.
    Unknown,
}

/// A thing: mostly one of the caller's workspace, now and then the other one's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick {
    pub(super) elsewhere: bool,
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum IfMatch {
    Absent,
    Present,
    Stale,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    pub(super) to: Option<usize>,
    /// The message that the writer last saw, counted from the newest.
    pub(super) seen: Option<usize>,
    pub(super) force: bool,
    pub(super) text: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Call {
    List {
        wanted: Wanted,
        limit: usize,
    },
    Counts,
    Conversation(Pick),
    Messages(Pick),
    Seen {
        of: Pick,
        upto: Option<Pick>,
        version: IfMatch,
    },
    Unseen {
        of: Pick,
        version: IfMatch,
    },
    Edit {
        of: Pick,
        open: Option<bool>,
        owner: Option<Pick>,
        version: IfMatch,
    },
    Primary {
        of: Pick,
        contact: Pick,
        version: IfMatch,
    },
    Reply {
        of: Pick,
        draft: Draft,
        key: Option<u32>,
    },
    /// A reply that was granted before, once more: as it was, or with another text.
    Again {
        which: usize,
        changed: bool,
    },
    TakeBack(Pick),
    Contact(Pick),
    EditContact {
        of: Pick,
        first_name: Option<Option<usize>>,
        owner: Option<Pick>,
        version: IfMatch,
    },
    AddEmail {
        of: Pick,
        address: usize,
        primary: bool,
    },
    NewCompany,
    Company(Pick),
    SetCompany {
        of: Pick,
        company: Option<Pick>,
        version: IfMatch,
    },
    NewDeal,
    Deal(Pick),
    SetDeal {
        of: Pick,
        deal: Pick,
        there: bool,
        version: IfMatch,
    },
    Rename(usize),
    Deactivate {
        who: Pick,
        heir: Option<Pick>,
    },
    Activate(Pick),
    ChangeRole {
        who: Pick,
        role: Role,
    },
    /// The caller's live stream is cut.
    Cut,
    /// The caller reads what they missed.
    ReadDeltas {
        limit: usize,
    },
}

/// All histories.
pub(super) fn histories() -> impl Strategy<Value = Vec<Step>> {
    let step = (option::of(letter()), 0..100usize, call());
    vec(step.prop_map(|(letter, who, call)| Step { letter, who, call }), CALLS)
}

fn at() -> std::ops::Range<usize> {
    0..1000
}

fn rarely(one_in: u32) -> impl Strategy<Value = bool> {
    prop_oneof![(one_in - 1) => Just(false), 1 => Just(true)]
}

fn letter() -> impl Strategy<Value = Letter> {
    let from = prop_oneof![
        4 => at().prop_map(Sender::Customer),
        1 => (at(), at()).prop_map(|(who, to)| Sender::User { who, to }),
    ];
    let answers = prop_oneof![
        3 => Just(Answers::Nothing),
        6 => at().prop_map(Answers::Known),
        1 => Just(Answers::Unknown),
    ];
    let cc = prop_oneof![3 => Just(None), 1 => at().prop_map(Some)];
    let manner = (rarely(8), rarely(10), rarely(4));
    (at(), from, cc, answers, manner).prop_map(|(mailbox, from, cc, answers, (automatic, imported, late))| {
        Letter { mailbox, from, cc, answers, automatic, imported, late }
    })
}

fn pick() -> impl Strategy<Value = Pick> {
    (rarely(12), at()).prop_map(|(elsewhere, at)| Pick { elsewhere, at })
}

fn version() -> impl Strategy<Value = IfMatch> {
    prop_oneof![6 => Just(IfMatch::Absent), 2 => Just(IfMatch::Present), 1 => Just(IfMatch::Stale)]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (option::of(any::<bool>()), option::of(any::<bool>()), any::<bool>())
        .prop_map(|(all, open, oldest_first)| Wanted { all, open, oldest_first })
}

fn draft() -> impl Strategy<Value = Draft> {
    (option::of(at()), option::of(0..3usize), rarely(3), 0..3usize)
        .prop_map(|(to, seen, force, text)| Draft { to, seen, force, text })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        20 => reading(),
        40 => working(),
        24 => customers(),
        8 => people(),
        6 => prop_oneof![
            Just(Call::Cut),
            (1..6usize).prop_map(|limit| Call::ReadDeltas { limit }),
        ],
    ]
}

fn reading() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => (wanted(), 1..5usize).prop_map(|(wanted, limit)| Call::List { wanted, limit }),
        1 => Just(Call::Counts),
        2 => pick().prop_map(Call::Conversation),
        1 => pick().prop_map(Call::Messages),
    ]
}

fn working() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (pick(), option::of(pick()), version())
            .prop_map(|(of, upto, version)| Call::Seen { of, upto, version }),
        2 => (pick(), version()).prop_map(|(of, version)| Call::Unseen { of, version }),
        8 => (pick(), option::of(any::<bool>()), option::of(pick()), version())
            .prop_map(|(of, open, owner, version)| Call::Edit { of, open, owner, version }),
        2 => (pick(), pick(), version())
            .prop_map(|(of, contact, version)| Call::Primary { of, contact, version }),
        6 => (pick(), draft(), option::of(0..4u32)).prop_map(|(of, draft, key)| Call::Reply { of, draft, key }),
        2 => (at(), rarely(3)).prop_map(|(which, changed)| Call::Again { which, changed }),
        3 => pick().prop_map(Call::TakeBack),
    ]
}

fn customers() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => pick().prop_map(Call::Contact),
        4 => (pick(), option::of(option::of(0..3usize)), option::of(pick()), version()).prop_map(
            |(of, first_name, owner, version)| Call::EditContact { of, first_name, owner, version }
        ),
        3 => (pick(), at(), any::<bool>())
            .prop_map(|(of, address, primary)| Call::AddEmail { of, address, primary }),
        1 => Just(Call::NewCompany),
        1 => pick().prop_map(Call::Company),
        2 => (pick(), option::of(pick()), version())
            .prop_map(|(of, company, version)| Call::SetCompany { of, company, version }),
        1 => Just(Call::NewDeal),
        1 => pick().prop_map(Call::Deal),
        2 => (pick(), pick(), any::<bool>(), version())
            .prop_map(|(of, deal, there, version)| Call::SetDeal { of, deal, there, version }),
    ]
}

fn people() -> impl Strategy<Value = Call> {
    let roles = select(vec![Role::Administrator, Role::Manager, Role::TeamMember]);
    prop_oneof![
        2 => (0..5usize).prop_map(Call::Rename),
        2 => (pick(), option::of(pick())).prop_map(|(who, heir)| Call::Deactivate { who, heir }),
        2 => pick().prop_map(Call::Activate),
        2 => (pick(), roles).prop_map(|(who, role)| Call::ChangeRole { who, role }),
    ]
}
