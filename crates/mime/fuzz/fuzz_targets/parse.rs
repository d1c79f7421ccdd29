//! Any bytes as a mail (MAIL-4): never a panic, nothing lost, nothing harmful.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use postroom_mime::{Circumstances, parse, understand};
use postroom_mime_fuzz::whole;

fuzz_target!(|raw: &[u8]| {
    whole(&parse(raw));
    let circumstances = Circumstances {
        in_sent: false,
        imported: false,
        received_at: DateTime::UNIX_EPOCH,
        authserv_id: Some("mx.example"),
        too_large: None,
    };
    let understood = understand(raw, &circumstances).expect("any bytes are a mail");
    assert_eq!(understood.contents.len(), understood.mail.attachments.len());
});
