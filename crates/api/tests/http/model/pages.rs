//! Three pages of the same stream, whatever happens: one that follows it with cuts, one that reads what it missed, one that
//! is loaded anew. They are the same (STR-5).

use super::play::Told;
use crate::{
    follow::{SOON, follow},
    world::World,
};
use postroom_testkit::{
    client::{Caller, SignedIn},
    stream::EventStream,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a page has in memory.
#[derive(Debug, Default, Clone, PartialEq)]
struct Page {
    cards: BTreeMap<String, Value>,
    /// Everything up to this event is in it.
    position: i64,
}

impl Page {
    fn load(user: &SignedIn) -> Self {
        Self::load_in_order(user).0
    }

    /// The same, with the cards as they stood there.
    fn load_in_order(user: &SignedIn) -> (Self, Vec<Value>) {
        let answer = user.get("/v1/conversations?status=all&limit=100").unwrap();
        let position = answer.header("postroom-event").parse().unwrap();
        assert_eq!(answer.body["next_cursor"], Value::Null, "histories are short enough for one page");
        let cards = answer.body["data"].as_array().unwrap().clone();
        (Self { cards: cards.iter().map(|card| (id(card), card.clone())).collect(), position }, cards)
    }

    /// What the documentation tells a page to do.
    fn apply(&mut self, user: &SignedIn, event: &Value) {
        let number = event["number"].as_i64().unwrap();
        assert!(number > self.position, "nothing comes twice, nor out of order: {number}");
        self.position = number;
        let data = &event["data"];
        match event["type"].as_str().unwrap() {
            "conversation.created" | "conversation.updated" => {
                self.cards.insert(id(data), data.clone());
            }
            "conversation.removed" => {
                self.cards.remove(&id(data));
            }
            "contact.updated" => self.patch("primary_contact", data),
            "user.updated" => self.patch("owner", data),
            "view.reset" => self.cards = Self::load(user).cards,
            _ => {}
        }
    }

    fn patch(&mut self, person: &str, data: &Value) {
        for card in self.cards.values_mut().filter(|card| card[person]["id"] == data["id"]) {
            card[person] = data.clone();
        }
    }
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

/// Somebody with two pages open, and now and then a third.
pub(super) struct Watcher {
    pub(super) user: SignedIn,
    stream: Option<EventStream>,
    followed: Page,
    deltas: Page,
}

impl Watcher {
    pub(super) fn new(world: &World, user: SignedIn) -> Self {
        let page = Page::load(&user);
        let stream = Some(follow(&world.base, &user, &format!("?after={}", page.position)));
        Self { user, stream, followed: page.clone(), deltas: page }
    }

    /// Up to which event the page that reads what it missed has come.
    pub(super) fn position(&self) -> i64 {
        self.deltas.position
    }

    /// The connection is lost.
    pub(super) fn cut(&mut self) {
        self.stream = None;
    }

    /// Reads the stream up to a number at least; one that is cut or has ended goes on where it was.
    fn catch_up(&mut self, world: &World, upto: i64) {
        while self.followed.position < upto {
            let after = format!("?after={}", self.followed.position);
            let stream = self.stream.get_or_insert_with(|| follow(&world.base, &self.user, &after));
            let Some(message) = stream.next(SOON).unwrap() else {
                self.stream = None;
                continue;
            };
            match message.event.as_str() {
                "heartbeat" => {
                    let position = message.id.unwrap();
                    assert!(position >= self.followed.position);
                    self.followed.position = position;
                }
                // What one sees is another matter now: another role.
                "end" => self.stream = None,
                "presence" => {}
                _ => self.followed.apply(&self.user, &message.data),
            }
        }
    }

    pub(super) fn read_deltas(&mut self, limit: usize) {
        loop {
            let path = format!("/v1/events?after={}&limit={limit}", self.deltas.position);
            let page = self.user.get(&path).unwrap().expect(200).unwrap();
            for event in page["data"].as_array().unwrap() {
                self.deltas.apply(&self.user, event);
            }
            self.deltas.position = page["next_after"].as_i64().unwrap();
            if page["next_after"] == page["latest"] {
                return;
            }
        }
    }

    /// All three pages are the same. Gives the cards as they stand in the one that is loaded anew.
    pub(super) fn compare(&mut self, world: &World) -> Told<Vec<Value>> {
        let (anew, cards) = Page::load_in_order(&self.user);
        self.catch_up(world, anew.position);
        self.read_deltas(100);
        for (how, page) in [("followed", &self.followed), ("read what they missed", &self.deltas)] {
            if *page != anew {
                return Err(format!("who {how} has {page:#?}, and not {anew:#?}"));
            }
        }
        Ok(cards)
    }
}
