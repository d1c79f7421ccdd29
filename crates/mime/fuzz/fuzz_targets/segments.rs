//! Any body as text and as HTML (MAIL-5): its segments together are the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_mime::parse;
use postroom_mime_fuzz::whole;

fuzz_target!(|body: &str| {
    for kind in ["plain", "html", "plain; format=flowed"] {
        let head = format!(
            "From: a@example.com\r\nSubject: Re: s\r\nMIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n"
        );
        whole(&parse(format!("{head}{body}").as_bytes()));
    }
});
