//! What users ask of contacts, companies, deals and each other: what the rules answer (ACC-2 to ACC-5, SDB-2 to SDB-4),
//! and that it is so.

use super::{
    action::{Call, IfMatch, Pick},
    pages::Watcher,
    play::{History, NOT_FOUND, Told, WRONG, Who, numbered},
    site::CUSTOMERS,
    state::{Company, Deal},
};
use postroom_domain::{access::Role, ids::UserId};
use postroom_testkit::client::Answer;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["Ann", "Bo", "Chris"];
const FURTHER_ADDRESSES: [&str; 3] = ["ann@home.example", "office@north.example", "hello@south.example"];

impl History<'_> {
    pub(super) fn call_about_customers(&mut self, who: Who, call: &Call) -> Told<()> {
        match call {
            Call::Contact(of) => self.sidebar(who, *of),
            Call::EditContact { of, first_name, owner, version } => {
                self.edit_contact(who, *of, (*first_name, *owner), *version)
            }
            Call::AddEmail { of, address, primary } => self.add_email(who, *of, *address, *primary),
            Call::NewCompany => self.new_company(who),
            Call::Company(of) => self.company(who, *of),
            Call::SetCompany { of, company, version } => self.set_company(who, *of, *company, *version),
            Call::NewDeal => self.new_deal(who),
            Call::Deal(of) => self.deal(who, *of),
            Call::SetDeal { of, deal, there, version } => self.set_deal(who, *of, (*deal, *there), *version),
            Call::Rename(name) => self.rename(who, *name),
            Call::Deactivate { who: of, heir } => self.deactivate(who, *of, *heir),
            Call::Activate(of) => self.activate(who, *of),
            Call::ChangeRole { who: of, role } => self.change_role(who, *of, *role),
            _ => unreachable!("about conversations"),
        }
    }

    fn judge_contact(
        &self,
        who: Who,
        here: Option<usize>,
        version: IfMatch,
    ) -> Result<usize, (u16, &'static str)> {
        let contact = here.filter(|contact| self.model(who).sees_contact(who.user, *contact));
        match (contact, version) {
            (None, _) => Err(NOT_FOUND),
            (Some(_), IfMatch::Stale) => Err((412, "stale_version")),
            (Some(contact), _) => Ok(contact),
        }
    }

    /// Asks for a change of a contact.
    fn change_contact(
        &self,
        who: Who,
        here: Option<usize>,
        version: IfMatch,
        judged: Result<usize, (u16, &'static str)>,
        (method, path, body): (&str, &str, Option<&Value>),
    ) -> Told<Answer> {
        let present = here.map_or(1, |contact| self.model(who).contacts[contact].version);
        let expected = Self::if_match(version, present);
        let headers: Vec<_> = expected.iter().map(|version| ("if-match", version.as_str())).collect();
        self.ask(who, judged.map(|_| 200), (method, path), &headers, body)
    }

    fn sidebar(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.contact(who, of);
        let judged = self.judge_contact(who, thing.here, IfMatch::Absent);
        let path = format!("/v1/contacts/{}", thing.id);
        let answer = self.ask(who, judged.map(|_| 200), ("GET", &path), &[], None)?;
        match judged {
            Ok(contact) if answer.status == 200 => self.compare_sidebar(who.office, who.user, contact),
            _ => Ok(()),
        }
    }

    fn edit_contact(
        &mut self,
        who: Who,
        of: Pick,
        (name, owner): (Option<Option<usize>>, Option<Pick>),
        version: IfMatch,
    ) -> Told<()> {
        let thing = self.contact(who, of);
        let owner = owner.map(|pick| self.colleague(who, pick));
        let heir = owner.as_ref().and_then(|owner| owner.here);
        let heir = heir.filter(|user| self.model(who).users[*user].active);
        let judged = self.judge_contact(who, thing.here, version);
        let judged = judged
            .and_then(|contact| if owner.is_some() && heir.is_none() { Err(WRONG) } else { Ok(contact) });
        let name = name.map(|name| name.map(|at| NAMES[at]));
        let mut body = json!({});
        if let Some(name) = name {
            body["first_name"] = json!(name);
        }
        if let Some(owner) = &owner {
            body["owner_id"] = json!(owner.id);
        }
        let path = format!("/v1/contacts/{}", thing.id);
        let answer = self.change_contact(who, thing.here, version, judged, ("PATCH", &path, Some(&body)))?;
        let (200, Ok(at)) = (answer.status, judged) else { return Ok(()) };
        let contact = &mut self.model_mut(who).contacts[at];
        let before = (contact.first_name.clone(), contact.owner);
        if let Some(name) = name {
            contact.first_name = name.map(str::to_owned);
        }
        contact.owner = heir.unwrap_or(contact.owner);
        if before != (contact.first_name.clone(), contact.owner) {
            self.model_mut(who).edited(at);
        }
        super::compare::same("the answer", &self.model(who).sidebar(at), &answer.body)
    }

    /// ACC-4: an address is one contact's, and none of ours.
    fn add_email(&mut self, who: Who, of: Pick, address: usize, primary: bool) -> Told<()> {
        let thing = self.contact(who, of);
        let judged = self.judge_contact(who, thing.here, IfMatch::Absent);
        let ours = self.model(who).users[0].email.clone();
        let customers = CUSTOMERS.iter().map(|(address, _)| *address);
        let pool: Vec<&str> = customers.chain(FURTHER_ADDRESSES).chain([ours.as_str()]).collect();
        let address = pool[address % pool.len()];
        let taken = address == ours || self.model(who).contact_of(address).is_some();
        let judged = judged.and_then(|contact| if taken { Err(WRONG) } else { Ok(contact) });
        let path = format!("/v1/contacts/{}/emails", thing.id);
        let body = json!({"address": address, "primary": primary});
        let answer = self.ask(who, judged.map(|_| 201), ("POST", &path), &[], Some(&body))?;
        if let (201, Ok(at)) = (answer.status, judged) {
            let emails = &mut self.model_mut(who).contacts[at].emails;
            let place = if primary { 0 } else { emails.len() };
            emails.insert(place, address.to_owned());
            self.model_mut(who).edited(at);
        }
        Ok(())
    }

    fn new_company(&mut self, who: Who) -> Told<()> {
        let body = json!({"name": "Lakeside"});
        let answer = self.ask(who, Ok(201), ("POST", "/v1/companies"), &[], Some(&body))?;
        if answer.status == 201 {
            let id = answer.body["id"].as_str().unwrap().to_owned();
            let model = self.model_mut(who);
            model.companies.push(Company { id, made_by: who.user });
            model.tell(&["company.updated"]);
        }
        Ok(())
    }

    fn company(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.thing(who, of, |model| numbered(model.companies.iter().map(|one| &one.id)));
        let sees = thing.here.is_some_and(|company| self.model(who).sees_company(who.user, company));
        let verdict = if sees { Ok(200) } else { Err(NOT_FOUND) };
        self.ask(who, verdict, ("GET", &format!("/v1/companies/{}", thing.id)), &[], None).map(drop)
    }

    /// SDB-3: any company of the workspace.
    fn set_company(&mut self, who: Who, of: Pick, company: Option<Pick>, version: IfMatch) -> Told<()> {
        let thing = self.contact(who, of);
        let company = company
            .map(|pick| self.thing(who, pick, |model| numbered(model.companies.iter().map(|one| &one.id))));
        let judged = self.judge_contact(who, thing.here, version);
        let judged = judged.and_then(|contact| match &company {
            Some(company) if company.here.is_none() => Err(WRONG),
            _ => Ok(contact),
        });
        let path = format!("/v1/contacts/{}/company", thing.id);
        let body = company.as_ref().map(|company| json!({"company_id": company.id}));
        let method = if company.is_some() { "PUT" } else { "DELETE" };
        let answer = self.change_contact(who, thing.here, version, judged, (method, &path, body.as_ref()))?;
        if let (200, Ok(at)) = (answer.status, judged) {
            let company = company.and_then(|company| company.here);
            if self.model(who).contacts[at].company != company {
                self.model_mut(who).contacts[at].company = company;
                self.model_mut(who).edited(at);
            }
        }
        Ok(())
    }

    fn new_deal(&mut self, who: Who) -> Told<()> {
        let answer = self.ask(who, Ok(201), ("POST", "/v1/deals"), &[], Some(&json!({"name": "Boats"})))?;
        if answer.status == 201 {
            let id = answer.body["id"].as_str().unwrap().to_owned();
            let model = self.model_mut(who);
            model.deals.push(Deal { id, owner: who.user });
            model.tell(&["deal.updated"]);
        }
        Ok(())
    }

    fn deal(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.thing(who, of, |model| numbered(model.deals.iter().map(|one| &one.id)));
        let sees = thing.here.is_some_and(|deal| self.model(who).sees_deal(who.user, deal));
        let verdict = if sees { Ok(200) } else { Err(NOT_FOUND) };
        let answer = self.ask(who, verdict, ("GET", &format!("/v1/deals/{}", thing.id)), &[], None)?;
        match thing.here {
            Some(deal) if answer.status == 200 => {
                let owner = &self.model(who).users[self.model(who).deals[deal].owner].id;
                super::compare::same("the deal", &json!({"owner": {"id": owner}}), &answer.body)
            }
            _ => Ok(()),
        }
    }

    /// SDB-3: any deal of the workspace; what isn't associated is taken off by doing nothing.
    fn set_deal(&mut self, who: Who, of: Pick, (deal, there): (Pick, bool), version: IfMatch) -> Told<()> {
        let thing = self.contact(who, of);
        let deal = self.thing(who, deal, |model| numbered(model.deals.iter().map(|one| &one.id)));
        let visible = self.judge_contact(who, thing.here, IfMatch::Absent);
        let judged = visible.and_then(|_| match deal.here {
            None if there => Err(NOT_FOUND),
            _ => self.judge_contact(who, thing.here, version),
        });
        let path = format!("/v1/contacts/{}/deals/{}", thing.id, deal.id);
        let method = if there { "PUT" } else { "DELETE" };
        let answer = self.change_contact(who, thing.here, version, judged, (method, &path, None))?;
        if let (200, Ok(at), Some(deal)) = (answer.status, judged, deal.here) {
            let deals = &mut self.model_mut(who).contacts[at].deals;
            if if there { deals.insert(deal) } else { deals.remove(&deal) } {
                self.model_mut(who).edited(at);
            }
        }
        Ok(())
    }

    fn rename(&mut self, who: Who, name: usize) -> Told<()> {
        let name = format!("{} {name}", ["Olga", "Mia", "Tom", "Tim"][who.user]);
        let answer = self.ask(who, Ok(200), ("PATCH", "/v1/me"), &[], Some(&json!({"name": name})))?;
        let user = &mut self.model_mut(who).users[who.user];
        if answer.status == 200 && user.name != name {
            user.name = name;
            self.model_mut(who).tell(&["user.updated"]);
        }
        Ok(())
    }

    /// ACC-2: a user exists for everybody while they are active, else for who manages users, who alone change them.
    fn judge_user(&self, who: Who, here: Option<usize>) -> Result<usize, (u16, &'static str)> {
        let model = self.model(who);
        let manages = model.manages_users(who.user);
        let user = here.filter(|user| manages || model.users[*user].active).ok_or(NOT_FOUND)?;
        if manages { Ok(user) } else { Err((403, "role_not_allowed")) }
    }

    fn change_user(
        &self,
        who: Who,
        id: &str,
        judged: Result<usize, (u16, &'static str)>,
        body: &Value,
    ) -> Told<bool> {
        let path = format!("/v1/users/{id}");
        let answer = self.ask(who, judged.map(|_| 200), ("PATCH", &path), &[], Some(body))?;
        Ok(answer.status == 200)
    }

    fn deactivate(&mut self, who: Who, of: Pick, heir: Option<Pick>) -> Told<()> {
        let thing = self.colleague(who, of);
        let heir = heir.map(|pick| self.colleague(who, pick));
        let judged = self.judge_user(who, thing.here).and_then(|user| {
            let users = &self.model(who).users;
            let stays = users[user].active && (user == 0 || user == who.user);
            let fits = |heir: usize| heir != user && users[heir].active;
            let inherits = heir.as_ref().is_none_or(|heir| heir.here.is_some_and(fits));
            if stays || !inherits { Err(WRONG) } else { Ok(user) }
        });
        let mut body = json!({"active": false});
        if let Some(heir) = &heir {
            body["reassign_to"] = json!(heir.id);
        }
        let changed = self.change_user(who, &thing.id, judged, &body)?;
        if let (true, Ok(user)) = (changed, judged)
            && self.model(who).users[user].active
        {
            let heir = heir.and_then(|heir| heir.here).unwrap_or(0);
            self.model_mut(who).deactivate(user, heir);
            let office = &mut self.offices[who.office];
            for (mailbox, reader) in office.model.mailboxes.iter().zip(&mut office.readers) {
                if mailbox.user == Some(user) {
                    *reader = None;
                }
            }
        }
        Ok(())
    }

    fn activate(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.colleague(who, of);
        let judged = self.judge_user(who, thing.here);
        let changed = self.change_user(who, &thing.id, judged, &json!({"active": true}))?;
        if let (true, Ok(user)) = (changed, judged)
            && !self.model(who).users[user].active
        {
            let model = self.model_mut(who);
            model.users[user].active = true;
            model.tell(&["user.updated"]);
            // What they had open is gone: they sign in, and load their page.
            let id: UserId = uuid_of(&thing.id);
            let session = self.site.sign_in(self.offices[who.office].id, id);
            self.offices[who.office].people[user] = Watcher::new(&self.site.world, session);
        }
        Ok(())
    }

    fn change_role(&mut self, who: Who, of: Pick, role: Role) -> Told<()> {
        let thing = self.colleague(who, of);
        let judged = self.judge_user(who, thing.here).and_then(|user| {
            let changes = self.model(who).users[user].role != role;
            if changes && (user == 0 || user == who.user) { Err(WRONG) } else { Ok(user) }
        });
        let changed = self.change_user(who, &thing.id, judged, &json!({"role": role.as_str()}))?;
        if let (true, Ok(user)) = (changed, judged)
            && self.model(who).users[user].role != role
        {
            let model = self.model_mut(who);
            model.users[user].role = role;
            model.tell(&["user.updated", "view.reset"]);
            // It is theirs alone.
            model.events.last_mut().unwrap().told = false;
        }
        Ok(())
    }
}

fn uuid_of(id: &str) -> UserId {
    serde_json::from_value(json!(id)).unwrap()
}
