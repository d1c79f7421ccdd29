//! What is wrong with single fields of what somebody wants to save.

/// What kind of mistake it is, for programs. The API's field codes have the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is needed, and absent, null or empty.
    Required,
    /// There is no such field.
    UnknownField,
    /// It is of another JSON type.
    InvalidType,
    /// It is of the right type but not a value that is possible here.
    InvalidValue,
    /// It has a character that can't be there.
    InvalidCharacter,
    /// It is longer than allowed.
    TooLong,
    /// It is too small or too large.
    OutOfRange,
    /// It is no e-mail address.
    InvalidEmail,
    /// It is the id of nothing that may be used there.
    InvalidId,
    /// It is a possible value, but not for this one or not in this combination.
    NotAllowed,
    /// It is another thing's already.
    Taken,
}

/// What is wrong with a value: for programs, and a sentence for people.
pub type Wrong = (Fault, String);

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Where it stands in the request, as a JSON pointer (RFC 6901): `/custom_fields/plan`.
    pub pointer: String,
    /// What kind of mistake.
    pub fault: Fault,
    /// For people: a sentence.
    pub detail: String,
}

/// So many characters of a name go into a pointer: an unknown field's name is as long as its sender likes.
const MAX_NAME: usize = 100;

impl FieldFault {
    /// A mistake at the place that these names lead to.
    #[must_use]
    pub fn at(path: &[&str], fault: Fault, detail: impl Into<String>) -> Self {
        let mut pointer = String::new();
        for name in path {
            let name: String = name.chars().take(MAX_NAME).collect();
            pointer.push('/');
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        }
        Self { pointer, fault, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_escaped_and_bounded() {
        let at = |name: &str| FieldFault::at(&["custom_fields", name], Fault::UnknownField, "").pointer;
        assert_eq!(at("a/b~c"), "/custom_fields/a~1b~0c");
        assert_eq!(at(&"ж".repeat(5000)).chars().count(), "/custom_fields/".len() + 100);
    }
}
