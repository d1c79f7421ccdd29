//! What a writer had better look at before a mail leaves (RPL-9): nothing here forbids anything.

use crate::{
    address::{EmailAddress, NamedAddress},
    reply::Recipients,
};
use std::collections::HashSet;

/// More recipients than this are many.
pub const MANY: usize = 20;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningKind {
    /// These people never took part in the conversation.
    NewRecipient,
    /// These belong to another company than the customer.
    OtherCompany,
    /// Nobody reads what is sent to these.
    NoReplyAddress,
    /// An attachment is spoken of, and there is none.
    MissingAttachment,
    /// More than [`MANY`] people get it.
    ManyRecipients,
    /// It has no subject.
    EmptySubject,
    /// A newer message has come than the writer has seen (RPL-6).
    MovedOn,
    /// So many take part that a copy to all of them is not the default (WIN-4).
    CopiesLeftOut,
    /// The last message asks for answers to another domain than it came from, which is never done by itself (MAIL-16).
    ReplyToElsewhere,
}

impl WarningKind {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewRecipient => "new_recipient",
            Self::OtherCompany => "other_company",
            Self::NoReplyAddress => "no_reply_address",
            Self::MissingAttachment => "missing_attachment",
            Self::ManyRecipients => "many_recipients",
            Self::EmptySubject => "empty_subject",
            Self::MovedOn => "conversation_moved_on",
            Self::CopiesLeftOut => "copies_left_out",
            Self::ReplyToElsewhere => "reply_to_elsewhere",
        }
    }

    /// For people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NewRecipient => "They have never been part of this conversation.",
            Self::OtherCompany => "They belong to another company than the customer.",
            Self::NoReplyAddress => "Nobody reads what is sent there.",
            Self::MissingAttachment => "The text speaks of an attachment, and there is none.",
            Self::ManyRecipients => "Many people will get this.",
            Self::EmptySubject => "There is no subject.",
            Self::MovedOn => "A newer message has arrived.",
            Self::CopiesLeftOut => "So many people take part that nobody is in copy unless you say so.",
            Self::ReplyToElsewhere => "The last message asks for answers to this address, in another domain.",
        }
    }
}

/// A warning, and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The addresses; none where it is about the mail as a whole.
    pub addresses: Vec<EmailAddress>,
}

/// A mail that is about to leave, as far as warnings look at it.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// Who gets it.
    pub recipients: &'a Recipients,
    /// Who took part in the conversation; `None` for a new mail, where nobody could have.
    pub known: Option<&'a HashSet<EmailAddress>>,
    /// Which of the recipients are our own people.
    pub ours: &'a HashSet<EmailAddress>,
    /// The customer: the primary contact, or whom a new mail is written to first.
    pub customer: Option<&'a EmailAddress>,
    /// The subject.
    pub subject: &'a str,
    /// What was newly written, as text; no signature, no quote.
    pub text: &'a str,
    /// Files beside the pictures within the text.
    pub has_files: bool,
}

