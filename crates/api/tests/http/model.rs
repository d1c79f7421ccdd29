//! The rules as a small model in memory, and random histories that hold the server against it.
//!
//! [`state`] is a workspace as the rules see it, [`rules`] what follows from what happens, [`action`] what may happen.
//! [`play`] plays a history on both: it predicts each answer's status ([`calls`], [`customers`]), and now and then and at
//! the end everything that everybody sees is compared ([`compare`]), for each of the ways in which a page comes by it
//! ([`pages`]).

mod action;
mod calls;
mod compare;
mod customers;
mod pages;
mod play;
mod rules;
mod site;
mod state;

use action::Step;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use site::Site;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Histories that every run plays; `POSTROOM_TEST_SEED` plays the one of another seed alone.
const HISTORIES: u64 = 200;
/// So many are played at the same time.
const THREADS: usize = 4;

/// The history of a seed.
fn history(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    action::histories().new_tree(&mut runner).unwrap().current()
}

/// Leaves out as many steps of a history that goes wrong as it can do without, and says how it still does.
fn shorten(site: &Site, mut steps: Vec<Step>, mut why: String) -> String {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < steps.len() {
            let end = steps.len().min(start + size);
            let shorter = [&steps[..start], &steps[end..]].concat();
            match play::play(site, &shorter) {
                Err(still) => (steps, why) = (shorter, still),
                Ok(()) => start = end,
            }
        }
        size /= 2;
    }
    format!("{} of its steps:\n{why}", steps.len())
}

#[test]
fn every_history_goes_as_the_rules_say() {
    let site = Site::new();
    let seeds = match std::env::var("POSTROOM_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..HISTORIES,
    };
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Err(why) = play::play(&site, &history(seed)) {
                        // One is enough.
                        next.store(seeds.end, Ordering::Relaxed);
                        failed.lock().unwrap().get_or_insert((seed, why));
                    }
                }
            });
        }
    });
    if let Some((seed, why)) = failed.into_inner().unwrap() {
        panic!("POSTROOM_TEST_SEED={seed}, {}", shorten(&site, history(seed), why));
    }
}
