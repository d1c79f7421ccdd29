//! A private Dovecot (IMAP, LMTP) and a private exim (SMTP) on ports of 127.0.0.1.
//!
//! Every address is a user of these servers, with the password [`PASSWORD`] and a mailbox of its own that exists
//! from the first mail or sign-in on. Nothing that is sent leaves the machine. Recipients beginning with `nobody-`
//! are refused for good (550), those beginning with `busy-` for now (451).

mod certificates;
mod configuration;
pub(crate) mod delivery;
mod mailbox;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use crate::{
    error::{Error, Result, Tried},
    oauth::OAuthServer,
    process::{self, ServiceUser, Signal, Supervised},
};
use certificates::Certificates;
use configuration::Site;

pub use certificates::{Flaw, FlawedCertificate};
pub use delivery::Delivery;
pub use mailbox::Mailbox;

/// Every user's password on the private servers.
pub const PASSWORD: &str = "secret";

/// Where the servers listen on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// IMAP; STARTTLS is offered.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// SMTP submission; STARTTLS is offered, and signing in after it.
    pub smtp: u16,
    /// SMTP over TLS.
    pub smtps: u16,
    /// SMTP without TLS that offers signing in, so that a proxy between can read along.
    pub smtp_plain: u16,
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self {
            imap: process::free_port()?,
            imaps: process::free_port()?,
            smtp: process::free_port()?,
            smtps: process::free_port()?,
            smtp_plain: process::free_port()?,
        })
    }

    fn all_free(self) -> bool {
        let mut held = Vec::new();
        [self.imap, self.imaps, self.smtp, self.smtps, self.smtp_plain].into_iter().all(|port| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|listener| held.push(listener)).is_ok()
        })
    }
}

/// Two servers of one site. Dropping it stops both.
#[derive(Debug)]
pub struct MailServers {
    dir: PathBuf,
    run: PathBuf,
    user: ServiceUser,
    ports: Ports,
    certificates: Certificates,
    dovecot: Server,
    exim: Server,
}

#[derive(Debug)]
struct Server {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    running: Mutex<Option<Supervised>>,
}

impl MailServers {
    /// Starts both servers with their mail, spool and certificates in `dir`; what is there already is used again,
    /// on the same ports where they are still free.
    ///
    /// # Errors
    /// Where the programs are missing or a server doesn't come up; the error holds the end of its log.
    pub fn start(dir: &Path) -> Result<Self> {
        let dovecot = process::find_program(&["dovecot"])?;
        let exim = process::find_program(&["exim4", "exim"])?;
        let user = ServiceUser::find(&["dovecot"])?;
        let dir = user.reachable(dir);
        for part in ["", "mail", "exim", "tls"] {
            process::make_directory(&dir.join(part), Some(&user))?;
        }
        let run = process::temporary_directory("mail")?.join("run");
        process::make_directory(&run, Some(&user))?;
        let certificates = Certificates::in_directory(&dir.join("tls"), &user)?;
        let version = dovecot_version(&dovecot)?;

        let introspection_url = OAuthServer::shared()?.introspection_url();
        let mut last = Error::MissingProgram("dovecot".into());
        for _ in 0..5 {
            let ports = kept_ports(&dir)?;
            let site = Site {
                dir: &dir,
                run: &run,
                user: &user,
                ports,
                certificates: &certificates,
                introspection_url: &introspection_url,
            };
            let configuration = dir.join("dovecot.conf");
            process::write_file(
                &configuration,
                configuration::dovecot(&site, version).as_bytes(),
                Some(&user),
            )?;
            let oauth2 = configuration::dovecot_oauth2(&site);
            process::write_file(&dir.join("dovecot-oauth2.conf"), oauth2.as_bytes(), Some(&user))?;
            process::write_file(&dir.join("exim.conf"), configuration::exim(&site).as_bytes(), Some(&user))?;
            let path = |file: &str| dir.join(file).display().to_string();
            let servers = Self {
                dovecot: Server {
                    name: "Dovecot",
                    program: dovecot.clone(),
                    arguments: vec!["-F".into(), "-c".into(), path("dovecot.conf")],
                    log: dir.join("dovecot.log"),
                    running: Mutex::default(),
                },
                exim: Server {
                    name: "exim",
                    program: exim.clone(),
                    arguments: vec!["-C".into(), path("exim.conf"), "-bdf".into(), "-q5s".into()],
                    log: dir.join("exim/panic.log"),
                    running: Mutex::default(),
                },
                dir: dir.clone(),
                run: run.clone(),
                user: user.clone(),
                ports,
                certificates: certificates.clone(),
            };
            match servers.start_imap().and_then(|()| servers.start_smtp()) {
                Ok(()) => return Ok(servers),
                Err(error) => last = error,
            }
            let _ = fs::remove_file(dir.join("ports"));
        }
        Err(last)
    }

