//! What a request asks of the database, as the database's own log has it, and the same asked by pgbench.

use crate::load::Measured;
use anyhow::{Context as _, Result, bail};
use postroom_testkit::{postgres::Cluster, process::temporary_directory};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

/// The statements of one request, with their values.
pub(crate) struct Statements(Vec<(String, Vec<String>)>);

/// Notes what `request` sends to the database, which logs all statements already. It must have been sent before, so that
/// everything is prepared.
pub(crate) fn of(cluster: &Cluster, request: impl FnOnce() -> Result<()>) -> Result<Statements> {
    let before = fs::read_to_string(cluster.log())?.len();
    request()?;
    // The end of a reading transaction comes after its answer.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let log = fs::read_to_string(cluster.log())?;
        let new = log.get(before..).unwrap_or_default();
        let begun = new.matches("statement: BEGIN").count();
        if begun > 0
            && new.matches("statement: ROLLBACK").count() + new.matches("statement: COMMIT").count() == begun
        {
            return Ok(Statements(parse(new)));
        }
        if Instant::now() > deadline {
            bail!("the log has no whole transaction: {new}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn parse(log: &str) -> Vec<(String, Vec<String>)> {
    let mut statements: Vec<(String, Vec<String>)> = Vec::new();
    for line in log.lines() {
        if let Some((_, sql)) = line.split_once("LOG:  statement: ") {
            // pgbench sends one statement at a time.
            statements.extend(sql.split("; ").map(|one| (one.to_owned(), Vec::new())));
        } else if let Some((_, sql)) = line.split_once("LOG:  execute ") {
            let sql = sql.split_once(": ").map_or(sql, |(_, sql)| sql);
            statements.push((sql.to_owned(), Vec::new()));
        } else if let Some((_, values)) = line.split_once("arameters: $1 = ")
            && let Some(last) = statements.last_mut()
        {
            // `'…', $2 = '…'`
            last.1 = values
                .split(", $")
                .map(|value| value.split_once(" = ").map_or(value, |(_, value)| value))
                .map(|value| value.trim_matches('\'').to_owned())
                .collect();
        }
    }
    statements
}

impl Statements {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets pgbench send them, prepared, by so many clients for so long, as the same role.
    pub(crate) fn run(
        &self,
        cluster: &Cluster,
        database: &str,
        clients: usize,
        time: Duration,
    ) -> Result<Measured> {
        let dir = temporary_directory("pgbench")?;
        let (mut script, mut values) = (String::new(), Vec::new());
        for (number, (sql, given)) in self.0.iter().enumerate() {
            let mut sql = sql.clone();
            // From behind, so that $1 is not found in $12.
            for (index, value) in given.iter().enumerate().rev() {
                let name = format!("v{number}_{index}");
                sql = sql.replace(&format!("${}", index + 1), &format!(":{name}"));
                values.push(format!("{name}={value}"));
            }
            script.push_str(&sql);
            script.push_str(";\n");
        }
        fs::write(dir.join("script.sql"), script)?;
        let mut pgbench = Command::new(cluster.program("pgbench"));
        pgbench.args(["-n", "-M", "prepared", "-f", "script.sql", "-l", "--log-prefix=took", "-j", "2"]);
        pgbench.args(["-c", &clients.to_string(), "-T", &time.as_secs().to_string()]);
        for value in &values {
            pgbench.args(["-D", value]);
        }
        pgbench.arg(cluster.url(database)).env("PGOPTIONS", "-c role=postroom_app").current_dir(&dir);
        let measured = measure(&mut pgbench, &dir);
        fs::remove_dir_all(&dir)?;
        measured
    }
}

/// pgbench's own transaction (five statements, three of them writing), which everybody knows.
pub(crate) fn tpcb(cluster: &Cluster, clients: usize, time: Duration) -> Result<Measured> {
    let dir = temporary_directory("pgbench")?;
    let database = cluster.empty_database()?;
    let output = Command::new(cluster.program("pgbench"))
        .args(["-i", "-q", "-s", "10"])
        .arg(cluster.url(&database))
        .output()
        .context("preparing pgbench's tables")?;
    if !output.status.success() {
        bail!("pgbench -i: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut pgbench = Command::new(cluster.program("pgbench"));
    pgbench.args(["-n", "-M", "prepared", "-l", "--log-prefix=took", "-j", "2"]);
    pgbench.args(["-c", &clients.to_string(), "-T", &time.as_secs().to_string()]);
    pgbench.arg(cluster.url(&database)).current_dir(&dir);
    let measured = measure(&mut pgbench, &dir);
    fs::remove_dir_all(&dir)?;
    measured
}

pub(crate) fn measure(pgbench: &mut Command, dir: &std::path::Path) -> Result<Measured> {
    let started = Instant::now();
    let output = pgbench.output().context("running pgbench")?;
    let took = started.elapsed();
    if !output.status.success() {
        bail!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut micros = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("took")) {
            // client, transaction, microseconds, …
            let log = fs::read_to_string(path)?;
            micros.extend(log.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
        }
    }
    Ok(Measured::new(micros, took))
}
