//! The pages whose commands people copy are right: they are run as they stand, against a real server with real mail.

use postroom_testkit::{
    checkout,
    client::{Anonymous, Caller, SignedIn},
    letter::{Attachment, Letter},
    process::temporary_directory,
    server::Person,
    walkthrough::walk,
};
use std::fs;

use crate::world::{World, eventually};

/// The workspace, people and password of the demo, which the pages name.
const PEOPLE: [(&str, &str, &str); 3] = [
    ("Olivia Brandt", "olivia@kestrel.example", "owner"),
    ("Mei Tanaka", "mei@kestrel.example", "manager"),
    ("Ines Okoro", "ines@kestrel.example", "team_member"),
];
const PASSWORD: &str = "kestrel demo";

/// Makes the workspace, with one mailbox to which customers have written; gives its owner, signed in.
pub(crate) fn kestrel(world: &World, support: &str) -> SignedIn {
    for (name, email, role) in PEOPLE {
        let person = Person { email: email.into(), name: name.into(), password: PASSWORD.into() };
        if role == "owner" {
            world.installation.make_workspace("kestrel", "Kestrel Coffee Machines", &person).unwrap();
        } else {
            world.installation.make_user("kestrel", &person, role).unwrap();
        }
    }
    let olivia = Anonymous::at(&world.base).sign_in("kestrel", "olivia@kestrel.example", PASSWORD).unwrap();
    let ports = world.mail.ports();
    let (imap, smtp) = ((ports.imaps, "tls"), (ports.smtp, "starttls"));
    world.shared_mailbox_at(&olivia, support, imap, smtp, "first_inbound");
    let order = Attachment {
        filename: "order.txt".into(),
        content_type: "text/plain".into(),
        content: b"1 grinder, 249.00 EUR\r\n".to_vec(),
    };
    let letter = |from: &str, subject: &str, text: &str| Letter::new(from, support, subject, text);
    let letters = [
        letter("Ben Ode <ben@ode.example>", "Invoice 77", "Could you send it again?"),
        letter("Carla Ruiz <carla@ruiz.example>", "The grinder is loud", "Is that how it should be?"),
        Letter {
            attachments: vec![order],
            ..letter(
                "Lina Berg <lina@customer.example>",
                "Order 1234",
                "Where is it?\n\nOn Monday, Kestrel Support wrote:\n> It leaves our house today.\n",
            )
        },
    ];
    for (letter, count) in letters.iter().zip(1..) {
        world.send(letter);
        eventually("the customer's mail is in the stream", || Ok((stream(&olivia)? == count).then_some(())));
    }
    olivia
}

fn stream(by: &SignedIn) -> postroom_testkit::Result<usize> {
    Ok(by.all("/v1/conversations?view=all")?.len())
}

/// Follows a page in a workspace of its own; `heading` is where it begins.
fn follow(name: &str, page: &str, heading: &str, support: &str) {
    // curl notices that nobody reads its output any more when the next heartbeat comes.
    let world = World::with(name, |settings| {
        settings.set("POSTROOM_LIVE_HEARTBEAT", "500ms");
    });
    kestrel(&world, support);
    let text = fs::read_to_string(checkout().join(page)).unwrap();
    let begin = text.find(heading).unwrap_or_else(|| panic!("{page} has no {heading}"));
    let end = text[begin + 3..].find("\n## Running it").map_or(text.len(), |end| begin + 3 + end);
    // The lines before keep their numbers.
    let text = "\n".repeat(text[..begin].matches('\n').count()) + &text[begin..end];
    let text = text.replace("http://127.0.0.1:PORT", &world.base);
    let faults = walk(&text, &temporary_directory(name).unwrap(), &[("API", &world.base)]).unwrap();
    assert!(faults.is_empty(), "{page}:\n{}", faults.join("\n"));
}

#[test]
fn the_integrators_page_is_right() {
    follow("integrating", "docs/integrating.md", "# Integrating", "support@kestrel.example");
}

#[test]
fn the_readmes_tour_is_right() {
    follow("tour", "README.md", "## A tour", "support@tour.test");
}
