//! The stream under an SMTP connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::ServerError;
use crate::net::{Endpoint, Network, Security, handshake_fault, server_name};

/// A connection to an SMTP server, protected as the endpoint says.
///
/// `lettre` would do STARTTLS itself, but it keeps what the server sent in plain text before the handshake and takes it
/// for an answer given under TLS; it also brings its own TLS configuration.
#[derive(Debug)]
pub(super) struct SmtpWire {
    stream: Stream,
    /// After STARTTLS no greeting comes any more, but `lettre` begins by reading one.
    preface: &'static [u8],
    heard: Heard,
}

/// What has come of an answer. `lettre` looks at its length only where a line ends, so a line without an end would fill
/// the memory.
#[derive(Debug, Default)]
struct Heard {
    /// Bytes since the last line's end.
    line: usize,
    /// Bytes since we last said something.
    answer: usize,
    /// Lines since then.
    lines: usize,
}

impl Heard {
    /// Bytes in a line; RFC 5321, 4.5.3.1.5 allows 512.
    const LONGEST_LINE: usize = 4 * 1024;
    /// Bytes in an answer of several lines.
    const LONGEST_ANSWER: usize = 128 * 1024;

    /// Lines in an answer. `lettre` reads an answer from its beginning with every line that comes.
    const MOST_LINES: usize = 200;

    /// Counts what has come; false where it is more than any answer has.
    fn allows(&mut self, fresh: &[u8]) -> bool {
        self.answer = self.answer.saturating_add(fresh.len());
        for part in fresh.split_inclusive(|&byte| byte == b'\n') {
            self.line = self.line.saturating_add(part.len());
            if self.line > Self::LONGEST_LINE {
                return false;
            }
            if part.ends_with(b"\n") {
                self.line = 0;
                self.lines += 1;
            }
        }
        self.answer <= Self::LONGEST_ANSWER && self.lines <= Self::MOST_LINES
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl SmtpWire {
    /// Connects, and does what stands before the first command that counts. `hello` is our name in `EHLO`.
    pub(super) async fn open(network: &Network, endpoint: &Endpoint) -> Result<(Self, String), ServerError> {
        let mut socket = network.dial_async(endpoint).await?;
        let local = socket.local_addr().map_err(|error| ServerError::from_io(&error))?;
        let hello = address_literal(local);
        let preface: &'static [u8] = match endpoint.security {
            Security::StartTls => {
                start_tls(&mut socket, &hello).await?;
                b"220 ready\r\n"
            }
            Security::Tls | Security::None => b"",
        };
        let stream = if endpoint.security == Security::None {
            Stream::Plain(socket)
        } else {
            let name = server_name(&endpoint.host)?;
            let connecting = TlsConnector::from(network.tls()).connect(name, socket);
            Stream::Tls(Box::new(connecting.await.map_err(|error| handshake_fault(&error))?))
        };
        Ok((Self { stream, preface, heard: Heard::default() }, hello))
    }
}

/// Our name in `EHLO`: the address that we speak from (RFC 5321, 4.1.3). A host name would have to be one that the
/// server can look up, and a container's is not.
fn address_literal(local: SocketAddr) -> String {
    match local {
        SocketAddr::V4(address) => format!("[{}]", address.ip()),
        SocketAddr::V6(address) => format!("[IPv6:{}]", address.ip()),
    }
}

async fn start_tls(socket: &mut TcpStream, hello: &str) -> Result<(), ServerError> {
    let greeting = read_answer(socket).await?;
    match greeting.first() {
        Some(b'2') => {}
        Some(b'4' | b'5') => return Err(ServerError::Unavailable),
        _ => return Err(ServerError::Greeting),
    }
    let offers = ask(socket, &format!("EHLO {hello}\r\n")).await?.to_ascii_uppercase();
    let offered = offers.split(|&byte| byte == b'\n').any(|line| line.get(4..).is_some_and(is_starttls));
    if !offered {
        return Err(ServerError::NoStartTls);
    }
    match ask(socket, "STARTTLS\r\n").await?.first() {
        Some(b'2') => Ok(()),
        Some(b'4') => Err(ServerError::Unavailable),
        _ => Err(ServerError::NoStartTls),
    }
}

fn is_starttls(keyword: &[u8]) -> bool {
    keyword.trim_ascii() == b"STARTTLS"
}

async fn ask(socket: &mut TcpStream, command: &str) -> Result<Vec<u8>, ServerError> {
    socket.write_all(command.as_bytes()).await.map_err(|error| ServerError::from_io(&error))?;
    read_answer(socket).await
}

/// Reads an answer of one or several lines, byte by byte so that nothing beyond it is taken from the socket.
async fn read_answer(socket: &mut TcpStream) -> Result<Vec<u8>, ServerError> {
    const LONGEST: usize = 16 * 1024;
    let mut answer = Vec::new();
    let mut line_start = 0;
    while answer.len() < LONGEST {
        let byte = socket.read_u8().await.map_err(|error| ServerError::from_io(&error))?;
        answer.push(byte);
        if byte == b'\n' {
            if answer.get(line_start + 3) != Some(&b'-') {
                return Ok(answer);
            }
            line_start = answer.len();
        }
    }
    Err(ServerError::Protocol)
}

impl AsyncTokioStream for SmtpWire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.stream {
            Stream::Plain(socket) => socket.peer_addr(),
            Stream::Tls(stream) => stream.get_ref().0.peer_addr(),
        }
    }
}

impl AsyncRead for SmtpWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.preface.is_empty() {
            let (now, later) = self.preface.split_at(self.preface.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.preface = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let this = &mut *self;
        let polled = match &mut this.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        };
        if let Poll::Ready(Ok(())) = polled {
            // Answers are ASCII (RFC 5321, 4.2). One letter that isn't, in a comment at the end of a 250, must not
            // make `lettre` throw the whole answer away and us doubt a delivery.
            let fresh = buffer.filled_mut().split_at_mut(before).1;
            if !this.heard.allows(fresh) {
                return Poll::Ready(Err(ServerError::Protocol.into()));
            }
            fresh.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        polled
    }
}

impl AsyncWrite for SmtpWire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.heard.answer, self.heard.lines) = (0, 0);
        match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
