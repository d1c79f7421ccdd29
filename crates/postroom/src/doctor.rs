//! `postroom doctor`: looks at everything that Postroom needs, and says what to do about what is wrong.

use crate::config::{Config, directory_of};
use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use postroom_mail::system::SystemMailSettings;
use postroom_store::{MailboxState, MailboxTrouble, Store, StoreError};
use std::io::Write;

/// The clocks of this machine and of the database may differ by so much.
const CLOCK: TimeDelta = TimeDelta::seconds(5);

/// How one thing is.
enum Finding {
    Good(String),
    /// What is wrong, and what to do.
    Bad(String, String),
}

/// Looks at all of it; fails where something is wrong.
pub(crate) async fn run(out: &mut impl Write) -> Result<()> {
    let config = match Config::load() {
        Ok(config) => config,
        Err(mistakes) => {
            writeln!(out, "✗ configuration: {mistakes}")?;
            bail!("the configuration has to be right before the rest can be looked at");
        }
    };
    report(out, "configuration", Finding::Good("complete".into()))?;
    let store = match Store::open(&config.store) {
        Ok(store) => store,
        Err(error) => {
            report(out, "store", Finding::Bad(error.to_string(), "see docs/configuration.md".into()))?;
            bail!("1 thing is wrong");
        }
    };
    let blobs = blobs(&store, &directory_of(&config.store.blobs)).await;
    let mut findings = vec![("blob store", blobs), ("database", database(&store).await)];
    // Without the database the rest would only say so again.
    if matches!(findings.last(), Some((_, Finding::Good(_)))) {
        findings.push(("keys", keys(&store).await));
        findings.push(("clock", clock(&store, Utc::now()).await));
        findings.push(("mailboxes", mailboxes(&store).await));
    }
    findings.push(("mail of our own", own_mail(config.system_mail.as_ref()).await));
    let mut wrong = 0;
    for (what, finding) in findings {
        wrong += usize::from(matches!(finding, Finding::Bad(..)));
        report(out, what, finding)?;
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("1 thing is wrong"),
        many => bail!("{many} things are wrong"),
    }
}

fn report(out: &mut impl Write, what: &str, finding: Finding) -> Result<()> {
    match finding {
        Finding::Good(how) => writeln!(out, "✓ {what}: {how}")?,
        Finding::Bad(wrong, remedy) => writeln!(out, "✗ {what}: {wrong}\n  → {remedy}")?,
    }
    Ok(())
}

async fn database(store: &Store) -> Finding {
    match store.ready().await {
        Ok(()) => Finding::Good("answers, and its schema is current".into()),
        Err(error @ StoreError::SchemaOutdated(_)) => {
            Finding::Bad(error.to_string(), "run `postroom migrate`".into())
        }
        Err(error) if error.to_string().contains("postroom_app") => Finding::Bad(
            error.to_string(),
            "run `postroom migrate` as a role that may create roles (it makes postroom_app)".into(),
        ),
        Err(error) => Finding::Bad(
            error.to_string(),
            "see that PostgreSQL runs, and that POSTROOM_DATABASE_URL is right".into(),
        ),
    }
}

async fn blobs(store: &Store, directory: &str) -> Finding {
    match store.check_blob_store().await {
        Ok(()) => Finding::Good(format!("{directory} can be written and read")),
        Err(StoreError::BlobStoreFull) => {
            Finding::Bad(format!("{directory} is full"), "make room: until then no mail is read".into())
        }
        Err(error) => Finding::Bad(
            error.to_string(),
            format!("see that {directory} belongs to the user that Postroom runs as"),
        ),
    }
}

async fn keys(store: &Store) -> Finding {
    match (store.signing_keys().await, store.signing_since().await) {
        (Ok(_), Ok(Some(since))) => {
            Finding::Good(format!("access tokens are signed by a key of {}", since.format("%Y-%m-%d")))
        }
        (Ok(_), Ok(None)) => Finding::Good("no key signs access tokens yet; `serve` makes one".into()),
        (Err(StoreError::Secret), _) => Finding::Bad(
            "the keys that sign access tokens can't be opened with this master key".into(),
            "set POSTROOM_MASTER_KEY to the key that the installation began with".into(),
        ),
        (Err(error), _) | (_, Err(error)) => Finding::Bad(error.to_string(), "see the database".into()),
    }
}

async fn clock(store: &Store, now: DateTime<Utc>) -> Finding {
    match store.database_time().await {
        Ok(database) if (database - now).abs() <= CLOCK => Finding::Good("agrees with the database's".into()),
        Ok(database) => Finding::Bad(
            format!("this machine's and the database's differ by {} s", (database - now).num_seconds().abs()),
            "leases and sessions end by these clocks: synchronise them (NTP)".into(),
        ),
        Err(error) => Finding::Bad(error.to_string(), "see the database".into()),
    }
}

async fn own_mail(settings: Option<&SystemMailSettings>) -> Finding {
    let Some(settings) = settings else {
        return Finding::Good("not configured: nobody is invited by mail".into());
    };
    let host = &settings.server.endpoint.host;
    match postroom_mail::system::check(settings).await {
        Ok(()) => Finding::Good(format!("{host} takes it")),
        Err(error) => Finding::Bad(format!("{host}: {error}"), "see POSTROOM_SYSTEM_SMTP_URL".into()),
    }
}

async fn mailboxes(store: &Store) -> Finding {
    match store.mailbox_troubles().await {
        Ok((count, troubles)) if troubles.is_empty() => Finding::Good(format!("{count}, none in trouble")),
        Ok((count, troubles)) => {
            let lines: Vec<String> = troubles.iter().map(describe).collect();
            Finding::Bad(
                format!("{} of {count} in trouble{}", troubles.len(), lines.concat()),
                "their owners see the same in the mailbox's settings".into(),
            )
        }
        Err(error) => Finding::Bad(error.to_string(), "see the database".into()),
    }
}

fn describe(trouble: &MailboxTrouble) -> String {
    let MailboxTrouble { workspace, address, state, last_error, secrets_open } = trouble;
    let error = if *secrets_open {
        last_error.as_deref().unwrap_or("no reason was recorded")
    } else {
        "its passwords can't be opened with this master key"
    };
    let state = match state {
        MailboxState::Refused => "its credentials are refused",
        MailboxState::Failing => "failing",
        MailboxState::New | MailboxState::Reading => state.as_str(),
    };
    format!("\n    {workspace} {address}: {state}: {error}")
}
