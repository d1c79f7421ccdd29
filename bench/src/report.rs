//! What was measured, as `bench/README.md` keeps it.

use crate::{
    ingest::{Mails, Round},
    load::Measured,
};
use anyhow::{Result, bail};
use postroom_testkit::checkout;
use std::{fmt::Write as _, fs, process::Command};

/// The median of 2,000,000 conversations may be so many times that of 20,000.
const GROWTH: f64 = 1.2;

/// One mailbox is read at least at this share of pgbench's rate.
const SHARE: f64 = 0.5;
/// Several mailboxes at once are read so many times as fast as one.
const GAIN: f64 = 1.5;

pub(crate) struct Report {
    text: String,
    missed: Vec<String>,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Report {
    pub(crate) fn new() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory =
            memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).map_or("unknown", str::trim);
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let date = Command::new("date").args(["-u", "+%F"]).output();
        let date =
            date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        let text = format!(
            "{INTRODUCTION}\n## Results\n\nMeasured on {date}: {processors} processors, {memory} of memory; clients, server and \
             PostgreSQL share them.\n",
        );
        Self { text, missed: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn judge(&mut self, what: &str, good: bool) -> &'static str {
        if good {
            return "kept";
        }
        self.missed.push(what.to_owned());
        "MISSED"
    }

    /// HTTP beside pgbench; `limits` are the least share of its rate, and how many times its 99th hundredth ours may be.
    pub(crate) fn beside(
        &mut self,
        name: &str,
        conversations: u32,
        statements: usize,
        rounds: &[(Measured, Measured)],
        limits: Option<(f64, f64)>,
    ) {
        let ratio = median(rounds.iter().map(|(ours, limit)| ours.rate() / limit.rate()).collect());
        let slow =
            median(rounds.iter().map(|(ours, limit)| ours.percentile(99) / limit.percentile(99)).collect());
        let of = |pick: fn(&(Measured, Measured)) -> &Measured, value: fn(&Measured) -> f64| {
            median(rounds.iter().map(|round| value(pick(round))).collect())
        };
        let row = |name: &str, pick: fn(&(Measured, Measured)) -> &Measured| {
            format!(
                "| {name} | {:.0} | {:.2} | {:.2} |",
                of(pick, Measured::rate),
                of(pick, |measured| measured.percentile(50)),
                of(pick, |measured| measured.percentile(99)),
            )
        };
        self.line(&format!("\n### {name}\n"));
        self.line(&format!(
            "{conversations} conversations, {} clients, {} rounds in turns; {statements} statements a request.\n",
            crate::CLIENTS,
            rounds.len(),
        ));
        self.line("| | answers/s | median ms | 99 % ms |\n|---|---|---|---|");
        self.line(&row("over HTTP", |round| &round.0));
        self.line(&row("pgbench, the same statements, prepared", |round| &round.1));
        match limits {
            Some((least, most)) => {
                let fast = self.judge(&format!("{name}: rate"), ratio >= least);
                let even = self.judge(&format!("{name}: 99 %"), slow < most);
                self.line(&format!(
                    "\nRatio of the rates **{ratio:.2}** (at least {least}: {fast}); of the 99 % **{slow:.2}** (below {most}: {even})."
                ));
            }
            None => self.line(&format!("\nRatio of the rates **{ratio:.2}**; of the 99 % **{slow:.2}**.")),
        }
    }

    /// One page in workspaces of several sizes, the smallest first.
    pub(crate) fn sizes(&mut self, sizes: &[u32], medians: Vec<Vec<f64>>) {
        self.line("\n### The same page in larger workspaces\n");
        self.line("One client; the median of the rounds' medians.\n");
        self.line("| conversations | median ms | times the smallest |\n|---|---|---|");
        let medians: Vec<f64> = medians.into_iter().map(median).collect();
        let smallest = medians.first().copied().unwrap_or_default();
        for (size, median) in sizes.iter().zip(&medians) {
            self.line(&format!("| {size} | {median:.2} | {:.2} |", median / smallest));
        }
        let growth = medians.last().copied().unwrap_or_default() / smallest;
        let kept = self.judge("the same page in larger workspaces", growth <= GROWTH);
        self.line(&format!("\nGrowth **{growth:.2}** (at most {GROWTH}: {kept})."));
    }

