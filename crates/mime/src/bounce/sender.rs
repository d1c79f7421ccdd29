//! Who sent a report: a mail system, or a person who writes about one.

use crate::automatic::{self, is_from_a_person};
use crate::header::Headers;
use crate::part::Part;

/// Who sends reports.
const SENDERS: [&str; 18] = [
    "mailer-daemon",
    "mailer_daemon",
    "mailerdaemon",
    "postmaster",
    "mail-daemon",
    "maildaemon",
    "mail delivery",
    "delivery subsystem",
    "delivery system",
    "system administrator",
    "mail administrator",
    "mail deliver system",
    "non-delivery",
    "mdaemon",
    "mail service",
    "ndr administrator",
    "mailer daemon",
    "post_master",
];

/// Those of them at whose address no person writes.
const DAEMONS: [&str; 5] = ["mailer-daemon", "mailer_daemon", "mailerdaemon", "maildaemon", "post_master"];

/// Mail systems that name themselves in X-Mailer.
const SYSTEMS: [&str; 2] = ["smtp32", "m-filter"];

/// Whether the header says that a mail system wrote this, not a person.
pub(super) fn is_from_a_mail_system(mail: &Part<'_>) -> bool {
    has_null_path(&mail.headers) || is_by_system(&mail.headers) || is_delivery_report(mail)
}

/// Whether a mail system is the sender.
pub(super) fn is_by_system(headers: &Headers<'_>) -> bool {
    let from = headers.text("from").unwrap_or_default().to_lowercase();
    let is_named = |names: &[&str]| names.iter().any(|name| from.contains(name));
    // People at postmaster@ write too.
    is_named(&DAEMONS) || is_named(&SENDERS) && (names_mail_system(headers) || !is_from_a_person(headers))
}

/// Whether a mail system stands where people's programs name themselves.
fn names_mail_system(headers: &Headers<'_>) -> bool {
    let program = headers.text("x-mailer").unwrap_or_default().to_lowercase();
    SYSTEMS.iter().any(|name| program.contains(name))
}

/// Whether the mail has the null return path, or what a mail system writes in its place.
pub(super) fn has_null_path(headers: &Headers<'_>) -> bool {
    automatic::has_null_return_path(headers)
        || headers.text("return-path").is_some_and(|path| path.to_lowercase().contains("mailer-daemon"))
}

/// RFC 6522, 3: the whole mail is a report, and of a delivery as far as it says of what. A mail system's may name its
/// program, and the mail that came back; anybody else's that does is a person's.
pub(super) fn is_delivery_report(mail: &Part<'_>) -> bool {
    let kind = mail.parameters.token("report-type");
    let is_report = match mail.content_type.as_str() {
        "multipart/report" => kind.is_none_or(|kind| kind.eq_ignore_ascii_case("delivery-status")),
        // Broken: the report without its words.
        "message/delivery-status" => true,
        _ => false,
    };
    let headers = &mail.headers;
    let from = headers.text("from").unwrap_or_default().to_lowercase();
    is_report && (!is_from_a_person(headers) || SENDERS.iter().any(|sender| from.contains(sender)))
}
