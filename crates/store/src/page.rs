//! Pages of lists.

/// A part of a list. The next one begins after its last element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The elements, in the list's order.
    pub items: Vec<T>,
    /// Whether there is a next page.
    pub more: bool,
}

impl<T> Page<T> {
    /// Makes a page of what was found: one more than `limit` was asked for, to know whether there is more.
    pub(crate) fn of(mut found: Vec<T>, limit: u16) -> Self {
        let more = found.len() > usize::from(limit);
        found.truncate(usize::from(limit));
        Self { items: found, more }
    }
}
