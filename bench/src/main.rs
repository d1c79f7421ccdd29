//! `make bench`: how fast the page's questions are answered, as ratios against limits measured in the same run.
//!
//! The stream over HTTP (signed in, policies on, whole cards) stands beside pgbench sending the very same statements; then
//! the same page in workspaces of very different sizes; then an opened conversation, and a reply. Last, mail from a folder on
//! a mail server to conversations; with `--mail` that alone.

mod ingest;
mod load;
mod replay;
mod report;
mod statements;

use anyhow::Result;
use load::{Measured, Request};
use postroom_testkit::{
    client::{Caller as _, SignedIn},
    large,
    postgres::{Cluster, Durability},
    process::temporary_directory,
    server::{Installation, Person, Server},
};
use report::Report;
use serde_json::json;
use statements::Statements;
use std::time::Duration;

const STREAM: &str = "/v1/conversations";
const CLIENTS: usize = 8;
const WORKSPACE: &str = "large";

/// How much is measured.
struct Plan {
    sizes: [u32; 3],
    /// Messages in a mailbox's folder.
    messages: usize,
    rounds: usize,
    round: Duration,
}

impl Plan {
    /// All of it, or with `--quick` just enough to see that it runs.
    fn from_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--quick") {
            return Self {
                sizes: [2_000, 5_000, 10_000],
                messages: 300,
                rounds: 1,
                round: Duration::from_secs(2),
            };
        }
        Self {
            sizes: [20_000, 200_000, 2_000_000],
            messages: 3_000,
            rounds: 5,
            round: Duration::from_secs(8),
        }
    }
}

/// A workspace of one size with a server in front of it.
struct Place {
    conversations: u32,
    database: String,
    server: Server,
    token: String,
}

impl Place {
    fn new(cluster: &Cluster, conversations: u32) -> Result<Self> {
        say(&format!("a workspace with {conversations} conversations"));
        let database = cluster.migrated_database()?;
        let mut installation = Installation::new(&cluster.url(&database), &temporary_directory("bench")?)?;
        for limit in ["RATE_LIMIT", "RATE_LIMIT_BURST", "SIGN_IN_LIMIT_ACCOUNT", "SIGN_IN_LIMIT_ADDRESS"] {
            installation.set(&format!("POSTROOM_{limit}"), "0");
        }
        installation.set("POSTROOM_LOG", "warn");
        let owner = Person::new("Olga Owner", "olga@large.example");
        installation.make_workspace(WORKSPACE, "Large", &owner)?;
        large::fill(cluster, &database, WORKSPACE, conversations)?;
        let server = installation.serve_only(Some("api"))?;
        let token = sign_in(&server)?.token().to_owned();
        Ok(Self { conversations, database, server, token })
    }

    /// Signs in anew: a token is good for a quarter of an hour.
    fn refresh(&mut self) -> Result<()> {
        self.token = sign_in(&self.server)?.token().to_owned();
        Ok(())
    }

    fn ask(&self, path: &str, clients: usize, time: Duration) -> Result<Measured> {
        load::run(self.server.base(), clients, time, &load::get(path, &self.token))
    }

    /// What the database is asked for one request of this path.
    fn statements(&mut self, cluster: &Cluster, path: &str) -> Result<Statements> {
        let set = |value: &str| {
            cluster.execute(
                "postgres",
                &format!(
                    "ALTER DATABASE {} {value} log_statement{}",
                    self.database,
                    if value == "SET" { " = 'all'" } else { "" }
                ),
            )
        };
        set("SET")?;
        self.server.restart()?;
        let olga = sign_in(&self.server)?;
        // One connection serves who asks one thing after the other: by now it has everything prepared.
        for _ in 0..8 {
            olga.get(path)?.expect(200)?;
            std::thread::sleep(Duration::from_millis(20));
        }
        let statements = statements::of(cluster, || Ok(olga.get(path)?.expect(200).map(drop)?))?;
        set("RESET")?;
        self.server.restart()?;
        self.refresh()?;
        Ok(statements)
    }
}

fn sign_in(server: &Server) -> Result<SignedIn> {
    let owner = Person::new("Olga Owner", "olga@large.example");
    Ok(server.anonymous().sign_in(WORKSPACE, &owner.email, &owner.password)?)
}

#[expect(clippy::print_stderr, reason = "this is what a person looks at meanwhile")]
fn say(what: &str) {
    eprintln!("bench: {what}");
}