/// What is to be looked at, each thing once.
#[must_use]
pub fn warnings(look: &Look<'_>) -> Vec<Warning> {
    let external = || look.recipients.envelope().filter(|one| !look.ours.contains(&one.address));
    let those = |wanted: &dyn Fn(&EmailAddress) -> bool| -> Vec<EmailAddress> {
        external().map(|one| &one.address).filter(|address| wanted(address)).cloned().collect()
    };
    let about =
        |kind, addresses: Vec<EmailAddress>| (!addresses.is_empty()).then_some(Warning { kind, addresses });
    let whole = |kind, so: bool| so.then(|| Warning { kind, addresses: vec![] });
    let unknown = look.known.map(|known| those(&|one| !known.contains(one))).unwrap_or_default();
    let others = look.customer.map(|customer| those(&|one| is_other_company(one, customer)));
    [
        about(WarningKind::NewRecipient, unknown),
        about(WarningKind::OtherCompany, others.unwrap_or_default()),
        about(WarningKind::NoReplyAddress, those(&is_no_reply)),
        whole(WarningKind::MissingAttachment, !look.has_files && speaks_of_attachment(look.text)),
        whole(WarningKind::ManyRecipients, look.recipients.envelope().count() > MANY),
        whole(WarningKind::EmptySubject, is_empty_subject(look.subject)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where anybody has an address: these domains say nothing of a company.
const PUBLIC_PROVIDERS: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "proton.me",
    "protonmail.com",
    "gmx.de",
    "gmx.net",
    "gmx.com",
    "web.de",
    "t-online.de",
    "freenet.de",
    "posteo.de",
    "mailbox.org",
    "orange.fr",
    "free.fr",
    "laposte.net",
    "wanadoo.fr",
    "libero.it",
    "virgilio.it",
    "terra.es",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "interia.pl",
    "seznam.cz",
    "mail.ru",
    "yandex.ru",
    "ya.ru",
    "bk.ru",
    "ukr.net",
    "qq.com",
    "163.com",
    "126.com",
    "naver.com",
    "daum.net",
    "rediffmail.com",
    "zoho.com",
    "fastmail.com",
    "tutanota.com",
    "hey.com",
    "bluewin.ch",
    "uol.com.br",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "verizon.net",
];

/// Yahoo and Microsoft have one for each country.
fn is_public(domain: &str) -> bool {
    let first = domain.split('.').next().unwrap_or_default();
    PUBLIC_PROVIDERS.contains(&domain) || ["yahoo", "hotmail", "outlook", "live"].contains(&first)
}

fn is_other_company(one: &EmailAddress, customer: &EmailAddress) -> bool {
    let (theirs, customers) = (one.domain(), customer.domain());
    let below = |a: &str, b: &str| a.strip_suffix(b).is_some_and(|rest| rest.ends_with('.'));
    !is_public(theirs) && theirs != customers && !below(theirs, customers) && !below(customers, theirs)
}

/// The beginnings of addresses that nobody reads, without their separators.
const NO_REPLY: &[&str] = &[
    "noreply",
    "donotreply",
    "dontreply",
    "notreply",
    "neverreply",
    "nepasrepondre",
    "keineantwort",
    "nichtantworten",
    "noresponder",
    "norespondas",
    "naoresponda",
    "naoresponder",
    "nonrispondere",
    "nieodpowiadaj",
    "mailerdaemon",
    "bounce",
    "bounces",
    "unsubscribe",
];

fn is_no_reply(address: &EmailAddress) -> bool {
    let local: String = address.local().chars().filter(|c| c.is_alphanumeric()).collect();
    NO_REPLY.iter().any(|start| local.starts_with(start)) || local.ends_with("noreply")
}

fn is_empty_subject(subject: &str) -> bool {
    crate::subject::subject_key(subject).is_empty()
}

/// Words that speak of a file which is sent along, folded by [`folded`]. They stand at a word's beginning, so that their
/// forms are found as well; those with `$` are whole words or phrases.
const SPEAKING: &[&str] = &[
    // English
    "attached",
    "attachment",
    "attaching",
    "i attach$",
    "enclosed",
    "enclosing",
    "pfa$",
    // German
    "anhang",
    "angehangt",
    "anbei$",
    "beigefugt",
    "im anhang",
    "in der anlage$",
    "als anlage$",
    "beiliegend",
    // French
    "ci joint",
    "piece jointe",
    "pieces jointes",
    "en pj$",
    "je joins",
    "joint a ce",
    // Spanish, Portuguese, Italian
    "adjunt",
    "en anexo",
    "em anexo",
    "anexo$",
    "anexos$",
    "anexad",
    "allegat",
    "allego$",
    "alleghiamo$",
    // Dutch
    "bijlage",
    "bijgevoegd",
    "bijgaand",
    "bijgesloten",
    // Danish, Norwegian, Swedish, Finnish
    "vedhaeft",
    "vedlagt",
    "vedlegg",
    "bifog",
    "bilaga",
    "bilagor",
    "liitteena",
    "liitteessa",
    "oheisena$",
    // Polish, Czech, Slovak, Hungarian, Romanian
    "zalacz",
    "w zalaczeniu",
    "prilozen",
    "v priloze$",
    "v prilohe$",
    "prilozeny",
    "csatol",
    "mellekel",
    "atasat",
    // Russian, Ukrainian, Greek, Turkish
    "во вложении",
    "вложени",
    "прилага",
    "прикреп",
    "приложен",
    "у вкладенні",
    "долуча",
    "συνημμεν",
    "επισυναπτ",
    "ekte$",
    "ekteki",
    "ilisikte",
];
/// The same where words have no spaces between them.
const SPEAKING_UNSPACED: &[&str] = &["添付", "附件", "随信附上", "첨부"];

/// Whether a text, in any of several languages, speaks of a file that is sent along. Quoted lines don't count.
#[must_use]
pub fn speaks_of_attachment(text: &str) -> bool {
    let own: String =
        text.lines().filter(|line| !line.trim_start().starts_with('>')).collect::<Vec<_>>().join("\n");
    if SPEAKING_UNSPACED.iter().any(|word| own.contains(word)) {
        return true;
    }
    let words = format!(" {} ", folded(&own));
    SPEAKING.iter().any(|word| match word.strip_suffix('$') {
        Some(whole) => words.contains(&format!(" {whole} ")),
        None => words.contains(&format!(" {word}")),
    })
}

/// The words of a text in lower case, one space between two, without accents however they are written.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' => {}
            'à'..='å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'æ' => out.push_str("ae"),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' => out.push('d'),
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ì'..='ï' | 'ī' | 'ı' => out.push('i'),
            'ł' => out.push('l'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò'..='ö' | 'ø' | 'ő' => out.push('o'),
            'ř' => out.push('r'),
            'ß' => out.push_str("ss"),
            'ś' | 'š' | 'ş' | 'ș' => out.push('s'),
            'ť' | 'ț' | 'ţ' => out.push('t'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'ά' => out.push('α'),
            'έ' => out.push('ε'),
            'ή' => out.push('η'),
            'ί' => out.push('ι'),
            'ό' => out.push('ο'),
            'ύ' => out.push('υ'),
            'ώ' => out.push('ω'),
            c if c.is_alphanumeric() => out.push(c),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out
}

/// Of the addresses that somebody asked to be answered at, those that no default takes (MAIL-16).
#[must_use]
pub fn reply_to_elsewhere(from: &NamedAddress, reply_to: Option<&NamedAddress>) -> Option<Warning> {
    let elsewhere = reply_to.filter(|one| one.address.domain() != from.address.domain())?;
    Some(Warning { kind: WarningKind::ReplyToElsewhere, addresses: vec![elsewhere.address.clone()] })
}

#[cfg(test)]
#[path = "warnings_tests.rs"]
mod tests;
