//! Folders' names: as the server writes them, and as people do.

/// A folder that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderName {
    /// On the wire (modified UTF-7, RFC 3501, 5.1.3): what is listed is what is opened.
    pub wire: String,
    /// What the server puts between the levels of its folders.
    pub delimiter: Option<String>,
}

impl FolderName {
    /// For people: every letter as it is, `/` between the levels.
    #[must_use]
    pub fn readable(&self) -> String {
        let name = decoded(&self.wire);
        match self.delimiter.as_deref() {
            Some(delimiter) if !delimiter.is_empty() && delimiter != "/" => name.replace(delimiter, "/"),
            _ => name,
        }
    }

    /// True if somebody means this folder: by what people read, by the server's own separator, or as it is on the wire.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.readable() == name || decoded(&self.wire) == name || self.wire == name
    }
}

/// Modified UTF-7 with its letters; what is none stays as it is.
fn decoded(wire: &str) -> String {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let Some((code, after)) = shifted.split_once('-') else { return wire.to_owned() };
        if code.is_empty() {
            out.push('&');
        } else {
            let Some(letters) = letters(code) else { return wire.to_owned() };
            out.push_str(&letters);
        }
        rest = after;
    }
    out + rest
}

/// UTF-16 in base64 with `,` for `/` and no padding.
fn letters(code: &str) -> Option<String> {
    let (mut bits, mut count, mut units) = (0_u32, 0_u32, Vec::new());
    for byte in code.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b',' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from((bits >> count) & 0xFFFF).ok()?);
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        for (wire, expected) in [
            ("INBOX", "INBOX"),
            ("Gr&APYA3w-e", "Größe"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("Q &- A", "Q & A"),
            ("&2D3eAA-", "\u{1F600}"),
            ("R&D", "R&D"),
            ("&!-", "&!-"),
            ("&2D0-", "&2D0-"),
        ] {
            assert_eq!(decoded(wire), expected, "{wire}");
        }
    }

    #[test]
    fn a_folder_is_found_by_either_separator() {
        let folder = FolderName { wire: "INBOX.Entw&APw-rfe".to_owned(), delimiter: Some(".".to_owned()) };
        for name in ["INBOX/Entwürfe", "INBOX.Entwürfe", "INBOX.Entw&APw-rfe"] {
            assert!(folder.is_called(name), "{name}");
        }
        assert!(!folder.is_called("Entwürfe"));
    }
}
