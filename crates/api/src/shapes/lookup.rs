//! The parameters of lists of contacts, companies and deals.

use super::list::PageQuery;
use crate::form::{At, Form, Request, by, id};
use postroom_domain::{
    field_text::one_line,
    ids::{CompanyId, UserId},
};
use postroom_store::LookUp;
use serde_json::Value;
use utoipa::IntoParams;

/// Longest text that is looked for, in characters.
const MAX_TEXT: usize = 200;

/// Which contacts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContactsQuery {
    /// Name or address, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
    /// all, the newest first.
    #[param(max_length = 200, example = "bob fischer")]
    pub q: Option<String>,
    /// Only contacts of this owner.
    #[param(value_type = Option<Uuid>)]
    pub owner_id: Option<UserId>,
    /// Only contacts of this company.
    #[param(value_type = Option<Uuid>)]
    pub company_id: Option<CompanyId>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

/// Which companies.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CompaniesQuery {
    /// Name or domain, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
    /// those that the caller sees, the newest first.
    #[param(max_length = 200, example = "custmer")]
    pub q: Option<String>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

/// Which deals.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DealsQuery {
    /// The name, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank: those
    /// that the caller sees, the newest first.
    #[param(max_length = 200, example = "fifty saets")]
    pub q: Option<String>,
    /// Only deals of this owner.
    #[param(value_type = Option<Uuid>)]
    pub owner_id: Option<UserId>,
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for ContactsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let q = wanted(form);
        let owner_id = form.optional("owner_id", id::<UserId>);
        let company_id = form.optional("company_id", id::<CompanyId>);
        let PageQuery { limit, cursor } = PageQuery::read(form)?;
        Some(Self { q: q?, owner_id: owner_id?, company_id: company_id?, limit, cursor })
    }
}

impl Request for CompaniesQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let q = wanted(form);
        let PageQuery { limit, cursor } = PageQuery::read(form)?;
        Some(Self { q: q?, limit, cursor })
    }
}

impl Request for DealsQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let q = wanted(form);
        let owner_id = form.optional("owner_id", id::<UserId>);
        let PageQuery { limit, cursor } = PageQuery::read(form)?;
        Some(Self { q: q?, owner_id: owner_id?, limit, cursor })
    }
}

/// `q`; a blank one, such as that of a field that was emptied, is none.
fn wanted(form: &mut Form<'_>) -> Option<Option<String>> {
    let rule = |value: Value, at: &mut At<'_>| match value.as_str().map(str::trim) {
        Some("") => Some(None),
        _ => by(|text| one_line(text, MAX_TEXT))(value, at).map(Some),
    };
    Some(form.optional("q", rule)?.flatten())
}

impl ContactsQuery {
    /// What it asks for, and behind which cursor.
    #[must_use]
    pub fn look_up(self) -> (LookUp, Option<String>) {
        let Self { q, owner_id, company_id, limit, cursor } = self;
        (LookUp { text: q, owner_id, company_id, after: None, limit }, cursor)
    }
}

impl CompaniesQuery {
    /// What it asks for, and behind which cursor.
    #[must_use]
    pub fn look_up(self) -> (LookUp, Option<String>) {
        (LookUp { text: self.q, limit: self.limit, ..LookUp::default() }, self.cursor)
    }
}

impl DealsQuery {
    /// What it asks for, and behind which cursor.
    #[must_use]
    pub fn look_up(self) -> (LookUp, Option<String>) {
        let Self { q, owner_id, limit, cursor } = self;
        (LookUp { text: q, owner_id, limit, ..LookUp::default() }, cursor)
    }
}
