//! A contact's addresses: at least one, exactly one of them the primary one.

use crate::{
    address::EmailAddress,
    fault::{Fault, FieldFault},
};

/// So many addresses a contact may have.
pub const MAX_EMAILS: usize = 50;

/// An address for a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmail {
    /// The address.
    pub address: EmailAddress,
    /// Where mail to them goes by default.
    pub primary: bool,
}

/// The addresses of a new contact, with exactly one primary one: the first, where none is said to be.
///
/// # Errors
/// Every one that is wrong, at `/emails/{index}/…`: one that is there twice, a second primary one; at `/emails`, where
/// there is none.
pub fn emails(mut given: Vec<NewEmail>) -> Result<Vec<NewEmail>, Vec<FieldFault>> {
    let mut faults = Vec::new();
    for (index, email) in given.iter().enumerate() {
        let before = given.get(..index).unwrap_or_default();
        let mut wrong = |field, detail: &str| {
            let place = index.to_string();
            faults.push(FieldFault::at(&["emails", &place, field], Fault::InvalidValue, detail));
        };
        if before.iter().any(|one| one.address == email.address) {
            wrong("address", "This address is there twice.");
        }
        if email.primary && before.iter().any(|one| one.primary) {
            wrong("primary", "Only one address can be the primary one.");
        }
    }
    let chosen = given.iter().any(|email| email.primary);
    match given.first_mut() {
        Some(first) => first.primary |= !chosen,
        None => faults.push(FieldFault::at(&["emails"], Fault::Required, "At least one address is needed.")),
    }
    if faults.is_empty() { Ok(given) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(list: &[(&str, bool)]) -> Vec<NewEmail> {
        let email = |&(address, primary): &(&str, bool)| NewEmail {
            address: EmailAddress::parse(address).unwrap(),
            primary,
        };
        list.iter().map(email).collect()
    }

    #[test]
    fn exactly_one_is_the_primary_one() {
        for list in [
            &[("a@x.example", false), ("b@x.example", false)][..],
            &[("a@x.example", true), ("b@x.example", false)],
            &[("a@x.example", false)],
        ] {
            let emails = emails(given(list)).unwrap();
            assert!(emails[0].primary && emails.iter().filter(|email| email.primary).count() == 1);
        }
        assert!(emails(given(&[("a@x.example", false), ("b@x.example", true)])).unwrap()[1].primary);
    }

    #[test]
    fn every_wrong_one_is_told() {
        let pointers = |list: &[(&str, bool)]| -> Vec<String> {
            emails(given(list)).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
        };
        assert_eq!(pointers(&[]), ["/emails"]);
        assert_eq!(
            pointers(&[("a@x.example", true), ("A@X.example", true), ("b@x.example", false)]),
            ["/emails/1/address", "/emails/1/primary"]
        );
    }
}
