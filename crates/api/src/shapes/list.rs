//! Lists, all alike.

use crate::form::{Form, Request, integer, text};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// How many elements a page has unless its reader says otherwise.
pub const DEFAULT_LIMIT: u16 = 25;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListView<T> {
    /// The elements.
    pub data: Vec<T>,
    /// What to ask with for the next page (`cursor`); null on the last one.
    pub next_cursor: Option<String>,
}

/// The parameters of every list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many elements at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    pub limit: u16,
    /// `next_cursor` of the page before, unchanged, with the same other parameters.
    #[param(required = false, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl Request for PageQuery {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let limit = form.optional("limit", integer(1, 100));
        let cursor = form.optional("cursor", text(2000));
        let limit = limit?.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Some(Self { limit, cursor: cursor? })
    }
}

/// For lists' operations that have no parameter, so that an unknown one is refused as well.
#[derive(Debug)]
pub struct NoQuery;

impl Request for NoQuery {
    fn read(_: &mut Form<'_>) -> Option<Self> {
        Some(Self)
    }
}
