//! As much of HTTP as token endpoints need: one request on each connection.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// What was asked.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: String,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Answers one request, and hangs up.
pub(super) fn serve(socket: TcpStream, answer: impl FnOnce(&Request) -> Answer) {
    let _ = socket.set_read_timeout(Some(Duration::from_secs(20)));
    let mut reader = BufReader::new(socket);
    let Some(request) = read(&mut reader) else { return };
    let Answer { status, body } = answer(&request);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Who has hung up meanwhile needs no answer.
    let _ = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Some(Request { method, path, body: String::from_utf8_lossy(&body).into_owned() })
}

/// A form, or a query.
pub(super) fn form(text: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let hex: Vec<u8> = rest.by_ref().take(2).collect();
                    let hex = String::from_utf8_lossy(&hex).into_owned();
                    bytes.extend(u8::from_str_radix(&hex, 16));
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}