    /// Replies beside pgbench's own transaction.
    pub(crate) fn replies(&mut self, ours: &Measured, limit: &Measured) {
        self.line("\n### A reply\n");
        self.line(
            "Accepted and committed with outbox, events, audit and idempotency record; not yet sent.\n",
        );
        self.line("| | a second | median ms | 99 % ms |\n|---|---|---|---|");
        for (name, measured) in [("replies over HTTP", ours), ("pgbench's own transaction", limit)] {
            self.line(&format!(
                "| {name} | {:.0} | {:.2} | {:.2} |",
                measured.rate(),
                measured.percentile(50),
                measured.percentile(99)
            ));
        }
        self.line(&format!("\nRatio of the rates **{:.2}**.", ours.rate() / limit.rate()));
    }

    /// Mail from a folder to conversations, beside what bounds it.
    pub(crate) fn mail(&mut self, mails: &Mails, rounds: &[Round]) {
        let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value).collect());
        let Mails { messages, mailboxes, bytes, statements: [begins, answers] } = mails;
        self.line("\n### Mail: from a folder to conversations\n");
        self.line(&format!(
            "{messages} messages of {bytes} bytes in the mean; half of them begin a conversation ({begins} statements), half \
             answer in it ({answers}); the median of {} rounds. A message counts when its transaction is committed, from the \
             first to the last; its bytes are in the blob store, flushed to the disk, before. pgbench has one connection and \
             commits each message.\n",
            rounds.len(),
        ));
        self.line("| | messages/s |\n|---|---|");
        for (name, value) in [
            ("the same folder only fetched", of(&|round| round.fetched)),
            ("one mailbox, to conversations", of(&|round| round.one)),
            ("pgbench, the same statements, prepared", of(&|round| round.limit.rate())),
            ("`postroom mail import` of as many files", of(&|round| round.file)),
        ] {
            self.line(&format!("| {name} | {value:.0} |"));
        }
        self.line(&format!("| {mailboxes} mailboxes at once | {:.0} |", of(&|round| round.several)));
        let (share_of, gain_of) =
            (|round: &Round| round.one / round.limit.rate(), |round: &Round| round.several / round.one);
        let (share, gain) = (of(&share_of), of(&gain_of));
        let fast = self.judge("mail beside pgbench", share >= SHARE);
        let together = self.judge("several mailboxes at once", gain >= GAIN);
        self.line(&format!(
            "\nOne mailbox reaches **{share:.2}** of pgbench's rate ({}; at least {SHARE}: {fast}), several at once \
             **{gain:.2}** times one ({}; at least {GAIN}: {together}); from files it is **{:.2}** times one mailbox. Each is the \
             median of the rounds' own ratios.",
            spread(rounds.iter().map(share_of)),
            spread(rounds.iter().map(gain_of)),
            of(&|round| round.file / round.one),
        ));
    }

    /// Prints it, and keeps a whole run's as the last results.
    #[expect(clippy::print_stdout, reason = "this is the program's output")]
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.missed.is_empty() {
            let _ = writeln!(self.text, "\nEvery limit was kept.");
        }
        println!("{}", self.text);
        if std::env::args().any(|argument| argument == "--write") {
            fs::write(checkout().join("bench/README.md"), &self.text)?;
        }
        if !self.missed.is_empty() {
            bail!("limits were missed: {}", self.missed.join("; "));
        }
        Ok(())
    }
}

/// From the least to the greatest.
fn spread(values: impl Iterator<Item = f64> + Clone) -> String {
    let (least, greatest) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
    format!("{least:.2} to {greatest:.2}")
}

const INTRODUCTION: &str = "\
# Benchmarks

`make bench` measures and writes this file anew. Absolute times say little, since machines differ and are never quiet: \
what counts are ratios against a limit that was measured in the same run, in turns. The limit for reading is pgbench, \
PostgreSQL's own load generator, sending the very statements that the request sends, taken from the database's log: the same \
role, the same policies, prepared, over as many connections. The server is built for release; it answers a signed-in user \
over HTTP with whole cards, and keeps no answers.

How well real mail is understood is measured apart, in [mail.md](mail.md), and so are large mailboxes, in [large.md](large.md).
";
