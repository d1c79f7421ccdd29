//! Warnings before a mail leaves: what is told, and what is not.

use super::*;
use proptest::prelude::*;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn to(list: &[&str]) -> Recipients {
    let to = list.iter().map(|one| NamedAddress::bare(address(one))).collect();
    Recipients::new(to, vec![], vec![]).unwrap()
}

struct Case {
    recipients: Recipients,
    known: HashSet<EmailAddress>,
    subject: &'static str,
    text: &'static str,
    has_files: bool,
}

fn case(list: &[&str]) -> Case {
    let known = ["bob@customer.example", "ann@partner.example"].map(address).into();
    Case { recipients: to(list), known, subject: "Re: Order", text: "Hello", has_files: false }
}

fn told(case: &Case) -> Vec<(&'static str, Vec<String>)> {
    let ours = ["tom@acme.example"].map(address).into();
    let customer = address("bob@customer.example");
    let look = Look {
        recipients: &case.recipients,
        known: Some(&case.known),
        ours: &ours,
        customer: Some(&customer),
        subject: case.subject,
        text: case.text,
        has_files: case.has_files,
    };
    let texts = |list: Vec<EmailAddress>| list.iter().map(|one| one.as_str().to_owned()).collect();
    warnings(&look).into_iter().map(|one| (one.kind.as_str(), texts(one.addresses))).collect()
}

#[test]
fn nothing_is_told_of_a_usual_reply() {
    assert_eq!(told(&case(&["bob@customer.example", "tom@acme.example"])), []);
    let below = case(&["bob@customer.example", "eve@eu.customer.example", "ann@gmail.com"]);
    let names: Vec<_> = told(&below).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["new_recipient"], "a branch of the customer's, and a private address");
}

#[test]
fn people_who_may_not_be_meant_are_named() {
    let mixed = case(&["bob@customer.example", "ann@partner.example", "eve@rival.example"]);
    let rival = vec!["eve@rival.example".to_owned()];
    let both = vec!["ann@partner.example".to_owned(), "eve@rival.example".to_owned()];
    assert_eq!(told(&mixed), [("new_recipient", rival), ("other_company", both)]);
    let lookalike = case(&["bob@customer.example", "bob@notcustomer.example"]);
    assert!(told(&lookalike).iter().any(|(name, _)| *name == "other_company"));
    for local in [
        "no-reply",
        "noreply+7",
        "do.not.reply",
        "nicht-antworten",
        "ne-pas-repondre",
        "mailer-daemon",
        "shop-noreply",
    ] {
        let one = format!("{local}@customer.example");
        let names: Vec<_> = told(&case(&[&one])).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"no_reply_address"), "{one}: {names:?}");
    }
    let names: Vec<_> =
        told(&case(&["norbert@customer.example"])).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["new_recipient"]);
    let many: Vec<String> = (0..=MANY).map(|n| format!("p{n}@customer.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(told(&case(&many)).contains(&("many_recipients", vec![])));
    assert!(!told(&case(&many[1..])).contains(&("many_recipients", vec![])));
}

#[test]
fn a_forgotten_file_is_noticed_in_many_languages() {
    for text in [
        "Please find the offer attached.",
        "See ATTACHMENT",
        "Enclosed you'll find…",
        "Anbei die Rechnung.",
        "Das Angebot ist im Anhang.",
        "Die Datei ist angehängt.",
        "Die Datei ist angeha\u{308}ngt.",
        "Veuillez trouver ci-joint",
        "en pièce jointe",
        "Adjunto la factura",
        "Segue em anexo",
        "In allegato trova",
        "In de bijlage vindt u",
        "Vedhæftet er",
        "Bifogar fakturan",
        "W załączeniu przesyłam",
        "Ve faktuře v příloze.",
        "Файл во вложении",
        "ファイルを添付します",
        "请见附件",
        "파일을 첨부합니다",
        "Ekte bulabilirsiniz",
    ] {
        assert!(speaks_of_attachment(text), "{text}");
        let mut spoken = case(&["bob@customer.example"]);
        spoken.text = "Please find it attached.";
        assert_eq!(told(&spoken), [("missing_attachment", vec![])]);
        spoken.has_files = true;
        assert_eq!(told(&spoken), []);
    }
    for text in ["Thank you.", "> Please find attached", "We are unattached.", "Planlage", "", "🙂"] {
        assert!(!speaks_of_attachment(text), "{text}");
    }
}

#[test]
fn a_mail_without_a_subject_is_noticed() {
    for (subject, empty) in [("", true), ("Re: ", true), ("AW: Re:", true), ("Re: x", false)] {
        let mut mail = case(&["bob@customer.example"]);
        mail.subject = subject;
        assert_eq!(told(&mail) == [("empty_subject", vec![])], empty, "{subject:?}");
    }
}

#[test]
fn answers_that_should_go_elsewhere_are_offered_only() {
    let from = NamedAddress::bare(address("ann@a.example"));
    let other = NamedAddress::bare(address("ann@evil.example"));
    assert!(reply_to_elsewhere(&from, Some(&other)).is_some());
    assert_eq!(reply_to_elsewhere(&from, Some(&from)), None);
    assert_eq!(reply_to_elsewhere(&from, None), None);
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let _ = speaks_of_attachment(&text);
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        // What only stands in a quote is nobody's promise; a line break of another kind may end the quote.
        if !text.contains(['\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            prop_assert!(!speaks_of_attachment(&quoted));
        }
    }
}
