use crate::parse;

/// Address, action and status.
type Recipient = (String, String, Option<String>);

/// The recipients and the returned mail's Message-ID.
fn found(raw: &str) -> Option<(Vec<Recipient>, Option<String>)> {
    let bounce = parse(raw.as_bytes()).bounce?;
    let recipients = bounce.recipients.into_iter().map(|r| (r.address, r.action, r.status)).collect();
    Some((recipients, bounce.original_message_id))
}

fn one(address: &str, action: &str, status: Option<&str>) -> Vec<Recipient> {
    vec![(address.to_owned(), action.to_owned(), status.map(str::to_owned))]
}

#[test]
fn reads_the_standard_report() {
    let raw = "From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type=delivery-status; \
               boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; \
               mx.example\n\nFinal-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.0.0\n\
               Diagnostic-Code: smtp; 550 5.1.1 <ann@example.com> User unknown\n\n\
               Final-Recipient: rfc822; bob@example.com\nAction: delivered\nStatus: 2.0.0\n--b\n\
               Content-Type: message/rfc822\n\nMessage-ID: <1@example.org>\nTo: ann@example.com\n\nHi\n--b--\n";
    assert_eq!(
        found(raw),
        Some((one("ann@example.com", "failed", Some("5.1.1")), Some("1@example.org".into())))
    );
    assert_eq!(
        parse(raw.as_bytes()).bounce.unwrap().recipients[0].reason,
        "550 5.1.1 <ann@example.com> User unknown"
    );
}

#[test]
fn a_confirmation_of_delivery_is_no_bounce() {
    let raw = "From: MAILER-DAEMON@mx.example\nSubject: Delivery Status Notification (Success)\n\
               Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nDelivered.\n--b\n\
               Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n\
               Final-Recipient: rfc822; ann@example.com\nAction: delivered\nStatus: 2.0.0\n--b--\n";
    assert_eq!(found(raw), None);
}

#[test]
fn reads_reports_in_prose() {
    let exim = "Return-Path: <>\nFrom: Mail Delivery System <Mailer-Daemon@mx.example>\n\
                X-Failed-Recipients: ann@example.com\nSubject: Mail delivery failed: returning message to sender\n\n\
                A message that you sent could not be delivered.\n\n  ann@example.com\n    550 5.1.1 no such user\n\n\
                ------ This is a copy of the message, including all the headers. ------\n\n\
                Message-Id: <1@example.org>\nTo: ann@example.com\n";
    assert_eq!(
        found(exim),
        Some((one("ann@example.com", "failed", Some("5.1.1")), Some("1@example.org".into())))
    );
    let qmail = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: bob@example.org\nSubject: failure notice\n\n\
                 Hi. This is the qmail-send program.\nI'm afraid I wasn't able to deliver your message.\n\n\
                 <ann@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n\
                 --- Below this line is a copy of the message.\n\nMessage-ID: <2@example.org>\nFrom: bob@example.org\n";
    assert_eq!(
        found(qmail),
        Some((one("ann@example.com", "failed", Some("5.1.1")), Some("2@example.org".into())))
    );
    let delay = "From: Mail Delivery System <Mailer-Daemon@mx.example>\nSubject: Warning: message delayed 24 hours\n\n\
                 The address to which the message has not yet been delivered is:\n\n  ann@example.com\n";
    assert_eq!(found(delay), Some((one("ann@example.com", "delayed", None), None)));
}

/// A server's answer of several lines stands in reports as it came, and ended the fields.
#[test]
fn reads_a_report_with_unfolded_lines() {
    let raw = "From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n\
               Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
               Diagnostic-Code: smtp; 550-Please sign in first.\n550-mx.example [192.0.2.1]:25 may not\n\
               550 relay through us.\nStatus: 5.7.0\nAction: failed\nFinal-Recipient: rfc822; ann@example.com\n--b--\n";
    assert_eq!(found(raw), Some((one("ann@example.com", "failed", Some("5.7.0")), None)));
}

/// Gateways that know nothing of parts: the report's fields stand in the text, in any order, and so does what came back.
#[test]
fn reads_a_report_within_a_text() {
    let raw = "From: MAILER-DAEMON@mx.example\nTo: bob@example.org\nSubject: Delivery has failed\n\n\
               Your message cannot be delivered.\nMessage-ID: <report@mx.example>\n\n\
               Action: failed\nStatus: 5.0.0\nFinal-recipient: rfc822;ann@example.com\n\
               Diagnostic-code: smtp; 550 5.7.1 No\n\nAction: failed\nStatus: 5.1.1\n\
               Original-recipient: rfc822;eve@example.com\nFinal-recipient: rfc822;eve@mx.example.com\n\n\
               Received: from a by b\nMessage-ID: <1@example.org>\nTo: ann@example.com\n";
    let both =
        [one("ann@example.com", "failed", Some("5.7.1")), one("eve@mx.example.com", "failed", Some("5.1.1"))];
    assert_eq!(found(raw), Some((both.concat(), Some("1@example.org".into()))));
}

