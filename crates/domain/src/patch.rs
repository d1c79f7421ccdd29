//! A field of a merge patch (RFC 7396): left, cleared or set.

/// What a merge patch says of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Not there: leave it as it is.
    #[default]
    Absent,
    /// `null`: clear it.
    Null,
    /// Set it to this.
    Value(T),
}

impl<T> Patch<T> {
    /// What is to be saved: `None` leaves, `Some(None)` clears.
    pub fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// What a field is after the patch.
    pub fn laid_over(&self, present: Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Absent => present,
            Self::Null => None,
            Self::Value(value) => Some(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;

    #[test]
    fn leaves_clears_and_sets() {
        for present in [None, Some(1)] {
            assert_eq!(Patch::Absent.laid_over(present), present);
            assert_eq!(Patch::Null.laid_over(present), None);
            assert_eq!(Patch::Value(2).laid_over(present), Some(2));
        }
        assert_eq!(Patch::<i32>::default().change(), None);
        assert_eq!(Patch::<i32>::Null.change(), Some(None));
        assert_eq!(Patch::Value(2).change(), Some(Some(2)));
    }
}
