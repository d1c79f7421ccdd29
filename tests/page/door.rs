//! The mail servers, for the browser tests: what they ask for on a socket, a line of JSON for each question, is done here
//! with what all tests use.
//!
//! - `{"send": {"from", "to", "cc", "subject", "text", "html", "in_reply_to", "references", "attachments"}}`:
//!   a mail goes to the SMTP server. `attachments` are `{"filename", "content_type", "content"}`, their content text.
//! - `{"inbox": ADDRESS, "at_least": COUNT}`: waits for so many mails; gives for each its `headers`, `text`, `html` and
//!   `parts`.
//!
//! The answer is a line `{"done": …}` or `{"error": "…"}`.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use postroom_testkit::{
    Result,
    letter::{Attachment, Letter, Received},
};
use serde_json::{Value, json};

use crate::world::{SOON, World};

/// The headers that are told of a mail.
const HEADERS: [&str; 8] = ["From", "To", "Cc", "Bcc", "Subject", "Message-ID", "In-Reply-To", "References"];

pub(super) struct Door<'a> {
    world: &'a World,
    listener: TcpListener,
}

impl<'a> Door<'a> {
    pub(super) fn open(world: &'a World) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { world, listener }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Answers until `work` is done.
    pub(super) fn answer_while<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                let result = work();
                done.store(true, Ordering::Relaxed);
                result
            });
            while !done.load(Ordering::Relaxed) {
                match self.listener.accept() {
                    Ok((stream, _)) => drop(scope.spawn(move || self.serve(&stream))),
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
            working.join().unwrap()
        })
    }

    fn serve(&self, stream: &TcpStream) {
        stream.set_nonblocking(false).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let question: Value = serde_json::from_str(&line).unwrap();
        let answer = match self.ask(&question) {
            Ok(answer) => json!({"done": answer}),
            Err(error) => json!({"error": error.to_string()}),
        };
        writeln!(&mut &*stream, "{answer}").unwrap();
    }

    fn ask(&self, question: &Value) -> Result<Value> {
        if let Some(letter) = question.get("send") {
            let letter = letter_of(letter);
            self.world.mail.deliver_all(&[letter.delivery()?])?;
            return Ok(json!({"message_id": letter.message_id}));
        }
        let address = string(question, "inbox");
        let at_least = question["at_least"].as_u64().map_or(1, |count| usize::try_from(count).unwrap());
        let mails = self.world.mail.mailbox(&address).wait_for("INBOX", at_least, SOON)?;
        Ok(mails.into_iter().map(|raw| told(&Received::new(raw))).collect())
    }
}

fn string(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn letter_of(value: &Value) -> Letter {
    let optional = |name: &str| value[name].as_str().map(str::to_owned);
    let mut letter =
        Letter::new(&string(value, "from"), "", &string(value, "subject"), &string(value, "text"));
    letter.to = strings(&value["to"]);
    letter.cc = strings(&value["cc"]);
    letter.html = optional("html");
    letter.in_reply_to = optional("in_reply_to");
    letter.references = strings(&value["references"]);
    letter.attachments = value["attachments"].as_array().into_iter().flatten().map(file_of).collect();
    letter
}

fn file_of(value: &Value) -> Attachment {
    let (filename, content_type) = (string(value, "filename"), string(value, "content_type"));
    Attachment { filename, content_type, content: string(value, "content").into_bytes() }
}

fn told(mail: &Received) -> Value {
    let headers: Value = HEADERS.iter().map(|name| ((*name).to_owned(), json!(mail.header(name)))).collect();
    let (text, html) = (mail.part("text/plain"), mail.part("text/html"));
    json!({"headers": headers, "text": text, "html": html, "parts": mail.parts()})
}
