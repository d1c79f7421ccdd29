//! The sidebar: contacts, companies and deals.

use super::{Begun, PICTURE, Story, text};
use postroom_testkit::recording::Sent;
use serde_json::json;

impl Story {
    pub(super) fn customers(&mut self, begun: &Begun) {
        let olga = self.olga.clone();
        let company = json!({"name": "Customer Ltd.", "domain": "customer.example", "industry": "Cafés"});
        let company = self.show("create_company", &olga, ("POST", "/v1/companies"), Some(company));
        let deal = json!({"name": "Fifty grinders", "amount": {"amount": "12450.00", "currency": "EUR"},
            "stage": "Offer", "expected_close_on": "2026-04-30"});
        let deal = self.show("create_deal", &olga, ("POST", "/v1/deals"), Some(deal));
        let of_company = format!("/v1/companies/{}", text(&company, "/id"));
        let of_deal = format!("/v1/deals/{}", text(&deal, "/id"));
        self.show("list_companies", &olga, ("GET", "/v1/companies?q=customr"), None);
        self.show("list_deals", &olga, ("GET", "/v1/deals?q=grind"), None);
        self.show("get_company", &olga, ("GET", &of_company), None);
        self.show("get_deal", &olga, ("GET", &of_deal), None);
        self.show(
            "update_company",
            &olga,
            ("PATCH", &of_company),
            Some(json!({"website": "https://customer.example"})),
        );
        self.show(
            "update_deal",
            &olga,
            ("PATCH", &of_deal),
            Some(json!({"stage": "Signed", "status": "won"})),
        );

        let contact = &begun.contact;
        let belongs = json!({"company_id": company["id"]});
        self.show("set_contact_company", &olga, ("PUT", &format!("{contact}/company")), Some(belongs));
        let theirs = format!("{contact}/deals/{}", text(&deal, "/id"));
        self.show("add_contact_deal", &olga, ("PUT", &theirs), None);
        let edited = json!({"title": "Head of Purchasing", "phone": "+1 555 0123",
            "custom_fields": {"plan": "Pro", "since": "2024-05-01"}});
        self.show("update_contact", &olga, ("PATCH", contact), Some(edited));
        let form = Sent::Raw(PICTURE.0, PICTURE.1);
        let picture = ("PUT", format!("{contact}/avatar"));
        let picture = (picture.0, picture.1.as_str());
        self.sends(Some("operations/set_contact_avatar"), &olga, picture, &[], form).expect(200).unwrap();
        self.show("remove_contact_avatar", &olga, ("DELETE", picture.1), None);
        self.show("get_contact", &olga, ("GET", contact), None);
        self.show("list_contacts", &olga, ("GET", "/v1/contacts?q=fisher"), None);

        let second = json!({"address": "bob@home.example"});
        let emails = format!("{contact}/emails");
        let with = self.show("add_contact_email", &olga, ("POST", &emails), Some(second));
        let email = format!("{emails}/{}", text(&with, "/emails/1/id"));
        let corrected = json!({"address": "bob.fisher@home.example"});
        self.show("update_contact_email", &olga, ("PATCH", &email), Some(corrected));
        self.show("remove_contact_email", &olga, ("DELETE", &email), None);
        self.show("remove_contact_deal", &olga, ("DELETE", &theirs), None);
        self.show("remove_contact_company", &olga, ("DELETE", &format!("{contact}/company")), None);
        let new =
            json!({"first_name": "Eva", "last_name": "Stone", "emails": [{"address": "eva@stone.example"}]});
        self.show("create_contact", &olga, ("POST", "/v1/contacts"), Some(new));
    }
}
