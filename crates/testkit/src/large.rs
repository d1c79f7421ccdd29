//! A workspace with very many conversations, for what only shows in numbers: plans of queries, and time.

use crate::{Result, postgres::Cluster};

/// As long as a preview may be.
const PREVIEW: &str = "Good morning, we have received the delivery and would like to know when the second part of the order will \
leave your warehouse. Could you also send the invoice to our new address? With kind regards and thanks.";

/// Fills a workspace, which must have its owner and nothing else, and lets PostgreSQL count what is there.
///
/// # Errors
/// When the database refuses.
pub fn fill(cluster: &Cluster, database: &str, slug: &str, conversations: u32) -> Result<()> {
    let sql = include_str!("large.sql")
        .replace("$CONVERSATIONS", &conversations.to_string())
        .replace("$SLUG", slug)
        .replace("$PREVIEW", &format!("'{PREVIEW}'"));
    cluster.execute(database, &sql)?;
    cluster.execute(database, "VACUUM ANALYZE")
}

/// The id of a conversation, by its number; number 1 has 30 messages.
#[must_use]
pub fn conversation(number: u32) -> String {
    format!("e1{number:06x}-0000-7000-8000-{number:012x}")
}
