//! Any HTML (MAIL-6): harmless afterwards, as a browser reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_mime::{html_to_text, release_remote_pictures, rewrite_cids, sanitise, text_to_html};
use postroom_mime_fuzz::{harmless, sanitised};

fuzz_target!(|html: &str| {
    sanitised(html);
    harmless(&text_to_html(html));
    assert!(!html_to_text(html).contains('\0'));
    // These let pictures load, and nothing else.
    let pictures = |html: &str| html.matches("<img").count();
    let clean = sanitise(html);
    assert_eq!(pictures(&release_remote_pictures(html)), pictures(&clean));
    assert_eq!(pictures(&rewrite_cids(&clean, |_| None)), pictures(&clean));
});
