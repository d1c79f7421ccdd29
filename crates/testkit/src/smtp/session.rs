//! One client's connection (RFC 5321), with the faults of its attempts.

use std::{io, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Fault, Security, Shared, Step, Taken, hold, wire::Wire};

/// Bytes of the body after which the middle of it is reached.
const MIDDLE: usize = 64;

pub(super) struct Session {
    shared: Arc<Shared>,
    wire: Wire,
    script: Vec<Fault>,
    /// The script's mail has begun: a further one plays the next script.
    begun: bool,
    from: String,
    to: Vec<String>,
}

/// The connection is over: by a fault, or because the client has gone.
fn over<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, wire: Wire) -> Self {
        let script = shared.next_script();
        Self { shared, wire, script, begun: false, from: String::new(), to: Vec::new() }
    }

    /// Plays it to its end.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.answer(Step::Connect, "220 here")?;
        loop {
            let line = self.hear()?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let offers = self.offers();
                    self.answer(Step::Hello, &offers)?;
                }
                "STARTTLS" => self.start_tls()?,
                "AUTH" => self.sign_in(&line)?,
                "MAIL" => self.mail(&line)?,
                "RCPT" => self.recipient(&line)?,
                "DATA" => self.data()?,
                "RSET" | "NOOP" => {
                    self.forget();
                    self.say("250 ok")?;
                }
                "QUIT" => return self.say("221 bye"),
                _ => self.say("500 what?")?,
            }
        }
    }

    fn say(&mut self, answer: &str) -> io::Result<()> {
        self.wire.say(format!("{answer}\r\n").as_bytes())
    }

    fn hear(&mut self) -> io::Result<String> {
        let line = self.wire.hear()?;
        if line.is_empty() {
            return over();
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        hold(&self.shared.seen).commands.push((self.wire.is_secured(), line.clone()));
        Ok(line)
    }

    fn offers(&self) -> String {
        let tls = matches!(self.shared.security, Security::StartTls(..)) && !self.wire.is_secured();
        let mut offers = vec!["here", "8BITMIME"];
        if tls && !self.script.contains(&Fault::NoStartTls) {
            offers.push("STARTTLS");
        }
        if !tls && !self.script.contains(&Fault::NoAuth) {
            offers.push(if self.shared.tokens.is_some() { "AUTH XOAUTH2" } else { "AUTH PLAIN" });
        }
        let last = offers.len() - 1;
        let line = |(at, offer): (usize, &&str)| format!("250{}{offer}", if at == last { ' ' } else { '-' });
        offers.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    /// Answers a step, well or as the script says. False where the answer is another than the good one.
    fn answer(&mut self, step: Step, good: &str) -> io::Result<bool> {
        let fault = self.script.iter().copied().find(|fault| fault.step() == Some(step));
        match fault {
            None => {
                self.say(good)?;
                Ok(true)
            }
            Some(Fault::Answers(_, answer)) => {
                self.say(answer)?;
                let ends = answer.starts_with("421") || (step == Step::Connect && !answer.starts_with('2'));
                if ends { over() } else { Ok(false) }
            }
            Some(Fault::Silent(_)) => {
                self.wire.wait_for_end()?;
                over()
            }
            Some(Fault::Slow(_, time)) => {
                let bytes = format!("{good}\r\n").into_bytes();
                let pause = time / u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                for byte in bytes {
                    std::thread::sleep(pause);
                    self.wire.say(&[byte])?;
                }
                Ok(true)
            }
            Some(Fault::EndlessLine(_)) => loop {
                self.wire.say(&[b'2'; 4096])?;
            },
            Some(Fault::EndlessAnswer(_)) => loop {
                self.wire.say("250-and another thing\r\n".repeat(100).as_bytes())?;
            },
            Some(_) => over(),
        }
    }

    fn start_tls(&mut self) -> io::Result<()> {
        let injected = self.script.iter().find_map(|fault| match fault {
            Fault::Injects(text) => Some(*text),
            _ => None,
        });
        let Security::StartTls(certificate, key) = self.shared.security.clone() else {
            return self.say("502 not here");
        };
        let good = injected.map_or("220 go".to_owned(), |text| format!("220 go\r\n{text}"));
        if self.answer(Step::StartTls, &good)? {
            self.wire.secure(&certificate, &key)?;
        }
        Ok(())
    }

    fn sign_in(&mut self, line: &str) -> io::Result<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, mechanism, response] = words[..] else {
            return self.say("501 an initial response is needed");
        };
        let good = match &self.shared.tokens {
            None => true,
            Some(provider) if mechanism == "XOAUTH2" => {
                shown(response).is_some_and(|(account, token)| provider.is_good(&account, &token))
            }
            Some(_) => return self.say("504 only tokens"),
        };
        if good {
            return self.answer(Step::Auth, "235 in").map(drop);
        }
        // Why, in a challenge; only whoever answers it hears the refusal.
        self.say(&format!("334 {}", STANDARD.encode(r#"{"status":"401","schemes":"bearer"}"#)))?;
        if self.hear()?.is_empty() { self.say("535 5.7.8 no") } else { self.say("501 that was no answer") }
    }

    fn forget(&mut self) {
        self.from.clear();
        self.to.clear();
    }

    fn mail(&mut self, line: &str) -> io::Result<()> {
        if self.begun {
            self.script = self.shared.next_script();
        }
        self.begun = true;
        self.forget();
        if self.answer(Step::Mail, "250 ok")? {
            self.from = address(line);
        }
        Ok(())
    }

    fn recipient(&mut self, line: &str) -> io::Result<()> {
        let recipient = address(line);
        let refusal = self.script.iter().find_map(|fault| match fault {
            Fault::Recipient(prefix, answer) if recipient.starts_with(prefix) => Some(*answer),
            _ => None,
        });
        if let Some(refusal) = refusal {
            self.say(refusal)?;
            return if refusal.starts_with("421") { over() } else { Ok(()) };
        }
        if self.answer(Step::Rcpt, "250 ok")? {
            self.to.push(recipient);
        }
        Ok(())
    }

    fn data(&mut self) -> io::Result<()> {
        if !self.answer(Step::Data, "354 go")? {
            return Ok(());
        }
        let mut raw = Vec::new();
        let breaks = self.script.iter().any(|fault| fault.step() == Some(Step::Body));
        loop {
            let line = self.wire.hear()?;
            if line.is_empty() {
                return over();
            }
            if line == b".\r\n" {
                break;
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            if breaks && raw.len() >= MIDDLE {
                self.answer(Step::Body, "")?;
            }
        }
        let mail = Taken { from: std::mem::take(&mut self.from), to: std::mem::take(&mut self.to), raw };
        let refused = self
            .script
            .iter()
            .any(|fault| matches!(fault, Fault::Answers(Step::End, answer) if !answer.starts_with('2')));
        if !refused {
            // Before the answer: whoever hears it finds the mail here.
            hold(&self.shared.seen).taken.push(mail);
        }
        self.answer(Step::End, "250 taken").map(drop)
    }
}

impl Fault {
    /// The step whose answer it changes.
    fn step(self) -> Option<Step> {
        match self {
            Self::Answers(step, _)
            | Self::HangsUp(step)
            | Self::Silent(step)
            | Self::Slow(step, _)
            | Self::EndlessLine(step)
            | Self::EndlessAnswer(step) => Some(step),
            Self::Recipient(..) | Self::NoStartTls | Self::Injects(_) | Self::NoAuth => None,
        }
    }
}

/// Account and token of an `XOAUTH2` response.
fn shown(response: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(response).ok()?).ok()?;
    let (account, rest) = text.strip_prefix("user=")?.split_once('\u{1}')?;
    let token = rest.strip_prefix("auth=Bearer ")?.strip_suffix("\u{1}\u{1}")?;
    Some((account.to_owned(), token.to_owned()))
}

/// What stands between the first angle brackets.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
