//! Where we connect to, and how (MAIL-14): names are resolved, every address is checked, the checked address is the
//! one connected to, TLS is verified against the machine's authorities and one further CA file.

mod address;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

pub use address::{AllowNets, AllowNetsError, MAIL_PORTS};
pub use tls::{TlsSetupError, client_config};

use crate::error::ServerError;

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte (ports 993 and 465).
    Tls,
    /// Plain text first, TLS by the STARTTLS command before anything of worth is said. Never falls back.
    StartTls,
    /// No TLS at all; only inside the allowed networks.
    None,
}

/// A mail server as a user names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name, or an IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Protection of the connection.
    pub security: Security,
}

/// How long a mail server may take. No socket is ever without these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first address tried to a TCP connection (over all addresses of the host).
    pub connect: Duration,
    /// Between two bytes of an answer, and for each write.
    pub io: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), io: Duration::from_secs(60) }
    }
}

/// The one way from this process to mail servers; made once, shared by all sessions.
#[derive(Debug, Clone)]
pub struct Network {
    tls: Arc<ClientConfig>,
    allow: AllowNets,
    timeouts: Timeouts,
}

/// A blocking connection, with TLS or without.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Network {
    /// Puts together the TLS configuration ([`client_config`]), the networks in which servers need not be public, and
    /// the time-outs.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, allow: AllowNets, timeouts: Timeouts) -> Self {
        Self { tls, allow, timeouts }
    }

    /// The same way to any address, port and security: for a server that the operator has named, not a user.
    #[must_use]
    pub fn to_anywhere(&self) -> Self {
        Self { allow: AllowNets::everywhere(), ..self.clone() }
    }

    /// The same with other time-outs.
    #[must_use]
    pub fn with_timeouts(&self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self.clone() }
    }

    /// The time-outs of every socket.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// Opens a TCP connection, blocking.
    ///
    /// # Errors
    /// By name resolution, by the check of addresses, or by the network.
    pub(crate) fn dial(&self, endpoint: &Endpoint) -> Result<TcpStream, ServerError> {
        let found = (endpoint.host.as_str(), endpoint.port)
            .to_socket_addrs()
            .map_err(|_| ServerError::NameNotFound)?
            .collect::<Vec<_>>();
        let deadline = Instant::now() + self.timeouts.connect;
        let mut last = ServerError::Unreachable;
        let permitted = self.permitted(&found, endpoint.security)?;
        for (index, address) in permitted.iter().enumerate() {
            let patience = share_of(deadline, permitted.len() - index);
            match TcpStream::connect_timeout(address, patience) {
                Ok(socket) => return self.prepared(socket).map_err(|error| ServerError::from_io(&error)),
                Err(error) => last = ServerError::from_io(&error),
            }
        }
        Err(last)
    }

    /// Opens a TCP connection without blocking the thread; the same rules as [`Network::dial`].
    pub(crate) async fn dial_async(&self, endpoint: &Endpoint) -> Result<tokio::net::TcpStream, ServerError> {
        let lookup = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port));
        let found = tokio::time::timeout(self.timeouts.connect, lookup)
            .await
            .map_err(|_| ServerError::TimedOut)?
            .map_err(|_| ServerError::NameNotFound)?
            .collect::<Vec<_>>();
        let deadline = Instant::now() + self.timeouts.connect;
        let mut last = ServerError::Unreachable;
        let permitted = self.permitted(&found, endpoint.security)?;
        for (index, address) in permitted.iter().enumerate() {
            let patience = share_of(deadline, permitted.len() - index);
            let connecting = tokio::net::TcpStream::connect(address);
            last = match tokio::time::timeout(patience, connecting).await {
                Ok(Ok(socket)) => {
                    // Without it each short command waits for the acknowledgement of the one before.
                    socket.set_nodelay(true).map_err(|error| ServerError::from_io(&error))?;
                    return Ok(socket);
                }
                Ok(Err(error)) => ServerError::from_io(&error),
                Err(_) => ServerError::TimedOut,
            };
        }
        Err(last)
    }

    /// The addresses that may be connected to, in the resolver's order.
    ///
    /// # Errors
    /// Why the last one was refused, if none is left.
    fn permitted(&self, found: &[SocketAddr], security: Security) -> Result<Vec<SocketAddr>, ServerError> {
        let mut permitted = Vec::new();
        let mut refused = ServerError::NameNotFound;
        for &address in found {
            match self.allow.check(address, security) {
                Ok(()) => permitted.push(address),
                Err(error) => refused = error,
            }
        }
        if permitted.is_empty() { Err(refused) } else { Ok(permitted) }
    }

    fn prepared(&self, socket: TcpStream) -> io::Result<TcpStream> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(self.timeouts.io))?;
        socket.set_write_timeout(Some(self.timeouts.io))?;
        Ok(socket)
    }

    /// Does the TLS handshake on a blocking connection.
    ///
    /// # Errors
    /// `Certificate`, `Tls`, or the connection's own.
    pub(crate) fn handshake(&self, mut socket: TcpStream, host: &str) -> Result<Wire, ServerError> {
        let name = server_name(host)?;
        let mut session =
            ClientConnection::new(self.tls(), name).map_err(|error| ServerError::from_tls(&error))?;
        let deadline = Instant::now() + self.timeouts.io;
        while session.is_handshaking() {
            // The socket's own time-out starts anew with each byte; a server that drips must not hold us for ever.
            if Instant::now() > deadline {
                return Err(ServerError::TimedOut);
            }
            session.complete_io(&mut socket).map_err(|error| handshake_fault(&error))?;
        }
        Ok(Wire::Tls(Box::new(StreamOwned::new(session, socket))))
    }
}

/// What a failed handshake means: a server that hangs up or talks something else has no TLS to offer.
pub(crate) fn handshake_fault(error: &io::Error) -> ServerError {
    match ServerError::from_io(error) {
        ServerError::ConnectionLost => ServerError::Tls,
        other => other,
    }
}

/// The name that the server's certificate must carry.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, ServerError> {
    ServerName::try_from(host.to_owned()).map_err(|_| ServerError::NameNotFound)
}

/// Time for the next of so many addresses: half of what is left, so that a dead one leaves time for the others.
fn share_of(deadline: Instant, addresses: usize) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    let share = if addresses > 1 { left / 2 } else { left };
    share.max(Duration::from_millis(100))
}

impl Wire {
    /// The TCP connection underneath.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl io::Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
