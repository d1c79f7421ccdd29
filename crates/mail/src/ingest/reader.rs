//! One session with a mailbox's server, in a thread of its own: looks for new mail, reads back what was there before,
//! waits for news.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use postroom_domain::ids::FolderId;
use postroom_store::{MailboxConnection, MailboxHealth, MailboxLease, MailboxState, Store, StoreError};
use tokio::runtime::Handle;

use super::IngestSettings;
use super::folders::{OpenFolder, Wanted};
use super::listing::Listings;
use super::stop::Stop;
use crate::ServerError;
use crate::account::Account;
use crate::imap::{Session, Waited};

/// Why reading came to an end.
#[derive(Debug)]
pub(super) enum Halt {
    /// The mail server.
    Server(ServerError),
    /// The store.
    Store(StoreError),
    /// It was told to.
    Stopped,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl From<ServerError> for Halt {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What one session leaves to the next.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) halt: Halt,
    /// It did what it was for: a message was taken in, or there was nothing to take.
    pub(super) progressed: bool,
    pub(super) caution: Caution,
}

impl Ended {
    pub(super) fn stopped() -> Self {
        Self { halt: Halt::Stopped, progressed: false, caution: Caution::default() }
    }

    pub(super) fn failed(error: ServerError) -> Self {
        Self { halt: Halt::Server(error), progressed: false, caution: Caution::default() }
    }
}

/// What is known of messages that ended a session.
#[derive(Debug, Default)]
pub(super) struct Caution {
    /// Up to this UID of this folder, messages are fetched one by one: one of them breaks the session.
    pub(super) one_by_one: Option<(FolderId, u32)>,
    /// This message is longer than its size says.
    pub(super) oversized: Option<(FolderId, u32)>,
    /// So many connections in a row were lost over this message.
    pub(super) lost: Option<(FolderId, u32, u32)>,
    /// What could not be listed.
    pub(super) listings: Listings,
}

/// Reads one mailbox through one session.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) settings: Arc<IngestSettings>,
    pub(super) lease: MailboxLease,
    pub(super) connection: MailboxConnection,
    account: Account,
    pub(super) stop: Arc<Stop>,
    pub(super) caution: Caution,
    pub(super) progressed: bool,
    pub(super) runtime: Handle,
    synced: Option<Instant>,
}

impl Reader {
    /// Must be called on the runtime that the store lives on.
    pub(super) fn new(
        store: Store,
        settings: Arc<IngestSettings>,
        lease: MailboxLease,
        connection: MailboxConnection,
        account: Account,
        stop: Arc<Stop>,
        caution: Caution,
    ) -> Self {
        let runtime = Handle::current();
        let (progressed, synced) = (false, None);
        Self { store, settings, lease, connection, account, stop, caution, progressed, runtime, synced }
    }

    /// Reads until something ends it.
    pub(super) fn run(mut self) -> Ended {
        // What is known must outlive a panic, or the next session would meet the same again without any caution.
        let halt = match catch_unwind(AssertUnwindSafe(|| self.read())) {
            Ok(Ok(never)) => match never {},
            // Whatever the connection said when it was cut: it was cut because of this.
            _ if self.stop.is_set() => Halt::Stopped,
            Ok(Err(halt)) => halt,
            Err(_) => {
                tracing::error!("a mailbox's thread has panicked");
                Halt::Server(ServerError::Protocol)
            }
        };
        Ended { halt, progressed: self.progressed, caution: self.caution }
    }

    /// Waits for the store: this thread is not one of the runtime's.
    pub(super) fn wait_for<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Halt> {
        self.runtime.block_on(work).map_err(Halt::Store)
    }

    pub(super) fn go_on(&self) -> Result<(), Halt> {
        if self.stop.is_set() { Err(Halt::Stopped) } else { Ok(()) }
    }