/// Replies to one conversation after the other.
struct Replies<'a> {
    token: &'a str,
}

impl Request for Replies<'_> {
    fn bytes(&self, client: usize, n: usize) -> Vec<u8> {
        let conversation = 2 + (n * CLIENTS + client) % 1_000;
        let id = large::conversation(u32::try_from(conversation).unwrap_or(2));
        let body =
            json!({"text": "Thank you for your question. The second part leaves on Monday."}).to_string();
        format!(
            "POST {STREAM}/{id}/replies HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: bench-{client}-{n}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len(),
        )
        .into_bytes()
    }
}

fn main() -> Result<()> {
    // What is measured is the server, not the checks of its answers.
    postroom_testkit::contract::check_nothing();
    let plan = Plan::from_arguments();
    let dir = temporary_directory("bench-cluster")?;
    let cluster = Cluster::start(&dir, Durability::Throwaway)?;
    let mut report = Report::new();
    if !std::env::args().any(|argument| argument == "--mail") {
        pages(&cluster, &plan, &mut report)?;
    }
    ingest::measure(&cluster, &plan, &mut report)?;
    report.finish()
}

/// The page's questions.
fn pages(cluster: &Cluster, plan: &Plan, report: &mut Report) -> Result<()> {
    let mut places = Vec::new();
    for size in plan.sizes {
        places.push(Place::new(cluster, size)?);
    }
    if let [_, middle, _] = places.as_mut_slice() {
        beside_pgbench(cluster, plan, middle, STREAM, "The stream's first page", Some((0.5, 4.0)), report)?;
    }
    sizes(plan, &mut places, report)?;
    if let [_, middle, _] = places.as_mut_slice() {
        let long = large::conversation(1);
        for (path, name) in [
            (format!("{STREAM}/{long}"), "An opened conversation: its header and editor"),
            (format!("{STREAM}/{long}/messages?limit=50"), "An opened conversation: its 30 messages"),
        ] {
            beside_pgbench(cluster, plan, middle, &path, name, None, report)?;
        }
        replies(cluster, plan, middle, report)?;
    }
    Ok(())
}

/// A path over HTTP and the same statements by pgbench, in turns.
fn beside_pgbench(
    cluster: &Cluster,
    plan: &Plan,
    place: &mut Place,
    path: &str,
    name: &str,
    limits: Option<(f64, f64)>,
    report: &mut Report,
) -> Result<()> {
    let statements = place.statements(cluster, path)?;
    // Both have everything warm before it counts.
    statements.run(cluster, &place.database, CLIENTS, Duration::from_secs(1))?;
    place.ask(path, CLIENTS, Duration::from_secs(1))?;
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        say(&format!("{name}: round {round} of {}", plan.rounds));
        let limit = statements.run(cluster, &place.database, CLIENTS, plan.round)?;
        rounds.push((place.ask(path, CLIENTS, plan.round)?, limit));
    }
    report.beside(name, place.conversations, statements.len(), &rounds, limits);
    Ok(())
}

/// The stream's first page for one person, in workspaces of all sizes, in turns.
fn sizes(plan: &Plan, places: &mut [Place], report: &mut Report) -> Result<()> {
    let mut medians = vec![Vec::new(); places.len()];
    for place in places.iter_mut() {
        place.refresh()?;
        place.ask(STREAM, 1, Duration::from_secs(1))?;
    }
    for round in 1..=plan.rounds {
        say(&format!("sizes: round {round} of {}", plan.rounds));
        for (place, medians) in places.iter().zip(&mut medians) {
            medians.push(place.ask(STREAM, 1, plan.round / 2)?.percentile(50));
        }
    }
    let sizes: Vec<u32> = places.iter().map(|place| place.conversations).collect();
    report.sizes(&sizes, medians);
    Ok(())
}

/// Replies beside pgbench's own transaction.
fn replies(cluster: &Cluster, plan: &Plan, place: &mut Place, report: &mut Report) -> Result<()> {
    place.refresh()?;
    say("replies");
    let limit = statements::tpcb(cluster, CLIENTS, plan.round)?;
    let replies = Replies { token: &place.token };
    let replies = load::run(place.server.base(), CLIENTS, plan.round, &replies)?;
    report.replies(&replies, &limit);
    Ok(())
}
