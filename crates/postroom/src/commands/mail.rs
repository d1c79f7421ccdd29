//! `postroom mail parse` and `postroom mail threads`: what Postroom makes of mail in files.

use crate::cli::Files;
use anyhow::{Context, Result};
use postroom_domain::{
    address::EmailAddress,
    message::RfcMessageId,
    subject::subject_key,
    threading::{Headers, ThreadBook},
};
use postroom_mime::{ParsedMail, parse};
use serde::Serialize;
use std::io::{self, Read, Write};

/// One of several mails, with the name that it was given by.
#[derive(Serialize)]
struct Named<'a> {
    file: &'a str,
    #[serde(flatten)]
    mail: ParsedMail,
}

/// `postroom mail parse`.
pub(crate) fn print_parsed(files: &Files, out: &mut impl Write) -> Result<()> {
    for file in &files.files {
        let mail = parse(&read(file)?);
        if files.files.len() == 1 {
            serde_json::to_writer(&mut *out, &mail)?;
        } else {
            serde_json::to_writer(&mut *out, &Named { file, mail })?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// `postroom mail threads`.
pub(crate) fn print_threads(files: &Files, out: &mut impl Write) -> Result<()> {
    let mut book = ThreadBook::default();
    for (index, file) in files.files.iter().enumerate() {
        let mail = parse(&read(file)?);
        let addresses = |list: &[postroom_mime::ParsedAddress]| -> Vec<EmailAddress> {
            list.iter().filter_map(|address| EmailAddress::parse(&address.address).ok()).collect()
        };
        let from = addresses(&mail.from).into_iter().next();
        let to = [addresses(&mail.to), addresses(&mail.cc)].concat();
        if let Some(headers) = headers(&mail) {
            book.deliver(index, &headers, from.as_ref(), &to);
        }
    }
    let name = |index: usize| files.files.get(index).map(String::as_str);
    let threads: Vec<Vec<&str>> =
        book.threads().into_iter().map(|thread| thread.into_iter().filter_map(name).collect()).collect();
    serde_json::to_writer(&mut *out, &threads)?;
    writeln!(out)?;
    Ok(())
}

/// The headers that decide. A mail without a Message-ID has one that is made from its bytes.
fn headers(mail: &ParsedMail) -> Option<Headers> {
    let ids = |list: &[String]| list.iter().filter_map(|id| RfcMessageId::parse(id)).collect();
    let own = mail.message_id.as_deref().and_then(RfcMessageId::parse);
    Some(Headers {
        message_id: own.or_else(|| RfcMessageId::parse(&mail.derived_message_id))?,
        in_reply_to: ids(&mail.in_reply_to),
        references: ids(&mail.references),
        subject_key: subject_key(mail.subject.as_deref().unwrap_or_default()),
        looks_like_reply: mail.looks_like_reply,
    })
}

fn read(file: &str) -> Result<Vec<u8>> {
    if file == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("reading standard input")?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(|| format!("reading {file}"))
}