    fn read(&mut self) -> Result<Infallible, Halt> {
        let settings = Arc::clone(&self.settings);
        let Account { endpoint, login, .. } = &self.account;
        let mut session = Session::open(&settings.network, endpoint, login, settings.command_time)?;
        self.stop.cuts(session.interrupter()?);
        self.go_on()?;
        self.record_reading(false)?;
        let found = session.discover()?;
        let known = self.wait_for(self.store.folders(&self.lease))?;
        let mut others = Vec::new();
        for wanted in self.wanted(&found) {
            others.extend(if_there(self.open(&mut session, &known, &wanted))?);
        }
        let mut others_due =
            Instant::now() + if others.is_empty() { settings.sent_every } else { Duration::ZERO };
        let mut inbox = self.open(&mut session, &known, &Wanted::inbox(&found))?;
        loop {
            self.go_on()?;
            let mut news = self.read_new(&mut session, &mut inbox)?;
            if Instant::now() >= others_due {
                others = self.read_others(&mut session, others)?;
                self.select(&mut session, &mut inbox)?;
                // Mail may have come to the inbox meanwhile. What else there is to do has its turn now, or a server that is
                // slower than the time between two looks would never be asked for anything else.
                news |= self.read_new(&mut session, &mut inbox)?;
                others_due = Instant::now() + settings.sent_every;
            }
            self.progressed = true;
            if inbox.has_backfill() {
                self.read_back(&mut session, &mut inbox)?;
                continue;
            }
            if let Some(folder) = others.iter_mut().find(|folder| folder.has_backfill()) {
                self.select(&mut session, folder)?;
                self.read_back(&mut session, folder)?;
                self.select(&mut session, &mut inbox)?;
                continue;
            }
            self.record_reading(true)?;
            self.wait_for_news(&mut session, news, others_due)?;
        }
    }

    /// New mail in the other folders. Those that were not there are looked for again: many a Sent folder is made with the
    /// first mail that is filed in it.
    fn read_others(&mut self, session: &mut Session, open: Vec<OpenFolder>) -> Result<Vec<OpenFolder>, Halt> {
        let mut others = Vec::with_capacity(open.len());
        for mut folder in open {
            if if_there(self.select(session, &mut folder))?.is_some() {
                self.read_new(session, &mut folder)?;
                others.push(folder);
            }
        }
        if others.len() <= self.connection.folders.len() {
            let found = session.discover()?;
            let known = self.wait_for(self.store.folders(&self.lease))?;
            for wanted in self.wanted(&found) {
                if others.iter().any(|folder| folder.positions.name == wanted.name) {
                    continue;
                }
                if let Some(mut folder) = if_there(self.open(session, &known, &wanted))? {
                    self.read_new(session, &mut folder)?;
                    others.push(folder);
                }
            }
        }
        Ok(others)
    }

    /// Waits in the inbox until there may be something to do.
    fn wait_for_news(&self, session: &mut Session, had_news: bool, others_due: Instant) -> Result<(), Halt> {
        let settings = &self.settings;
        let time = if had_news { settings.settle } else { settings.poll_every };
        let time =
            time.min(others_due.saturating_duration_since(Instant::now()).max(Duration::from_millis(10)));
        if session.wait(time)? == Waited::NotSupported {
            self.stop.sleep(time.min(settings.poll_without_idle));
        }
        self.go_on()?;
        // Servers may search in what they knew before; this makes them look for themselves.
        Ok(session.refresh()?)
    }

    /// Writes down that all is well; `synced` with the time, where everything that there was is read.
    fn record_reading(&mut self, synced: bool) -> Result<(), Halt> {
        if synced && self.synced.is_some_and(|last| last.elapsed() < self.settings.synced_every) {
            return Ok(());
        }
        if synced {
            self.synced = Some(Instant::now());
        }
        let health = MailboxHealth {
            state: MailboxState::Reading,
            last_error: None,
            synced_at: synced.then(Utc::now),
            login_refusals: 0,
        };
        self.wait_for(self.store.record_mailbox_health(&self.lease, &health))
    }

    /// New mail in the open folder; says whether there was any.
    fn read_new(&mut self, session: &mut Session, folder: &mut OpenFolder) -> Result<bool, Halt> {
        let uids = session.uids_from(folder.positions.live_uid)?;
        for some in uids.chunks(self.settings.batch_messages.max(1)) {
            let listed = self.list(session, &folder.positions.name, some)?;
            self.take_in(session, folder, postroom_store::Track::Live, &listed)?;
        }
        Ok(!uids.is_empty())
    }
}

/// A folder that can't be opened (any more) does not keep the others from being read.
fn if_there<T>(result: Result<T, Halt>) -> Result<Option<T>, Halt> {
    match result {
        Ok(opened) => Ok(Some(opened)),
        Err(Halt::Server(ServerError::FolderRefused)) => {
            tracing::warn!("a folder could not be opened");
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}
