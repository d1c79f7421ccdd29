//! The order in which the fields of an entity stand.

use crate::ids::CustomFieldId;

/// The fields in their order after one of them, or a new one, was put at a place: 1 is the first. Beyond the end, and
/// without a place, it is the last. The others keep their order.
#[must_use]
pub fn arrange(present: &[CustomFieldId], field: CustomFieldId, position: Option<u16>) -> Vec<CustomFieldId> {
    let mut order: Vec<_> = present.iter().copied().filter(|other| *other != field).collect();
    let place = position.map_or(order.len(), |position| usize::from(position.saturating_sub(1)));
    order.insert(place.min(order.len()), field);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_field_stands_where_it_is_put_and_the_others_as_they_did() {
        let id = |n| CustomFieldId(Uuid::from_u128(n));
        let order = |present: &[u128], field, position| -> Vec<u128> {
            let present: Vec<_> = present.iter().map(|n| id(*n)).collect();
            arrange(&present, id(field), position).iter().map(|id| id.0.as_u128()).collect()
        };
        assert_eq!(order(&[1, 2, 3], 3, Some(1)), [3, 1, 2]);
        assert_eq!(order(&[1, 2, 3], 1, Some(2)), [2, 1, 3]);
        assert_eq!(order(&[1, 2, 3], 1, Some(3)), [2, 3, 1]);
        assert_eq!(order(&[1, 2, 3], 1, Some(999)), [2, 3, 1]);
        assert_eq!(order(&[1, 2], 3, None), [1, 2, 3]);
        assert_eq!(order(&[1, 2], 3, Some(0)), [3, 1, 2]);
        assert_eq!(order(&[], 3, Some(2)), [3]);
    }
}
