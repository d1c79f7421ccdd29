//! TCP proxies that break connections at a chosen moment, to be put between Postroom and a server of its.
//!
//! A proxy reads along where it knows the protocol, so it must stand in a connection without TLS
//! ([`crate::mail::Ports::smtp_plain`], [`crate::mail::Ports::imap`]).

mod imap;
mod smtp;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    error::{Error, Result, Tried},
    runtime::{block_on, runtime},
};

/// What a proxy understands of what it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing (PostgreSQL, TLS): it can only cut, freeze and refuse.
    Opaque,
    /// SMTP. The *exchange* that faults are about is a mail's body: from the command DATA to the server's answer
    /// to the line with the single dot.
    Smtp,
    /// IMAP. The *exchange* is a FETCH of bodies: from the command to its tagged completion.
    Imap,
}

/// What happens to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// The connection is cut when the client asks; the server never hears of it.
    CutBefore,
    /// The server has done its part and answered, and the answer is kept back until [`Proxy::release`].
    Hold,
    /// The server has done its part and answered; the connection is cut before the client hears it.
    CutAfter,
}

/// What a proxy saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What it did then.
    pub fault: Fault,
    /// What the server answered with: the number of mails in a FETCH, 1 for a mail that an SMTP server took, 0 for
    /// a refused one and before the server was asked.
    pub mails: usize,
}

/// A running proxy. Dropping it ends it with its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    moments: Mutex<mpsc::Receiver<Moment>>,
}

#[derive(Debug)]
struct Shared {
    protocol: Protocol,
    upstream: u16,
    refusing: AtomicBool,
    plan: Mutex<Plan>,
    report: mpsc::Sender<Moment>,
    /// Each new value ends the connections that there are.
    cut: watch::Sender<u64>,
    /// Each new value lets go what is held.
    release: watch::Sender<u64>,
    /// While true nothing is passed on in either direction.
    frozen: watch::Sender<bool>,
    /// How slowly the server's words are passed on, where they are.
    pace: Mutex<Option<Pace>>,
    ended: watch::Sender<bool>,
}

/// How slowly a server speaks.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many bytes are passed on at once.
    pub bytes: usize,
    /// The pause after them; at least a millisecond.
    pub pause: Duration,
}

#[derive(Debug)]
struct Plan {
    next: VecDeque<Fault>,
    otherwise: Fault,
}

impl Proxy {
    /// A proxy on a port of its own to `upstream`, a port of 127.0.0.1.
    pub fn start(protocol: Protocol, upstream: u16) -> Result<Self> {
        let (report, moments) = mpsc::channel();
        let shared = Arc::new(Shared {
            protocol,
            upstream,
            refusing: AtomicBool::new(false),
            plan: Mutex::new(Plan { next: VecDeque::new(), otherwise: Fault::Pass }),
            report,
            cut: watch::Sender::new(0),
            release: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
            pace: Mutex::default(),
            ended: watch::Sender::new(false),
        });
        let listener =
            block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?.tried("opening a proxy's port")?;
        let port = listener.local_addr().tried("asking for a proxy's port")?.port();
        runtime()?.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, moments: Mutex::new(moments) })
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What happens to every exchange from now on for which no other thing was planned.
    pub fn always(&self, fault: Fault) {
        self.shared.plan().otherwise = fault;
    }

    /// What happens to the next exchange; calls add up.
    pub fn next(&self, fault: Fault) {
        self.shared.plan().next.push_back(fault);
    }

    /// Waits until an exchange has met `fault`, passing over what else is seen meanwhile.
    pub fn wait_for(&self, fault: Fault, limit: Duration) -> Result<Moment> {
        let begin = Instant::now();
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match moments.recv_timeout(limit.saturating_sub(begin.elapsed())) {
                Ok(moment) if moment.fault == fault => return Ok(moment),
                Ok(_) => {}
                Err(_) => return Err(Error::TimedOut { what: format!("the proxy meets {fault:?}"), limit }),
            }
        }
    }

    /// What was seen since the last question.
    pub fn moments(&self) -> Vec<Moment> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).try_iter().collect()
    }

    /// Lets go every answer that is held.
    pub fn release(&self) {
        self.shared.release.send_modify(|n| *n += 1);
    }

    /// Ends all connections that there are; new ones are taken.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|n| *n += 1);
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::SeqCst);
    }

    /// Whether everything stands still, connections open, as with a server that hangs.
    pub fn freeze(&self, freeze: bool) {
        self.shared.frozen.send_replace(freeze);
    }

    /// Lets the server speak slowly from now on, or as fast as it can.
    pub fn slow(&self, pace: Option<Pace>) {
        *self.shared.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.send_replace(true);
        self.cut();
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault for the exchange that begins now.
    fn draw(&self) -> Fault {
        let mut plan = self.plan();
        let otherwise = plan.otherwise;
        plan.next.pop_front().unwrap_or(otherwise)
    }

    fn saw(&self, fault: Fault, mails: usize) {
        // Nobody has to listen.
        let _ = self.report.send(Moment { fault, mails });
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut ended = shared.ended.subscribe();
    loop {
        tokio::select! {
            _ = ended.changed() => return,
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if shared.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                tokio::spawn(carry(client, Arc::clone(&shared)));
            }
        }
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, shared.upstream));
    let passing = async {
        let Ok(server) = TcpStream::connect(upstream).await else { return };
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let watcher: Box<dyn Watcher> = match shared.protocol {
            Protocol::Opaque => Box::new(Blind),
            Protocol::Smtp => Box::new(smtp::Session::default()),
            Protocol::Imap => Box::new(imap::Session::default()),
        };
        // Either side's end, or an error on one, ends both.
        let _ = Link { client, server, watcher, shared: &shared, fault: Fault::Pass }.run().await;
    };
    tokio::select! {
        () = passing => {}
        _ = cut.changed() => {}
    }
}

