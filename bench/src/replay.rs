//! What one message asks of the database, taken from the database's own log, as a script that pgbench can send any number
//! of times: what must differ each time (new ids, numbers, positions) is made from a counter.

use crate::{load::Measured, statements};
use anyhow::{Context as _, Result, bail};
use postroom_testkit::{postgres::Cluster, process::temporary_directory};
use std::{
    collections::HashMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

/// Above all numbers and positions that there are.
const BASE: u64 = 2_000_000_000;

/// One message's transaction.
pub(crate) struct Script {
    sql: String,
    /// How many statements it has, its begin and end included.
    pub(crate) statements: usize,
}

/// Notes the transaction in which `deliver` becomes a message with this Message-ID; the database logs all statements
/// already, and all connections have everything prepared.
pub(crate) fn of(
    cluster: &Cluster,
    message_id: &str,
    deliver: impl FnOnce() -> Result<()>,
) -> Result<Script> {
    let before = fs::read_to_string(cluster.log())?.len();
    let milliseconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    deliver()?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let log = fs::read_to_string(cluster.log())?;
        if let Some(transaction) = transaction_of(log.get(before..).unwrap_or_default(), message_id) {
            return script(&transaction, message_id, &format!("{milliseconds:012x}"));
        }
        if Instant::now() > deadline {
            bail!("the log has no transaction with the message");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

type Statement = (String, Vec<Option<String>>);

/// The statements of the transaction that writes the message, on whatever connection it ran.
fn transaction_of(log: &str, message_id: &str) -> Option<Vec<Statement>> {
    let mut running: HashMap<String, Vec<Statement>> = HashMap::new();
    // What goes on in the next line is indented.
    for line in log.replace("\n\t", " ").lines() {
        let Some((process, _)) = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')) else {
            continue;
        };
        let statements = running.entry(process.to_owned()).or_default();
        if let Some((_, sql)) = line.split_once("LOG:  statement: ") {
            if sql.starts_with("BEGIN") {
                statements.clear();
            }
            statements.extend(sql.split("; ").map(|one| (one.to_owned(), Vec::new())));
            let writes_it = |(sql, values): &Statement| {
                sql.starts_with("INSERT INTO \"messages\"")
                    && values.iter().flatten().any(|value| value == message_id)
            };
            if sql == "COMMIT" && statements.iter().any(writes_it) {
                return Some(std::mem::take(statements));
            }
        } else if let Some((_, sql)) = line.split_once("LOG:  execute ") {
            let sql = sql.split_once(": ").map_or(sql, |(_, sql)| sql);
            statements.push((sql.to_owned(), Vec::new()));
        } else if let Some((_, values)) = line.split_once("arameters: $1 = ")
            && let Some(last) = statements.last_mut()
        {
            // `'…', $2 = NULL`
            let value = |value: &str| {
                value.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).map(str::to_owned)
            };
            last.1 = values
                .split(", $")
                .map(|given| {
                    given.split_once(" = ").map_or(given, |(number, value)| {
                        if number.bytes().all(|byte| byte.is_ascii_digit()) { value } else { given }
                    })
                })
                .map(value)
                .collect();
        }
    }
    None
}

fn script(transaction: &[Statement], message_id: &str, since: &str) -> Result<Script> {
    let mut new: Vec<String> = Vec::new();
    for value in transaction.iter().flat_map(|(_, values)| values).flatten() {
        new.extend(value.split(['{', '}', ',']).filter(|part| is_new_id(part, since)).map(str::to_owned));
    }
    new.sort_unstable();
    new.dedup();
    new.push(message_id.to_owned());
    let mut sql = "\\set n :n + 1\n".to_owned();
    for (text, values) in transaction {
        let mut text = text.clone();
        let numbers = places_of(&text, "number", values.len());
        let moves = text.starts_with("UPDATE \"folders\"");
        // From behind, so that $1 is not found in $12.
        for (index, value) in values.iter().enumerate().rev() {
            let by = match value {
                None => "NULL".to_owned(),
                Some(_) if numbers.contains(&index) => format!("({BASE} + 10 * :n::int8 + {index})"),
                Some(_) if moves && index == 0 => format!("({BASE} + :n::int8)"),
                Some(_) if moves && index + 1 == values.len() => format!("({BASE} + :n::int8 - 1)"),
                // Of an array that is a function's argument nothing else tells the type.
                Some(value) if text.contains("unnest(") && value.starts_with('{') => {
                    let ids = value.contains('-') || value.contains("NULL");
                    format!("{}::{}[]", expression(value, &new), if ids { "uuid" } else { "text" })
                }
                Some(value) => expression(value, &new),
            };
            text = text.replace(&format!("${}", index + 1), &by);
        }
        sql.push_str(&text);
        sql.push_str(";\n");
    }
    if !sql.contains(&format!("md5('{}-' ||", new.len() - 1)) {
        bail!("the message's id is in no statement");
    }
    Ok(Script { sql, statements: transaction.len() })
}

/// Which values an INSERT puts into this column.
fn places_of(sql: &str, column: &str, values: usize) -> Vec<usize> {
    let columns: Vec<&str> = sql
        .strip_prefix("INSERT INTO ")
        .and_then(|rest| Some(rest.split_once('(')?.1.split_once(')')?.0))
        .map(|names| names.split(", ").collect())
        .unwrap_or_default();
    let Some(at) = columns.iter().position(|name| name.trim_matches('"') == column) else {
        return Vec::new();
    };
    (0..values).skip(at).step_by(columns.len()).collect()
}

/// True of an id that was made since then: such ids begin with their time.
fn is_new_id(text: &str, since: &str) -> bool {
    let plain = text.replace('-', "");
    text.len() == 36 && plain.len() == 32 && plain.get(12..13) == Some("7") && plain.as_str() >= since
}

/// The value as SQL: as it is, or made from the counter where it is new.
fn expression(value: &str, new: &[String]) -> String {
    if !new.iter().any(|id| value.contains(id.as_str())) {
        // pgbench takes what follows a colon for a variable, in quotes too.
        let escaped = value.replace('\\', "\\\\").replace(':', "\\x3a");
        return if value.contains(':') { format!("E'{escaped}'") } else { format!("'{value}'") };
    }
    let made = |number: usize| format!("md5('{number}-' || :n)");
    let is_id = |number: usize| number + 1 < new.len();
    if let Some(number) = new.iter().position(|id| id == value) {
        return if is_id(number) { format!("{}::uuid", made(number)) } else { made(number) };
    }
    let (mut text, mut kind) = (value.to_owned(), "text");
    for (number, id) in new.iter().enumerate().filter(|(_, id)| value.contains(id.as_str())) {
        text = text.replace(id, &format!("' || {} || '", made(number)));
        kind = if is_id(number) { "uuid" } else { "text" };
    }
    format!("('{text}')::{kind}[]")
}

/// Lets one client of pgbench send the scripts for so long, each as often as the others, as the same role. The
/// messages came to this mailbox. `from` is where the counter begins; it must be further each time.
pub(crate) fn run(
    cluster: &Cluster,
    database: &str,
    mailbox: &str,
    scripts: &[Script],
    from: u64,
    time: Duration,
) -> Result<Measured> {
    cluster.execute(database, &format!("UPDATE folders SET live_uid = {BASE} + {from} WHERE mailbox_id = (SELECT id FROM mailboxes WHERE address = '{mailbox}')"))?;
    let dir = temporary_directory("pgbench")?;
    let mut pgbench = Command::new(cluster.program("pgbench"));
    pgbench.args(["-n", "-M", "prepared", "-l", "--log-prefix=took", "-c", "1", "-D", &format!("n={from}")]);
    pgbench.args(["-T", &time.as_secs().to_string()]);
    for (number, script) in scripts.iter().enumerate() {
        let name = format!("{number}.sql");
        fs::write(dir.join(&name), &script.sql)?;
        pgbench.args(["-f", &name]);
    }
    pgbench.arg(cluster.url(database)).env("PGOPTIONS", "-c role=postroom_app").current_dir(&dir);
    let measured = statements::measure(&mut pgbench, &dir).context("sending what a message asks")?;
    fs::remove_dir_all(&dir)?;
    Ok(measured)
}
