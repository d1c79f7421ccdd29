//! Statements that each connection keeps prepared.
//!
//! Diesel has everything that writes prepared anew each time (UPDATE, INSERT of several rows, ON CONFLICT DO UPDATE), since
//! in general its SQL is different each time: that costs a round trip and a plan beside the statement itself. Where the SQL
//! is known to have few forms it may be kept, under its text.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
};

/// So many rows of one INSERT are ordinary; each number of them is another statement.
const FEW: usize = 8;

/// A statement that may be kept prepared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared<Q> {
    statement: Q,
    kept: bool,
}

/// Says of a statement that its SQL has few forms.
pub(crate) trait Prepare: Sized {
    /// Its SQL is always the same, or one of a few.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, kept: true }
    }

    /// It inserts so many rows, and has one form for each number of them: kept where they are few.
    fn prepared_for(self, rows: usize) -> Prepared<Self> {
        Prepared { statement: self, kept: rows <= FEW }
    }
}

impl<Q: QueryFragment<Pg>> Prepare for Q {}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &Pg) -> QueryResult<bool> {
        if self.kept { Ok(true) } else { self.statement.is_safe_to_cache_prepared(backend) }
    }
}
