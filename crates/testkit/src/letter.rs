//! Mails as people write them.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::message::{
    Attachment as Part, Mailbox as Party, Message, MultiPart, SinglePart,
    header::{ContentType, HeaderName, HeaderValue},
};
use mailparse::MailHeaderMap;

use crate::{
    error::{Error, Result},
    mail::Delivery,
};

/// A mail to be written. Fields are plain text; [`Letter::raw`] encodes them.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// `Name <address>` or an address.
    pub from: String,
    /// The same, for each recipient.
    pub to: Vec<String>,
    /// The same, for each recipient of a copy.
    pub cc: Vec<String>,
    /// The subject.
    pub subject: String,
    /// Without angle brackets.
    pub message_id: String,
    /// The Message-ID that this answers, without angle brackets.
    pub in_reply_to: Option<String>,
    /// Without angle brackets, oldest first.
    pub references: Vec<String>,
    /// What the Date header says; `None` is now.
    pub date: Option<DateTime<Utc>>,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Further headers, name and value.
    pub headers: Vec<(String, String)>,
}

/// A file that comes with a letter.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its type, such as `application/pdf`.
    pub content_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Letter {
    /// A letter with a Message-ID of its own.
    pub fn new(from: &str, to: &str, subject: &str, text: &str) -> Self {
        let domain = address_of(from).rsplit('@').next().unwrap_or("customer.test").to_owned();
        Self {
            from: from.to_owned(),
            to: vec![to.to_owned()],
            subject: subject.to_owned(),
            text: text.to_owned(),
            message_id: format!("{}@{domain}", uuid::Uuid::new_v4().simple()),
            ..Self::default()
        }
    }

    /// An answer to a mail that was received, threaded as mail programs do it.
    pub fn answering(received: &Received, from: &str, text: &str) -> Self {
        let subject = received.header("Subject");
        let subject = if subject.starts_with("Re:") { subject } else { format!("Re: {subject}") };
        let to = match received.header("Reply-To") {
            none if none.is_empty() => received.header("From"),
            reply_to => reply_to,
        };
        let mut references = received.message_ids("References");
        references.push(received.message_id());
        Self { in_reply_to: Some(received.message_id()), references, ..Self::new(from, &to, &subject, text) }
    }

    /// The mail's bytes.
    ///
    /// # Errors
    /// Where an address or a content type is none.
    pub fn raw(&self) -> Result<Vec<u8>> {
        let bad = |what: &str, error: &dyn std::fmt::Display| Error::Refused {
            what: format!("writing a letter with {what}"),
            answer: error.to_string(),
        };
        let party = |text: &String| text.parse::<Party>().map_err(|error| bad(text, &error));
        let mut message = Message::builder()
            .from(party(&self.from)?)
            .subject(&self.subject)
            .message_id(Some(format!("<{}>", self.message_id)))
            .date(self.date.map_or_else(SystemTime::now, SystemTime::from));
        for to in &self.to {
            message = message.to(party(to)?);
        }
        for cc in &self.cc {
            message = message.cc(party(cc)?);
        }
        if let Some(parent) = &self.in_reply_to {
            message = message.in_reply_to(format!("<{parent}>"));
        }
        if !self.references.is_empty() {
            let references: Vec<_> = self.references.iter().map(|id| format!("<{id}>")).collect();
            message = message.references(references.join(" "));
        }
        for (name, value) in &self.headers {
            let name = HeaderName::new_from_ascii(name.clone()).map_err(|error| bad(name, &error))?;
            message = message.raw_header(HeaderValue::new(name, value.clone()));
        }
        let text = SinglePart::plain(self.text.clone());
        let body = match &self.html {
            Some(html) => {
                MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.clone()))
            }
            None if self.attachments.is_empty() => {
                let built = message.singlepart(text).map_err(|error| bad("this body", &error))?;
                return Ok(built.formatted());
            }
            None => MultiPart::mixed().singlepart(text),
        };
        let mut whole = if self.html.is_some() && !self.attachments.is_empty() {
            MultiPart::mixed().multipart(body)
        } else {
            body
        };
        for Attachment { filename, content_type, content } in &self.attachments {
            let content_type = ContentType::parse(content_type).map_err(|error| bad(content_type, &error))?;
            whole = whole.singlepart(Part::new(filename.clone()).body(content.clone(), content_type));
        }
        let built = message.multipart(whole).map_err(|error| bad("these parts", &error))?;
        Ok(built.formatted())
    }

    /// The mail on its way to all its recipients.
    pub fn delivery(&self) -> Result<Delivery> {
        let to = self.to.iter().chain(&self.cc).map(|to| address_of(to).to_owned()).collect();
        Ok(Delivery { from: address_of(&self.from).to_owned(), to, raw: self.raw()? })
    }
}

/// The address in `Name <address>`.
pub fn address_of(party: &str) -> &str {
    party.rsplit_once('<').map_or(party, |(_, rest)| rest.trim_end_matches('>'))
}

/// A mail as its recipient's program sees it.
#[derive(Debug, Clone)]
pub struct Received {
    raw: Vec<u8>,
}

impl Received {
    /// From its bytes.
    pub fn new(raw: Vec<u8>) -> Self {
        Self { raw }
    }

    /// Its bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// A header's decoded value, the first of that name; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers(name).into_iter().next().unwrap_or_default()
    }

    /// The decoded values of all headers of that name.
    pub fn headers(&self, name: &str) -> Vec<String> {
        mailparse::parse_headers(&self.raw)
            .map(|(headers, _)| headers.get_all_values(name))
            .unwrap_or_default()
    }

    /// Its Message-ID, without angle brackets.
    pub fn message_id(&self) -> String {
        self.message_ids("Message-ID").into_iter().next().unwrap_or_default()
    }

    /// The Message-IDs in a header, without angle brackets.
    pub fn message_ids(&self, header: &str) -> Vec<String> {
        let value = self.header(header);
        value.split('<').filter_map(|part| part.split_once('>')).map(|(id, _)| id.to_owned()).collect()
    }

    /// The decoded text of its first part of a type such as `text/plain`.
    pub fn part(&self, media_type: &str) -> Option<String> {
        let mail = mailparse::parse_mail(&self.raw).ok()?;
        let part = mail.parts().find(|part| part.ctype.mimetype == media_type)?;
        part.get_body().ok()
    }

    /// The types of all its parts, the outermost first.
    pub fn parts(&self) -> Vec<String> {
        let mail = mailparse::parse_mail(&self.raw);
        mail.map(|mail| mail.parts().map(|part| part.ctype.mimetype.clone()).collect()).unwrap_or_default()
    }
}
