//! `make demo`: Postroom with everything that it needs, private to this checkout, and believable mail in it.
//!
//! All data is under `.local/demo`; a second run goes on with it, `--reset` throws it away first.

mod customers;
mod office;
mod seed;

use std::{
    fmt::Display,
    fs::{self, File, TryLockError},
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postroom_testkit::{
    Error, Result,
    mail::MailServers,
    postgres::{Cluster, Durability},
    process::ServiceUser,
    server::{Installation, Server},
    wait_for_interrupt,
};

use office::{Office, PASSWORD, PEOPLE, SLUG};

/// The demo's database.
const DATABASE: &str = "postroom_demo";
/// Where people look first; another port is taken where this one isn't free.
const PORT: u16 = 8080;
/// Where development servers serve a page: Next's and Create React App's port, Vite's two, and Python's.
const DEVELOPMENT: [u16; 4] = [3000, 4173, 5173, 8000];

/// Says a line to the person at the terminal.
fn say(line: impl Display) {
    // A closed terminal is no reason to end.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let reset = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--reset") => true,
        Some(other) => {
            say(format!("demo: unknown argument {other}; the only one is --reset"));
            return ExitCode::FAILURE;
        }
    };
    // Nobody tests here; what is read is as it is.
    postroom_testkit::contract::check_nothing();
    match run(reset) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("\nThe demo could not go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(reset: bool) -> Result<()> {
    let dir = demo_directory()?;
    let _lock = lock(&dir)?;
    let interrupted = watch_for_interrupt();

    let complete = dir.join("complete");
    if reset || (!complete.exists() && dir.join("postgres").exists()) {
        say(if reset {
            "Throwing the old data away."
        } else {
            "An earlier run was broken off; starting anew."
        });
        clear(&dir)?;
    }
    say("1/5  PostgreSQL: a private cluster");
    let cluster = Cluster::start(&dir.join("postgres"), Durability::Kept)?;
    if !cluster.has_database(DATABASE)? {
        cluster.create_database(DATABASE)?;
    }
    say("2/5  Mail servers: a private Dovecot and exim");
    let mail = MailServers::start(&dir.join("mail"))?;
    check_ports(&dir, &mail)?;

    say("3/5  Schema: running what migrations are pending");
    let installation = install(&cluster, &mail, &dir)?;
    installation.run(&["migrate"])?;

    if complete.exists() {
        say("4/5  Mail: going on with what is there (make demo-reset starts over)");
        say("5/5  Postroom");
        return stay(installation.serve()?, &interrupted, &cluster, mail);
    }
    say("4/5  Postroom, with a workspace and its people");
    office::make(&installation)?;
    let desks = office::desks();
    let mut seed = seed::Seed::new(&mail, &desks);
    seed.file_history()?;
    let server = installation.serve()?;
    let office = Office::sign_in(&server)?;
    say("5/5  Mail: through the real pipeline");
    seed.run(&office)?;
    say("     companies, deals and fields of their own for those who wrote last");
    customers::fill(&office)?;
    fs::write(&complete, "")
        .map_err(|source| Error::Io { what: "noting that the demo is complete".into(), source })?;
    stay(server, &interrupted, &cluster, mail)
}

/// Where the servers' users can get to as well.
fn demo_directory() -> Result<PathBuf> {
    // `make` runs in the checkout.
    let here = std::env::current_dir()
        .map_err(|source| Error::Io { what: "asking where this is".into(), source })?;
    let wanted = here.join(".local/demo");
    let dir = ServiceUser::find(&["postgres"])?.reachable(&wanted);
    if dir != wanted {
        say(format!(
            "The demo's data is in {}: the servers' users can't enter this checkout.",
            dir.display()
        ));
    }
    fs::create_dir_all(&dir)
        .map_err(|source| Error::Io { what: format!("making {}", dir.display()), source })?;
    Ok(dir)
}

/// Two demos on the same data would harm each other.
fn lock(dir: &Path) -> Result<File> {
    let tried = |source| Error::Io { what: "locking the demo's directory".into(), source };
    let file = File::create(dir.join("lock")).map_err(tried)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Failed {
            what: "starting".into(),
            output: "a demo of this checkout is running already".into(),
        }),
        Err(TryLockError::Error(source)) => Err(tried(source)),
    }
}

fn clear(dir: &Path) -> Result<()> {
    let tried = |source| Error::Io { what: "clearing the demo's data".into(), source };
    for entry in fs::read_dir(dir).map_err(tried)?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "lock") {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.map_err(tried)?;
    }
    Ok(())
}

/// The mailboxes' settings in the database name the mail servers' ports.
fn check_ports(dir: &Path, mail: &MailServers) -> Result<()> {
    let file = dir.join("mail-ports");
    let ports = format!("{:?}", mail.ports());
    match fs::read_to_string(&file) {
        Ok(noted) if noted == ports => Ok(()),
        Ok(_) => Err(Error::Failed {
            what: "going on with the demo".into(),
            output: "another program has taken a port of its mail servers; end that, or start over with make demo-reset"
                .into(),
        }),
        Err(_) => fs::write(&file, ports).map_err(|source| Error::Io { what: "noting the ports".into(), source }),
    }
}

