//! Clients that ask the server as fast as it answers, each the next question after the last answer.

use anyhow::{Context as _, Result, bail};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// A request as it goes over the wire; each time it is sent it may be another one.
pub(crate) trait Request: Sync {
    /// The bytes of the `n`th request of a client.
    fn bytes(&self, client: usize, n: usize) -> Vec<u8>;
}

/// The same bytes each time.
impl Request for Vec<u8> {
    fn bytes(&self, _: usize, _: usize) -> Vec<u8> {
        self.clone()
    }
}

/// How long each answer took, in order of time.
pub(crate) struct Measured {
    micros: Vec<u64>,
    took: Duration,
}

impl Measured {
    pub(crate) fn new(mut micros: Vec<u64>, took: Duration) -> Self {
        micros.sort_unstable();
        Self { micros, took }
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.took.as_secs_f64()
    }

    /// So many hundredths of the answers took no longer, in milliseconds.
    pub(crate) fn percentile(&self, hundredths: usize) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let at = (self.micros.len() * hundredths / 100).min(last);
        self.micros.get(at).copied().unwrap_or_default() as f64 / 1000.0
    }
}

/// `GET` of a path with an access token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Lets so many clients ask for so long.
pub(crate) fn run(base: &str, clients: usize, time: Duration, request: &dyn Request) -> Result<Measured> {
    let address = base.strip_prefix("http://").context("an http address")?;
    let started = Instant::now();
    let micros = thread::scope(|scope| {
        let running: Vec<_> =
            (0..clients).map(|client| scope.spawn(move || ask(address, client, time, request))).collect();
        running
            .into_iter()
            .map(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")))
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(Measured::new(micros.concat(), started.elapsed()))
}

fn ask(address: &str, client: usize, time: Duration, request: &dyn Request) -> Result<Vec<u64>> {
    let mut sending = TcpStream::connect(address).context("connecting")?;
    sending.set_nodelay(true)?;
    let mut answers = BufReader::with_capacity(64 * 1024, sending.try_clone()?);
    let end = Instant::now() + time;
    let (mut micros, mut line, mut body) = (Vec::new(), String::new(), Vec::new());
    while Instant::now() < end {
        let bytes = request.bytes(client, micros.len());
        let asked = Instant::now();
        sending.write_all(&bytes)?;
        line.clear();
        answers.read_line(&mut line)?;
        let good = line.starts_with("HTTP/1.1 200") || line.starts_with("HTTP/1.1 201");
        let status = line.trim_end().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            answers.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().context("the answer's length")?;
            }
        }
        body.resize(length, 0);
        answers.read_exact(&mut body)?;
        if !good {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        micros.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(micros)
}