    /// The servers that all tests of this process share. They go when the process ends.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<MailServers, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                let dir = process::temporary_directory("mail").map_err(|e| e.to_string())?;
                Self::start(&dir).map_err(|e| e.to_string())
            })
            .as_ref()
            .map_err(|output| Error::Failed {
                what: "starting the mail servers".into(),
                output: output.clone(),
            })
    }

    /// Where they listen.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// The authority's certificate, in PEM, for `POSTROOM_MAIL_CA_FILE`.
    pub fn ca_file(&self) -> &Path {
        &self.certificates.ca
    }

    /// The servers' certificate and its key, in PEM, for a further server of this machine.
    pub fn certificate(&self) -> (&Path, &Path) {
        (&self.certificates.server, &self.certificates.key)
    }

    /// A mail program's view of the account with this address.
    pub fn mailbox(&self, address: &str) -> Mailbox {
        Mailbox::new(address, self.ports.imap)
    }

    /// Where Dovecot keeps this account's mail, for tests that take its notes about it away.
    pub fn maildir(&self, address: &str) -> PathBuf {
        let (local, domain) = address.split_once('@').unwrap_or((address, ""));
        self.dir.join("mail").join(domain).join(local).join("Maildir")
    }

    /// Sends a mail through the SMTP server, as the outside world does. It is in the folder some 0.2 s later.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's answer.
    pub fn deliver(&self, from: &str, to: &str, raw: &[u8]) -> Result<()> {
        self.deliver_all(&[Delivery::new(from, to, raw)])
    }

    /// Sends many mails through the SMTP server, over a few connections at once.
    pub fn deliver_all(&self, mails: &[Delivery]) -> Result<()> {
        in_parallel(mails, 4, |part| delivery::by_smtp(self.ports.smtp_plain, part))
    }

    /// Puts mails straight into Dovecot's folders, for tests and demo data where sending isn't the point. They are
    /// in the folders when this returns.
    pub fn seed(&self, mails: &[Delivery]) -> Result<()> {
        in_parallel(mails, 2, |part| delivery::by_lmtp(&self.run.join("lmtp"), part))
    }

    /// Starts Dovecot, which must not run.
    pub fn start_imap(&self) -> Result<()> {
        self.dovecot.start(&self.user, &self.dir, &[self.ports.imap, self.ports.imaps])
    }

    /// Starts exim, which must not run.
    pub fn start_smtp(&self) -> Result<()> {
        let Ports { smtp, smtps, smtp_plain, .. } = self.ports;
        self.exim.start(&self.user, &self.dir, &[smtp, smtps, smtp_plain])
    }

    /// Ends Dovecot at once, with every connection to it.
    pub fn kill_imap(&self) -> Result<()> {
        self.dovecot.end(Signal::SIGKILL)
    }

    /// Ends exim at once, with every connection to it.
    pub fn kill_smtp(&self) -> Result<()> {
        self.exim.end(Signal::SIGKILL)
    }

    /// Stops Dovecot properly: it says goodbye to its clients.
    pub fn stop_imap(&self) -> Result<()> {
        self.dovecot.end(Signal::SIGTERM)
    }

    /// Stops exim properly.
    pub fn stop_smtp(&self) -> Result<()> {
        self.exim.end(Signal::SIGTERM)
    }
}

impl Server {
    fn running(&self) -> MutexGuard<'_, Option<Supervised>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, user: &ServiceUser, dir: &Path, ports: &[u16]) -> Result<()> {
        let printed = dir.join(format!("{}.out", self.name.to_lowercase()));
        let out = fs::File::create(&printed).tried("opening a server's output file")?;
        let err = out.try_clone().tried("opening a server's output file")?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(dir);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        user.apply(&mut command);
        let mut server = Supervised::start(self.name, &mut command, Signal::SIGTERM)?;
        process::wait_for(&format!("{} listens", self.name), Duration::from_secs(20), || {
            if server.ended()?.is_some() {
                let output = format!("{}\n{}", process::tail_of(&printed), process::tail_of(&self.log));
                return Err(Error::Failed { what: format!("starting {}", self.name), output });
            }
            Ok(ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok()))
        })?;
        *self.running() = Some(server);
        Ok(())
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let Some(mut server) = self.running().take() else { return Ok(()) };
        // The processes that hold the connections are the server's children and would outlive it.
        let children = process::children_of(server.id())?;
        server.end_with(signal, Duration::from_secs(10))?;
        if signal == Signal::SIGKILL {
            for child in children {
                process::send(child, Signal::SIGKILL)?;
            }
        }
        Ok(())
    }
}

/// The ports of an earlier run in this directory where they are free, else new ones, noted for the next.
fn kept_ports(dir: &Path) -> Result<Ports> {
    let file = dir.join("ports");
    let noted = fs::read_to_string(&file).unwrap_or_default();
    let numbers: Vec<u16> = noted.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    if let [imap, imaps, smtp, smtps, smtp_plain] = *numbers {
        let ports = Ports { imap, imaps, smtp, smtps, smtp_plain };
        if ports.all_free() {
            return Ok(ports);
        }
    }
    let Ports { imap, imaps, smtp, smtps, smtp_plain } = Ports::free()?;
    process::write_file(&file, format!("{imap} {imaps} {smtp} {smtps} {smtp_plain}\n").as_bytes(), None)?;
    Ok(Ports { imap, imaps, smtp, smtps, smtp_plain })
}

fn dovecot_version(program: &Path) -> Result<(u32, u32)> {
    let printed = process::run("asking Dovecot for its version", Command::new(program).arg("--version"))?;
    let mut numbers = printed.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    Ok((numbers.next().unwrap_or(2), numbers.next().unwrap_or(3)))
}

/// Shares `mails` among at most `connections` threads.
fn in_parallel(
    mails: &[Delivery],
    connections: usize,
    send: impl Fn(&[Delivery]) -> Result<()> + Sync,
) -> Result<()> {
    let each = mails.len().div_ceil(connections).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = mails.chunks(each).map(|part| scope.spawn(|| send(part))).collect();
        parts.into_iter().try_for_each(|part| {
            part.join().unwrap_or_else(|_| {
                Err(Error::Failed { what: "delivering mail".into(), output: "a thread panicked".into() })
            })
        })
    })
}

#[cfg(test)]
mod tests;
