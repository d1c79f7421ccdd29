//! Putting mail in: through the SMTP server as the world does, or straight into Dovecot by LMTP (RFC 2033).

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use lettre::{
    Address,
    address::Envelope,
    transport::smtp::{self, client::SmtpConnection, extension::ClientId},
};

use crate::error::{Error, Result, Tried};

/// One mail on its way.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Envelope sender; empty is the null return path of bounces.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// The mail, lines ending in CR LF.
    pub raw: Vec<u8>,
}

impl Delivery {
    /// A mail to one recipient.
    pub fn new(from: &str, to: &str, raw: impl Into<Vec<u8>>) -> Self {
        Self { from: from.to_owned(), to: vec![to.to_owned()], raw: raw.into() }
    }
}

fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error: lettre::address::AddressError| Error::Refused {
        what: format!("the address {text}"),
        answer: error.to_string(),
    })
}

/// Hands mails to the SMTP server on this port, one after another over one connection.
pub(crate) fn by_smtp(port: u16, mails: &[Delivery]) -> Result<()> {
    let connecting = |error: smtp::Error| Error::Refused {
        what: "connecting to the SMTP server".into(),
        answer: error.to_string(),
    };
    let name = ClientId::Domain("customer.test".into());
    let limit = Some(Duration::from_secs(30));
    let mut connection =
        SmtpConnection::connect(("127.0.0.1", port), limit, &name, None, None).map_err(connecting)?;
    for mail in mails {
        let from = if mail.from.is_empty() { None } else { Some(address(&mail.from)?) };
        let to = mail.to.iter().map(|to| address(to)).collect::<Result<Vec<_>>>()?;
        let refused = |answer: String| Error::Refused {
            what: format!("sending a mail to {}", mail.to.join(", ")),
            answer,
        };
        let envelope = Envelope::new(from, to).map_err(|error| refused(error.to_string()))?;
        // lettre ends every mail with a line break of its own.
        let raw = mail.raw.strip_suffix(b"\r\n").unwrap_or(&mail.raw);
        connection.send(&envelope, raw).map_err(|error| refused(error.to_string()))?;
    }
    // The connection just ends: exim takes 0.2 s to answer QUIT.
    Ok(())
}

/// Puts mails into Dovecot's folders over its LMTP socket, past the SMTP server: some thousand a second.
pub(crate) fn by_lmtp(socket: &Path, mails: &[Delivery]) -> Result<()> {
    let stream = UnixStream::connect(socket).tried("connecting to Dovecot's LMTP socket")?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).tried("setting a time-out")?;
    let mut answers = BufReader::new(stream.try_clone().tried("sharing the LMTP connection")?);
    let mut line = Lmtp { answers: &mut answers, stream };
    line.expect("2")?;
    line.command("LHLO testkit", "2")?;
    for mail in mails {
        line.command(&format!("MAIL FROM:<{}>", mail.from), "2")?;
        for to in &mail.to {
            line.command(&format!("RCPT TO:<{to}>"), "2")?;
        }
        line.command("DATA", "3")?;
        line.send(&dotted(&mail.raw))?;
        // LMTP answers for each recipient.
        for _ in &mail.to {
            line.expect("2")?;
        }
    }
    line.command("QUIT", "2")
}

struct Lmtp<'a> {
    answers: &'a mut BufReader<UnixStream>,
    stream: UnixStream,
}

impl Lmtp<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).tried("writing to LMTP")
    }

    fn command(&mut self, command: &str, good: &str) -> Result<()> {
        self.send(format!("{command}\r\n").as_bytes())?;
        self.expect(good)
    }

    fn expect(&mut self, good: &str) -> Result<()> {
        loop {
            let mut answer = String::new();
            self.answers.read_line(&mut answer).tried("reading from LMTP")?;
            if answer.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            if answer.starts_with(good) {
                return Ok(());
            }
            return Err(Error::Refused {
                what: "delivering by LMTP".into(),
                answer: answer.trim().to_owned(),
            });
        }
    }
}

/// The mail as DATA wants it: CR LF at the end, dots at the begin of lines doubled, a single dot at last (RFC 5321 4.5.2).
fn dotted(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 8);
    let mut at_line_start = true;
    for &byte in raw {
        if at_line_start && byte == b'.' {
            out.push(b'.');
        }
        at_line_start = byte == b'\n';
        out.push(byte);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn a_line_that_begins_with_a_dot_does_not_end_the_mail() {
        assert_eq!(dotted(b".\r\n..x\r\ny"), b"..\r\n...x\r\ny\r\n.\r\n");
    }
}
