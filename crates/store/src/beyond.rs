//! The row comparison by which a page of a list goes on behind the last element of the page before.

use chrono::{DateTime, Utc};
use diesel::{
    expression::ValidGrouping,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

/// Which way a list goes through time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    /// The latest first: what is beyond is earlier.
    Past,
    /// The earliest first.
    Present,
}

/// `(time, id) < (…, …)` or `>`: one range of an index, which the same with AND and OR is not.
pub(crate) struct Beyond {
    /// The list's columns as SQL: a time and an id.
    pub(crate) columns: &'static str,
    pub(crate) at: DateTime<Utc>,
    pub(crate) id: Uuid,
    pub(crate) towards: Towards,
}

impl Expression for Beyond {
    type SqlType = Bool;
}

impl<T> SelectableExpression<T> for Beyond {}
impl<T> AppearsOnTable<T> for Beyond {}

impl<G> ValidGrouping<G> for Beyond {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

impl QueryId for Beyond {
    type QueryId = ();
    // Columns and operator are not part of the type.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Beyond {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(self.columns);
        out.push_sql(if self.towards == Towards::Past { ") < (" } else { ") > (" });
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(")");
        Ok(())
    }
}
