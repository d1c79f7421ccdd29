//! The line of a message that its card shows (STR-2).

use unicode_segmentation::UnicodeSegmentation;

/// The most characters (Unicode scalar values) of a preview.
const MAX_CHARACTERS: usize = 200;

/// The beginning of a visible text on one line: at most 200 characters, never cut inside what a reader sees as one
/// character; a cut text ends in `…`.
#[must_use]
pub fn preview(visible: &str) -> String {
    let mut out = String::new();
    let mut characters = 0;
    for word in visible.split_whitespace() {
        let space = usize::from(!out.is_empty());
        let length = word.chars().count();
        if characters + space + length > MAX_CHARACTERS {
            return cut(out, characters, word);
        }
        if space > 0 {
            out.push(' ');
        }
        out.push_str(word);
        characters += space + length;
    }
    out
}

/// Ends a preview in front of a word that doesn't fit; a word that alone is longer than a line is cut itself.
fn cut(mut out: String, mut characters: usize, word: &str) -> String {
    if characters < MAX_CHARACTERS / 2 {
        if !out.is_empty() {
            out.push(' ');
            characters += 1;
        }
        for grapheme in word.graphemes(true) {
            let length = grapheme.chars().count();
            if characters + length + 1 > MAX_CHARACTERS {
                break;
            }
            out.push_str(grapheme);
            characters += length;
        }
    }
    if characters < MAX_CHARACTERS {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_cuts() {
        assert_eq!(preview(" Hello\n\n  world "), "Hello world");
        assert_eq!(preview(""), "");
        let long = preview(&"word ".repeat(100));
        assert!(long.chars().count() <= 200 && long.ends_with("word…"), "{long}");
        let one_word = preview(&"é".repeat(300));
        assert_eq!(one_word.chars().count(), 200);
        // A family is several characters and one picture.
        let families = preview(&"👨‍👩‍👧‍👦".repeat(100));
        assert!(families.trim_end_matches('…').graphemes(true).all(|g| g == "👨‍👩‍👧‍👦"));
    }
}
