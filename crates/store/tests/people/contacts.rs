//! The sidebar's contact: all of it, and only for those who may see it (ACC-2, SDB-1).

use crate::world::World;
use postroom_domain::{
    access::{Actor, Role},
    ids::ContactId,
};
use postroom_store::{DealStatus, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows of a workspace, made as an importer would: this part of the page has no use cases that write yet.
struct Rows<'a> {
    world: &'a World,
    owner: Actor,
}

impl Rows<'_> {
    fn insert(&self, table: &str, values: &[(&str, String)]) -> Uuid {
        let id = Uuid::now_v7();
        let names: String = values.iter().map(|(name, _)| format!(", {name}")).collect();
        let texts: String = values.iter().map(|(_, value)| format!(", {value}")).collect();
        let workspace = self.owner.workspace_id;
        self.world.execute(&format!(
            "INSERT INTO {table} (workspace_id, id{names}) VALUES ('{workspace}', '{id}'{texts})"
        ));
        id
    }

    fn contact(&self, owner: Actor, address: &str) -> ContactId {
        let id =
            self.insert("contacts", &[("owner_id", quoted(owner.user_id)), ("first_name", "'Bob'".into())]);
        let of = ("contact_id", quoted(id));
        self.insert("contact_emails", &[of, ("address", quoted(address)), ("is_primary", "true".into())]);
        ContactId(id)
    }

    fn field(&self, entity: &str, key: &str, position: i32) -> Uuid {
        let values = [("entity", entity), ("key", key), ("label", key), ("type", "text")];
        let mut values: Vec<_> = values.iter().map(|(name, value)| (*name, quoted(value))).collect();
        values.push(("position", position.to_string()));
        self.insert("custom_field_definitions", &values)
    }

    /// A conversation of `owner`'s with a primary contact, and a further party of its thread.
    fn conversation(&self, owner: Actor, primary: ContactId, party: &str) {
        let [mailbox, thread, message] = std::array::from_fn(|_| Uuid::now_v7());
        let (workspace, owner, primary) =
            (quoted(self.owner.workspace_id), quoted(owner.user_id), quoted(primary));
        // Only the rows that decide who sees whom: the thread with its messages is left out.
        self.world.execute(&format!(
            "SET session_replication_role = replica;
             INSERT INTO thread_parties (workspace_id, thread_id, address) VALUES ({workspace}, '{thread}', '{party}');
             INSERT INTO conversations (workspace_id, id, number, thread_id, mailbox_id, subject, status, owner_id,
                primary_contact_id, unread, last_activity_at, message_count, has_attachments, last_message_id,
                last_message_direction, last_message_automatic, last_message_preview, last_message_at, last_sender_kind,
                last_sender_name, last_sender_address)
             VALUES ({workspace}, '{message}', (SELECT count(*) + 1 FROM conversations), '{thread}', '{mailbox}', 's', 'open',
                {owner}, {primary}, false, now(), 1, false, '{message}', 'inbound', false, '', now(), 'contact', '', '')"
        ));
    }
}