fn install(cluster: &Cluster, mail: &MailServers, dir: &Path) -> Result<Installation> {
    let mut installation = Installation::new(&cluster.url(DATABASE), &dir.join("postroom"))?;
    installation.set("POSTROOM_MAIL_CA_FILE", &mail.ca_file().display().to_string());
    // Invitations and links for new passwords arrive in the demo's own mailboxes.
    let smtp = format!("smtp://127.0.0.1:{}?tls=none", mail.ports().smtp_plain);
    installation.set("POSTROOM_SYSTEM_SMTP_URL", &smtp);
    installation.set("POSTROOM_SYSTEM_FROM", "Kestrel <postroom@kestrel.example>");
    installation.set("POSTROOM_APP_URL", "https://app.kestrel.example");
    // A page that is being developed asks from its own server's origin, through a proxy or not.
    let origins = std::env::var("POSTROOM_CORS_ORIGINS").unwrap_or_else(|_| {
        DEVELOPMENT.map(|port| format!("http://localhost:{port},http://127.0.0.1:{port}")).join(",")
    });
    installation.set("POSTROOM_CORS_ORIGINS", &origins);
    // As `make page` builds it.
    let page = std::path::absolute("frontend-contract/page/dist")
        .map_err(|source| Error::Io { what: "asking where the page is".into(), source })?;
    if page.join("index.html").exists() {
        installation.set("POSTROOM_PAGE_DIR", &page.display().to_string());
    }
    if TcpListener::bind(("127.0.0.1", PORT)).is_ok() {
        installation.set("POSTROOM_LISTEN", &format!("127.0.0.1:{PORT}"));
    }
    // Seeding asks more at once than a person does.
    for limit in ["POSTROOM_RATE_LIMIT", "POSTROOM_RATE_LIMIT_BURST"] {
        installation.set(limit, "0");
    }
    Ok(installation)
}

/// Before the demo is ready Ctrl-C ends it on the spot (the guardian process stops the servers); later it is noted
/// here, and the servers are stopped in their order.
struct Interrupted {
    noted: Arc<AtomicBool>,
    ready: Arc<AtomicBool>,
}

fn watch_for_interrupt() -> Interrupted {
    let interrupted = Interrupted { noted: Arc::default(), ready: Arc::default() };
    let (noted, ready) = (Arc::clone(&interrupted.noted), Arc::clone(&interrupted.ready));
    std::thread::spawn(move || {
        if wait_for_interrupt().is_ok() {
            noted.store(true, Ordering::SeqCst);
            if !ready.load(Ordering::SeqCst) {
                say("\nStopping before it was ready; the next run starts anew.");
                std::process::exit(130);
            }
        }
    });
    interrupted
}

/// Says where everything is and waits for Ctrl-C.
fn stay(mut server: Server, interrupted: &Interrupted, cluster: &Cluster, mail: MailServers) -> Result<()> {
    interrupted.ready.store(true, Ordering::SeqCst);
    announce(&server, &mail);
    while !interrupted.noted.load(Ordering::SeqCst) {
        if let Some(status) = server.ended()? {
            return Err(Error::Failed {
                what: format!("postroom ended by itself ({status})"),
                output: server.log_tail(30),
            });
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    say("\nStopping: postroom, mail servers, PostgreSQL");
    server.terminate()?;
    drop(mail);
    cluster.stop()?;
    say("All stopped. `make demo` goes on with the same data.");
    Ok(())
}

fn announce(server: &Server, mail: &MailServers) {
    let base = server.base();
    say(format!("\nPostroom is ready: {base}\nOpen it in a browser for the page.\n"));
    say(format!("Sign in to workspace \"{SLUG}\" with the password \"{PASSWORD}\" as"));
    for (name, email, role) in PEOPLE {
        say(format!("  {email:<26} {name}, {role}"));
    }
    let (support, ports) = (office::SUPPORT, mail.ports());
    // What people did to the demo since may have been anything: that somebody can't sign in any more is no reason to end.
    let example = office::example(server).unwrap_or_else(|| {
        say(format!("\n{} can't sign in any more; `make demo-reset` starts over.", office::MANAGER));
        "ID".into()
    });
    say(format!(
        "\nReference of the API: {base}/docs\n\
         Mail to anybody, read by Postroom within moments: SMTP 127.0.0.1:{}, to {support}\n\n\
         Try:\n\n\
         TOKEN=$(curl -s {base}/v1/auth/login -H 'Content-Type: application/json' -d '{{\"workspace\": \"{SLUG}\", \
         \"email\": \"{}\", \"password\": \"{PASSWORD}\"}}' | grep -o '\"access_token\":\"[^\"]*' | cut -d'\"' -f4)\n\n\
         curl -s \"{base}/v1/conversations?view=all&limit=3\" -H \"Authorization: Bearer $TOKEN\"\n\n\
         curl -s {base}/v1/conversations/{example}/replies -H \"Authorization: Bearer $TOKEN\" \
         -H 'Content-Type: application/json' -d '{{\"text\": \"Thank you, we are on it.\"}}'\n\n\
         Ctrl-C stops all of it.",
        ports.smtp_plain,
        office::MANAGER,
    ));
}