/// One client's connection and the one made for it.
struct Link<'a> {
    client: TcpStream,
    server: TcpStream,
    watcher: Box<dyn Watcher>,
    shared: &'a Shared,
    /// Of the exchange that is going on.
    fault: Fault,
}

/// The connection is to be cut now.
struct Cut;

impl From<std::io::Error> for Cut {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Link<'_> {
    async fn run(&mut self) -> std::result::Result<(), Cut> {
        let mut frozen = self.shared.frozen.subscribe();
        let (mut asked, mut answered) = (vec![0; 16 * 1024], vec![0; 64 * 1024]);
        loop {
            if frozen.wait_for(|frozen| !frozen).await.is_err() {
                return Err(Cut);
            }
            tokio::select! {
                read = self.client.read(&mut asked) => {
                    let bytes = asked.get(..read?).filter(|bytes| !bytes.is_empty()).ok_or(Cut)?;
                    self.client_said(bytes).await?;
                }
                read = self.server.read(&mut answered) => {
                    let bytes = answered.get(..read?).filter(|bytes| !bytes.is_empty()).ok_or(Cut)?;
                    self.server_said(bytes).await?;
                }
                // Looks again at the top.
                _ = frozen.changed() => {}
            }
        }
    }

    async fn client_said(&mut self, bytes: &[u8]) -> std::result::Result<(), Cut> {
        for piece in self.watcher.client(bytes) {
            if let Piece::Begins(_) = piece {
                self.fault = self.shared.draw();
                if self.fault == Fault::CutBefore {
                    self.shared.saw(Fault::CutBefore, 0);
                    return Err(Cut);
                }
            }
            self.server.write_all(piece.bytes()).await?;
        }
        Ok(())
    }

    async fn server_said(&mut self, bytes: &[u8]) -> std::result::Result<(), Cut> {
        for piece in self.watcher.server(bytes) {
            if let Piece::Ends(_, mails) = piece {
                match self.fault {
                    Fault::CutAfter => {
                        self.shared.saw(Fault::CutAfter, mails);
                        return Err(Cut);
                    }
                    Fault::Hold => {
                        let mut release = self.shared.release.subscribe();
                        self.shared.saw(Fault::Hold, mails);
                        self.held(&mut release).await?;
                    }
                    // Told before it is passed on: whoever knows the answer finds the moment noted.
                    Fault::Pass | Fault::CutBefore => self.shared.saw(Fault::Pass, mails),
                }
                self.tell_client(piece.bytes()).await?;
                self.fault = Fault::Pass;
            } else {
                self.tell_client(piece.bytes()).await?;
            }
        }
        Ok(())
    }

    async fn tell_client(&mut self, mut bytes: &[u8]) -> std::result::Result<(), Cut> {
        while !bytes.is_empty() {
            let pace = *self.shared.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pace) = pace else { break };
            let (now, later) = bytes.split_at(pace.bytes.clamp(1, bytes.len()));
            self.client.write_all(now).await?;
            tokio::time::sleep(pace.pause).await;
            bytes = later;
        }
        Ok(self.client.write_all(bytes).await?)
    }

    /// Until it is let go; a client that gives up meanwhile ends the connection.
    async fn held(&mut self, release: &mut watch::Receiver<u64>) -> std::result::Result<(), Cut> {
        tokio::select! {
            changed = release.changed() => changed.map_err(|_| Cut),
            ready = self.client.readable() => {
                ready?;
                // Nothing is to be said by a client that awaits an answer: it has gone.
                Err(Cut)
            }
        }
    }
}

/// A part of what one side said.
enum Piece {
    /// To be passed on.
    Plain(Vec<u8>),
    /// From the client: the command with which an exchange begins.
    Begins(Vec<u8>),
    /// From the server: the answer with which it ends, and how many mails it was about.
    Ends(Vec<u8>, usize),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) | Self::Begins(bytes) | Self::Ends(bytes, _) => bytes,
        }
    }
}

/// Follows one connection. What isn't given back as a piece is kept for later: an incomplete line.
trait Watcher: Send {
    /// What the client said, in pieces.
    fn client(&mut self, bytes: &[u8]) -> Vec<Piece>;
    /// What the server said, in pieces.
    fn server(&mut self, bytes: &[u8]) -> Vec<Piece>;
}

/// Sees nothing.
struct Blind;

impl Watcher for Blind {
    fn client(&mut self, bytes: &[u8]) -> Vec<Piece> {
        vec![Piece::Plain(bytes.to_vec())]
    }

    fn server(&mut self, bytes: &[u8]) -> Vec<Piece> {
        vec![Piece::Plain(bytes.to_vec())]
    }
}

#[cfg(test)]
mod tests;
