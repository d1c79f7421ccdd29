//! A reader of Server-Sent Events, over a socket of its own: it can be cut at any moment, and need not read at all.

use crate::{
    client::{Answer, Line},
    contract::{Contract, Exchange},
    error::{Error, Result, Tried},
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::Duration,
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// One message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it is.
    pub event: String,
    /// Its number, where it has one.
    pub id: Option<i64>,
    /// What it says.
    pub data: Value,
}

impl Message {
    /// Whether it stands in the log as well.
    fn is_of_the_log(&self) -> bool {
        self.id.is_some() && self.event != "heartbeat"
    }
}

/// An open stream. Dropping it cuts the connection.
#[derive(Debug)]
pub struct EventStream {
    socket: TcpStream,
    head: Answer,
    contract: Option<&'static Contract>,
    messages: Receiver<Message>,
    /// What is read by nobody yet.
    unread: Option<(BufReader<TcpStream>, Sender<Message>)>,
}

impl EventStream {
    /// Opens a stream at `path` of the server at `base` (`http://127.0.0.1:8080`) and reads the answer's head.
    ///
    /// # Errors
    /// [`Error::Io`] where nothing comes within half a minute, [`Error::Http`] where it is no answer.
    pub fn open(base: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self> {
        let mut stream = Self::open_unread(base, path, headers)?;
        if let Some((reader, messages)) = stream.unread.take() {
            std::thread::spawn(move || {
                // It ends when the connection does; who waits for a message learns that by itself.
                let _ = read_messages(reader, &messages);
            });
        }
        Ok(stream)
    }

    /// The same, and nothing behind the head is ever read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_unread(base: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self> {
        let asked = format!("GET {path}");
        let host = base.trim_start_matches("http://");
        let contract = Line::to(base).contract()?;
        let mut socket = TcpStream::connect(host).tried(format!("connecting to {host}"))?;
        socket.set_read_timeout(Some(Duration::from_secs(30))).tried(asked.clone())?;
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        socket.write_all(request.as_bytes()).tried(asked.clone())?;
        let mut reader = BufReader::new(socket.try_clone().tried(asked.clone())?);
        let head = read_head(&mut reader, asked.clone()).tried(asked)?;
        if let Some(contract) = contract {
            contract.hold(&Exchange { method: "GET", path, body: &[], answer: &head });
        }
        let (sender, messages) = channel();
        Ok(Self { socket, head, contract, messages, unread: Some((reader, sender)) })
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header's text, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.head.header(name)
    }

    /// Whether the other end, which is on this machine, still has this connection open. Where the system doesn't tell, it
    /// is as good as closed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_open_at_the_other_end(&self) -> Result<bool> {
        let asked = "asking for a connection's ports";
        let mine = self.socket.local_addr().tried(asked)?.port();
        let theirs = self.socket.peer_addr().tried(asked)?.port();
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        // `  0: 0100007F:1F90 0100007F:C350 01 …`: local, remote, 01 = established.
        let ends =
            |text: &str| text.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        Ok(connections.lines().any(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (local, remote) = (words.next().and_then(ends), words.next().and_then(ends));
            (local, remote, words.next()) == (Some(theirs), Some(mine), Some("01"))
        }))
    }

    /// The next message, whatever it is; `None` where the stream has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn next(&self, limit: Duration) -> Result<Option<Message>> {
        match self.messages.recv_timeout(limit) {
            Ok(message) => {
                if let Some(contract) = self.contract
                    && message.is_of_the_log()
                {
                    contract.hold_event(&message.data);
                }
                Ok(Some(message))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(Error::TimedOut { what: "the next message of a stream".into(), limit })
            }
        }
    }

    /// The next message of another kind than a heartbeat; `None` where the stream has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn next_event(&self, limit: Duration) -> Result<Option<Message>> {
        loop {
            match self.next(limit)? {
                Some(message) if message.event == "heartbeat" => {}
                other => return Ok(other),
            }
        }
    }

    /// The next message of this kind.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Http`] where the stream ends before.
    pub fn wait_for(&self, event: &str, limit: Duration) -> Result<Message> {
        loop {
            match self.next(limit)? {
                Some(message) if message.event == event => return Ok(message),
                Some(_) => {}
                None => {
                    let what = format!("waiting for {event}");
                    return Err(Error::Http { what, answer: "the stream has ended".into() });
                }
            }
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Reads the head of an answer, and the body of one that is no stream.
fn read_head(reader: &mut impl BufRead, asked: String) -> std::io::Result<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let mut bytes = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut bytes)?;
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer { asked, status, headers, bytes, body })
}

/// Takes the chunks apart, and the messages that stand in them.
fn read_messages(mut reader: BufReader<TcpStream>, messages: &Sender<Message>) -> std::io::Result<()> {
    let mut text = Vec::new();
    loop {
        let mut size = String::new();
        if reader.read_line(&mut size)? == 0 {
            return Ok(());
        }
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap_or_default();
        if size == 0 {
            return Ok(());
        }
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        text.extend_from_slice(chunk.get(..size).unwrap_or_default());
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let message: Vec<u8> = text.drain(..end + 2).collect();
            let message = parse(&String::from_utf8_lossy(&message));
            if message.is_some_and(|message| messages.send(message).is_err()) {
                return Ok(());
            }
        }
    }
}

/// What the standard makes of the lines of one message; nothing where it has no data.
fn parse(text: &str) -> Option<Message> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(Message {
        event: field("event").unwrap_or("message").to_owned(),
        id: field("id").and_then(|id| id.parse().ok()),
        data: serde_json::from_str(field("data")?).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_has_its_fields_and_a_retry_is_none() {
        let message = parse("id: 7\nevent: heartbeat\ndata: {\"a\": 1}\n\n").unwrap();
        assert_eq!(
            (message.event.as_str(), message.id, &message.data),
            ("heartbeat", Some(7), &json!({"a": 1}))
        );
        assert_eq!(parse("retry: 2000\n\n"), None);
        assert_eq!(parse("event: presence\ndata: {}\n\n").unwrap().id, None);
    }
}
