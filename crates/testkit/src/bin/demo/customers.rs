//! What the team knows of its customers: fields of their own, companies, deals.

use std::collections::BTreeMap;

use postroom_testkit::{
    Result,
    client::{Caller, SignedIn},
};
use serde_json::{Value, json};

use crate::office::{MANAGER, Office};

/// So many of the newest conversations have a customer of whom something is known.
const KNOWN: usize = 60;
const TITLES: [&str; 5] = ["Office manager", "Head of purchasing", "Owner", "Barista", "Facility manager"];
const INDUSTRIES: [&str; 4] = ["Hospitality", "Offices", "Bakery", "Education"];
const STAGES: [&str; 4] = ["First talk", "Offer sent", "Negotiation", "Signed"];
/// A deal's name, and what it is about in euros.
const OFFERS: [(&str, &str); 4] = [
    ("Service contract", "1180.00"),
    ("Two grinders", "498.00"),
    ("Espresso machine, lease", "7400.00"),
    ("Beans for a year", "2350.00"),
];

/// Fills what the sidebar shows, the same every time.
pub(crate) fn fill(office: &Office) -> Result<()> {
    let (Some(adam), Some(mei)) = (office.person("adam@kestrel.example"), office.person(MANAGER)) else {
        return Ok(());
    };
    define_fields(adam)?;
    let cards = office.conversations()?;
    let mut companies = BTreeMap::new();
    let contacts = cards.iter().filter_map(|card| card.pointer("/primary_contact/id")?.as_str());
    for (number, contact) in contacts.take(KNOWN).enumerate() {
        describe(mei, contact, number)?;
        if number % 3 != 1 {
            associate(mei, contact, number, &mut companies)?;
        }
        if number % 3 == 0 {
            offer(mei, contact, number)?;
        }
    }
    Ok(())
}

fn define_fields(adam: &SignedIn) -> Result<()> {
    for field in [
        json!({"entity": "contact", "key": "plan", "label": "Plan", "type": "select", "options": ["Basic", "Pro"]}),
        json!({"entity": "contact", "key": "machines", "label": "Machines", "type": "number"}),
        json!({"entity": "contact", "key": "customer_since", "label": "Customer since", "type": "date"}),
        json!({"entity": "contact", "key": "interests", "label": "Interests", "type": "multi_select",
               "options": ["Beans", "Grinders", "Service"]}),
        json!({"entity": "contact", "key": "newsletter", "label": "Newsletter", "type": "boolean"}),
        json!({"entity": "company", "key": "customer_number", "label": "Customer no.", "type": "text"}),
    ] {
        adam.post("/v1/custom-fields", &field)?.expect(201)?;
    }
    Ok(())
}

fn describe(by: &SignedIn, contact: &str, number: usize) -> Result<()> {
    let fields = json!({
        "plan": if number.is_multiple_of(2) { "Pro" } else { "Basic" }, "machines": number % 7 + 1,
        "customer_since": format!("20{}-0{}-14", 15 + number % 10, number % 9 + 1),
        "interests": if number.is_multiple_of(2) { json!(["Beans", "Service"]) } else { json!(["Grinders"]) },
        "newsletter": number.is_multiple_of(3),
    });
    let known = json!({
        "title": of(&TITLES, number), "phone": format!("+44 20 7946 0{:03}", number),
        "time_zone": "Europe/London", "custom_fields": fields,
    });
    by.patch(&format!("/v1/contacts/{contact}"), &known)?.expect(200).map(drop)
}

/// The company that the address names, made where there is none yet.
fn associate(
    by: &SignedIn,
    contact: &str,
    number: usize,
    companies: &mut BTreeMap<String, String>,
) -> Result<()> {
    let path = format!("/v1/contacts/{contact}");
    let address = by.get(&path)?.expect(200)?;
    let address = address.pointer("/emails/0/address").and_then(Value::as_str).unwrap_or_default();
    let Some((_, domain)) = address.split_once('@') else { return Ok(()) };
    if !companies.contains_key(domain) {
        let company = json!({
            "name": title(domain), "domain": domain, "website": format!("https://{domain}"),
            "industry": of(&INDUSTRIES, number),
            "custom_fields": {"customer_number": format!("K-{}", 1040 + number)},
        });
        let made = by.post("/v1/companies", &company)?.expect(201)?;
        companies.insert(domain.to_owned(), id(&made));
    }
    let company = companies.get(domain);
    by.put(&format!("{path}/company"), &json!({"company_id": company}))?.expect(200).map(drop)
}

fn offer(by: &SignedIn, contact: &str, number: usize) -> Result<()> {
    let (name, amount) = OFFERS.get(number / 3 % OFFERS.len()).copied().unwrap_or_default();
    let deal = json!({
        "name": name, "stage": of(&STAGES, number / 3), "amount": {"amount": amount, "currency": "EUR"},
    });
    let deal = by.post("/v1/deals", &deal)?.expect(201)?;
    by.put(&format!("/v1/contacts/{contact}/deals/{}", id(&deal)), &json!({}))?.expect(200).map(drop)
}

fn of<'a>(choices: &[&'a str], number: usize) -> &'a str {
    choices.get(number % choices.len().max(1)).copied().unwrap_or_default()
}

fn id(thing: &Value) -> String {
    thing.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `lakeside-partners.example` is Lakeside Partners.
fn title(domain: &str) -> String {
    let words = domain.split('.').next().unwrap_or_default().split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<_>>().join(" ")
}