#[test]
fn reads_a_report_that_a_gateway_passes_on() {
    let raw = "From: MAILER-DAEMON@gateway.example\nSubject: Returned mail\nContent-Type: multipart/mixed; boundary=a\n\n\
               --a\n\nThe following addresses had permanent fatal errors:\n--a\nContent-Type: message/rfc822\n\n\
               Message-ID: <report@mx.example>\nTo: bob@example.org\n\
               Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n\
               Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
               Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n--b\n\
               Content-Type: message/rfc822\n\nMessage-ID: <1@example.org>\n\nHi\n--b--\n--a--\n";
    assert_eq!(
        found(raw),
        Some((one("ann@example.com", "failed", Some("5.1.1")), Some("1@example.org".into())))
    );
}

#[test]
fn tells_recipients_from_others_that_a_report_names() {
    let shown = "Return-Path: <>\nFrom: System Administrator <postmaster@mx.example>\nSubject: Undeliverable: Hi\n\n\
                 Your message\n\n  To:      team@example.com\n  Subject: Hi\n\ndid not reach the following recipient(s):\n\n\
                 c=US;dda:SMTP=ann@example.com; on Friday\n  The recipient name is not recognized\n";
    assert_eq!(found(shown), Some((one("ann@example.com", "failed", None), None)));
    let sender = "From: MAILER-DAEMON@mx.example\nSubject: Mail Delivery Problem\n\n\
                  Your mail could not be delivered because they take none from team@example.com.\n";
    assert_eq!(found(sender), Some((Vec::new(), None)));
}

/// The null return path, a report's words and the mail that came back: the subject may say anything.
#[test]
fn reads_a_report_under_any_subject() {
    let mail = |second: &str| {
        format!(
            "Return-Path: <>\nFrom: no-reply@phone.example\nSubject: Mail\nContent-Type: multipart/mixed; boundary=b\n\n\
             --b\n\nYour mail could not be delivered to: <ann@phone.example>\nAs their mailbox is full.\n{second}--b--\n"
        )
    };
    let returned = "--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@example.org>\n\nHi\n";
    let bounce = Some((one("ann@phone.example", "failed", None), Some("1@example.org".into())));
    assert_eq!((found(&mail(returned)), found(&mail(""))), (bounce, None));
}

#[test]
fn people_do_not_bounce() {
    for raw in [
        "From: Ann <ann@example.com>\nSubject: Re: mail delivery\nX-Mailer: x\n\nMy mail could not be delivered to \
         bob@example.com, what now?\n",
        "From: Ann <ann@example.com>\nSubject: Fwd: Undelivered Mail Returned to Sender\nUser-Agent: x\n\nLook:\n\
         > I'm sorry to inform you that your message could not be delivered\n> <bob@example.com>: user unknown\n",
        "From: Ann <ann@example.com>\nSubject: Mail delivery problem\n\nMy mail to bob@example.com could not be \
         delivered.\n",
        "From: Ann <ann@example.com>\nSubject: Fwd: Returned mail\n\n----- Original message -----\n\n\
         Your message to bob@example.com could not be delivered.\n",
        "Return-Path: <>\nFrom: Ann <ann@example.com>\nAuto-Submitted: auto-replied\nSubject: Out of office\n\n\
         I am away.\n",
        "From: Postmaster <postmaster@example.com>\nSubject: Your new mailbox\n\nWelcome!\n",
        "From: Ann <postmaster@example.com>\nSubject: Re: delivery failure\nIn-Reply-To: <1@example.org>\n\n\
         Your mail to bob@example.com could not be delivered, since his mailbox is full.\n",
        "From: Postmaster <postmaster@example.com>\nSubject: Mail delivery\nUser-Agent: x\n\n\
         We are unable to deliver your mail to bob@example.com.\n\n550 5.1.1 is what our server says.\n",
    ] {
        assert_eq!(found(raw), None, "{raw}");
    }
}

/// People attach reports to ask what they mean: that is mail, and to be answered.
#[test]
fn a_report_attached_by_a_person_is_mail() {
    let body = "--b\n\nWhat does this mean? Our order could not be delivered.\n--b\n\
                Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
                Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n--b--\n";
    let mail =
        |fields: &str, kind: &str| found(&format!("{fields}\nContent-Type: {kind}; boundary=b\n\n{body}"));
    let person = "From: Bob <bob@example.com>\nSubject: Re: Undelivered mail\nIn-Reply-To: <1@example.org>";
    for kind in
        ["multipart/mixed", "multipart/report", "multipart/report; report-type=disposition-notification"]
    {
        assert_eq!(mail(person, kind), None, "{kind}");
        assert_eq!(mail("From: Bob <bob@example.com>\nUser-Agent: x", kind), None, "{kind}");
    }
    assert_eq!(mail("From: Bob <bob@example.com>", "multipart/mixed"), None);
    assert_eq!(mail("From: Bob <postmaster@example.com>\nX-Mailer: x", "multipart/mixed"), None);
    let report = Some((one("ann@example.com", "failed", Some("5.1.1")), None));
    for (fields, kind) in [
        ("From: Bob <bob@example.com>", "multipart/report; report-type=delivery-status"),
        ("From: Bob <bob@example.com>", "multipart/report"),
        ("Return-Path: <>\nFrom: Bob <bob@example.com>\nIn-Reply-To: <1@example.org>", "multipart/mixed"),
        ("From: MAILER-DAEMON@mx.example", "multipart/mixed"),
        // Exchange refers to the mail that came back.
        (
            "From: postmaster@mx.example\nIn-Reply-To: <1@example.org>",
            "multipart/report; report-type=delivery-status",
        ),
    ] {
        assert_eq!(mail(fields, kind), report, "{fields} {kind}");
    }
}
