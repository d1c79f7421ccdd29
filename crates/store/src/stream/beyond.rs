//! The row comparison by which a page of the stream goes on behind a card.

use super::Sort;
use chrono::{DateTime, Utc};
use diesel::{
    expression::ValidGrouping,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

/// `(last_activity_at, id) < (…, …)` or `>`: one range of the stream's indexes, which the same with AND and OR is not.
pub(super) struct Beyond {
    pub(super) at: DateTime<Utc>,
    pub(super) id: Uuid,
    pub(super) sort: Sort,
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
    // The operator is not part of the type.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Beyond {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(conversations.last_activity_at, conversations.id) ");
        out.push_sql(if self.sort == Sort::Newest { "< (" } else { "> (" });
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(")");
        Ok(())
    }
}