fn quoted(value: impl ToString) -> String {
    format!("'{}'", value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidebar_has_everything_also_what_is_empty() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let rows = Rows { world: &world, owner };
    let [since, plan] = [rows.field("contact", "since", 2), rows.field("contact", "plan", 1)];
    let removed = rows.field("contact", "removed", 3);
    world.execute(&format!("UPDATE custom_field_definitions SET removed_at = now() WHERE id = '{removed}'"));
    let [region, margin] = [rows.field("company", "region", 1), rows.field("deal", "margin", 1)];
    let bob = rows.contact(owner, "bob@customer.example");
    let of_bob = || ("contact_id", quoted(bob));
    rows.insert(
        "contact_emails",
        &[of_bob(), ("address", quoted("bob@home.example")), ("is_primary", "false".into())],
    );
    let values = |value: Value| ("custom_fields", quoted(value));
    let company = rows.insert(
        "companies",
        &[("name", quoted("Customer Ltd")), values(json!({ region.to_string(): "EMEA" }))],
    );
    world.execute(&format!(
        "UPDATE contacts SET company_id = '{company}', last_name = 'Fisher', city = 'Graz', custom_fields = '{}' WHERE id = '{bob}'",
        json!({ plan.to_string(): "Pro", removed.to_string(): "gone" })
    ));
    let mut deals = Vec::new();
    for (name, amount) in [("Old", "125000"), ("New", "99")] {
        let values = [("name", quoted(name)), ("amount_minor", amount.into()), ("currency", quoted("EUR"))];
        let deal = rows.insert("deals", &[&values[..], &[("owner_id", quoted(owner.user_id))]].concat());
        let workspace = owner.workspace_id;
        world.execute(&format!("INSERT INTO contact_deals VALUES ('{workspace}', '{bob}', '{deal}')"));
        deals.push(deal);
    }

    let contact = world.store.contact(&owner, bob).await.unwrap();
    assert_eq!((contact.name().as_str(), contact.address.city.as_deref()), ("Bob Fisher", Some("Graz")));
    let emails: Vec<_> = contact.emails.iter().map(|email| (email.address.as_str(), email.primary)).collect();
    assert_eq!(emails, [("bob@customer.example", true), ("bob@home.example", false)]);
    let fields: Vec<_> = contact
        .custom_fields
        .iter()
        .map(|field| (field.definition.key.as_str(), field.value.clone()))
        .collect();
    assert_eq!(
        fields,
        [("plan", json!("Pro")), ("since", Value::Null)],
        "in their order, the empty ones too"
    );
    assert!(contact.custom_fields.iter().any(|field| field.definition.id.0 == since));
    assert_eq!((contact.owner.id, contact.owner.name.as_str()), (owner.user_id, "Olga Owner"));
    let company = contact.company.unwrap();
    assert_eq!((company.name.as_str(), &company.custom_fields[0].value), ("Customer Ltd", &json!("EMEA")));
    let found: Vec<_> = contact
        .deals
        .iter()
        .map(|deal| (deal.id.0, deal.status, deal.amount.clone().unwrap().to_string()))
        .collect();
    let expected = [
        (deals[1], DealStatus::Open, "0.99 EUR".to_owned()),
        (deals[0], DealStatus::Open, "1250.00 EUR".to_owned()),
    ];
    assert_eq!(found, expected, "whole, the newest first");
    assert_eq!(contact.deals[0].custom_fields[0].definition.id.0, margin);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_member_sees_whom_they_deal_with() {
    let world = World::new();
    let owner = world.workspace("acme").await;
    let stranger = world.workspace("other").await;
    let [manager, tim] = [
        world.user("acme", "manager", Role::Manager).await,
        world.user("acme", "tim", Role::TeamMember).await,
    ];
    let rows = Rows { world: &world, owner };
    let owned = rows.contact(tim, "owned@customer.example");
    let primary = rows.contact(owner, "primary@customer.example");
    let copied_in = rows.contact(owner, "copied@customer.example");
    let unrelated = rows.contact(owner, "unrelated@customer.example");
    let others = rows.contact(owner, "others@customer.example");
    rows.conversation(tim, primary, "copied@customer.example");
    rows.conversation(owner, others, "others@customer.example");

    let sees = async |actor: &Actor, id| match world.store.contact(actor, id).await {
        Ok(contact) => contact.id == id,
        Err(StoreError::NotFound) => false,
        Err(error) => panic!("{error}"),
    };
    let all = [owned, primary, copied_in, unrelated, others];
    let mut seen = Vec::new();
    for actor in [&owner, &manager, &tim, &stranger] {
        let mut row = Vec::new();
        for id in all {
            row.push(sees(actor, id).await);
        }
        seen.push(row);
    }
    assert_eq!(seen, [vec![true; 5], vec![true; 5], vec![true, true, true, false, false], vec![false; 5]]);
    assert!(!sees(&owner, ContactId(Uuid::new_v4())).await, "one that never was looks the same");
}
