//! A mail's style sheets, carried over to the elements that they are about.
//!
//! A sheet can't stay: it would style the page as well. Of what it says, the harmless declarations become part of each
//! element's own style, as far as a selector names elements, classes and ids, one within the other. What is behind an `@`
//! (other screens, fonts, further sheets) is left out, but for what a screen shows that is as wide as a mail: that is how
//! many newsletters put their columns beside each other.

use super::policy;
use std::{collections::HashMap, rc::Rc};

/// Further rules are left out.
const MAX_RULES: usize = 2_000;
/// A rule that says more, in bytes, is left out.
const MAX_STYLE: usize = 4 * 1024;
/// Compounds in a selector, of which `table.a td p` has three.
const MAX_COMPOUNDS: usize = 4;
/// As wide as mails are drawn, in CSS pixels: a screen of which a sheet demands no more is taken to be there.
const WIDTH: f32 = 640.0;
/// Comparisons that one mail may cost; whoever needs more goes without.
const MAX_STEPS: usize = 2_000_000;

/// An element as far as selectors name it. Classes are divided by spaces.
#[derive(Clone, Default)]
pub(super) struct Named {
    pub(super) element: String,
    pub(super) classes: String,
    pub(super) id: String,
}

/// The rules that were read so far.
#[derive(Default)]
pub(super) struct Sheet {
    rules: Vec<Rule>,
    /// The rules by what their last compound needs: `td`, `.class` or `#id`.
    by_key: HashMap<String, Vec<usize>>,
    steps: usize,
    written: usize,
}

struct Rule {
    /// From the outermost to the element that it is about.
    compounds: Vec<Compound>,
    /// How much it names: ids, classes, elements.
    specificity: (usize, usize, usize),
    style: Rc<str>,
}

/// `td.a.b#c`.
#[derive(Default)]
struct Compound {
    element: Option<String>,
    classes: Vec<String>,
    id: Option<String>,
}

impl Sheet {
    /// Reads the text of a `<style>` element.
    pub(super) fn add(&mut self, text: &str) {
        self.read(&without_comments(text), true);
    }

    /// Reads rules; those of a `@media` only where `outermost`, so that no depth of them costs anything.
    fn read(&mut self, text: &str, outermost: bool) {
        let mut rest = text;
        while self.rules.len() < MAX_RULES {
            rest = rest.trim_ascii_start();
            let Some(at) = rest.find(['{', ';', '}']) else { return };
            let (prelude, block) = rest.split_at_checked(at).unwrap_or((rest, ""));
            if !block.starts_with('{') {
                rest = block.get(1..).unwrap_or_default();
                continue;
            }
            let end = end_of_block(block);
            rest = block.get(end..).unwrap_or_default();
            let inside = block.get(1..end).unwrap_or_default();
            if !prelude.starts_with('@') {
                self.add_rule(prelude, inside.trim_end_matches('}'));
            } else if outermost && is_for_a_mail(prelude) {
                self.read(inside, false);
            }
        }
    }

    fn add_rule(&mut self, selectors: &str, declarations: &str) {
        let style = policy::harmless_style(declarations).filter(|style| style.len() <= MAX_STYLE);
        let Some(style) = style.map(Rc::<str>::from) else { return };
        for selector in selectors.split(',').filter_map(compounds) {
            let Some(last) = selector.last() else { continue };
            let key = match (&last.id, last.classes.first(), &last.element) {
                (Some(id), _, _) => format!("#{id}"),
                (None, Some(class), _) => format!(".{class}"),
                (None, None, Some(element)) => element.clone(),
                (None, None, None) => continue,
            };
            let specificity = selector.iter().fold((0, 0, 0), |(ids, classes, elements), one| {
                (
                    ids + usize::from(one.id.is_some()),
                    classes + one.classes.len(),
                    elements + usize::from(one.element.is_some()),
                )
            });
            self.by_key.entry(key).or_default().push(self.rules.len());
            self.rules.push(Rule { compounds: selector, specificity, style: style.clone() });
            if self.rules.len() >= MAX_RULES {
                return;
            }
        }
    }

    /// What the sheets say of an element within these others, the more important last. `room` is how many bytes all
    /// styles together may take.
    pub(super) fn style_of<'n>(
        &mut self,
        element: &Named,
        within: &(impl DoubleEndedIterator<Item = &'n Named> + Clone),
        room: usize,
    ) -> Option<String> {
        if self.rules.is_empty() || self.steps > MAX_STEPS || self.written > room {
            return None;
        }
        let classes = element.classes.split_ascii_whitespace().map(|class| format!(".{class}"));
        let keys = [element.element.clone(), format!("#{}", element.id)].into_iter().chain(classes);
        let mut found: Vec<usize> = keys.filter_map(|key| self.by_key.get(&key)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        let mut steps = found.len();
        found.retain(|index| {
            self.rules.get(*index).is_some_and(|rule| rule.is_about(element, within.clone(), &mut steps))
        });
        self.steps += steps;
        found.sort_by_key(|index| (self.rules.get(*index).map(|rule| rule.specificity), *index));
        let styles: Vec<&str> =
            found.iter().filter_map(|index| self.rules.get(*index)).map(|rule| &*rule.style).collect();
        let style = styles.join(";");
        self.written += style.len();
        (!style.is_empty()).then_some(style)
    }
}

impl Rule {
    fn is_about<'n>(
        &self,
        element: &Named,
        within: impl DoubleEndedIterator<Item = &'n Named>,
        steps: &mut usize,
    ) -> bool {
        let mut needed = self.compounds.iter().rev();
        if !needed.next().is_some_and(|last| last.is(element)) {
            return false;
        }
        let Some(mut next) = needed.next() else { return true };
        for outer in within.rev() {
            *steps += 1;
            if next.is(outer) {
                match needed.next() {
                    Some(further) => next = further,
                    None => return true,
                }
            }
        }
        false
    }
}

impl Compound {
    fn is(&self, element: &Named) -> bool {
        self.element.as_ref().is_none_or(|name| *name == element.element)
            && self.id.as_ref().is_none_or(|id| *id == element.id)
            && self
                .classes
                .iter()
                .all(|class| element.classes.split_ascii_whitespace().any(|known| known == class))
    }
}

/// A selector's compounds; `None` for one that needs more than names.
fn compounds(selector: &str) -> Option<Vec<Compound>> {
    // A link as it is before anybody does anything, and an element right inside of another.
    let selector = selector.replace(":link", "").replace(":visited", "").replace('>', " ");
    let compounds: Option<Vec<Compound>> = selector.split_ascii_whitespace().map(compound).collect();
    compounds.filter(|list| (1..=MAX_COMPOUNDS).contains(&list.len()))
}

fn compound(text: &str) -> Option<Compound> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    let mut compound = Compound::default();
    let end = text.find(['.', '#']).unwrap_or(text.len());
    let (element, mut rest) = text.split_at_checked(end)?;
    if !element.is_empty() {
        compound.element = is_name(element).then(|| element.to_ascii_lowercase());
        compound.element.as_ref()?;
    }
    while let Some(kind) = rest.chars().next() {
        let after = rest.get(1..)?;
        let end = after.find(['.', '#']).unwrap_or(after.len());
        let (name, further) = after.split_at_checked(end)?;
        if !is_name(name) {
            return None;
        }
        match kind {
            '.' => compound.classes.push(name.to_owned()),
            _ => compound.id = Some(name.to_owned()),
        }
        rest = further;
    }
    Some(compound)
}

/// Whether an `@media` is about a screen on which a mail is read at its full width, and about nothing else. What has an upper
/// bound is for small screens.
fn is_for_a_mail(prelude: &str) -> bool {
    let lower = prelude.to_ascii_lowercase();
    let Some(queries) = lower.strip_prefix("@media") else { return false };
    let is_met = |word: &str| {
        let least = word.strip_prefix("(min-width:").and_then(|rest| rest.strip_suffix("px)"));
        matches!(word, "only" | "and" | "screen" | "all")
            || least.and_then(|pixels| pixels.parse::<f32>().ok()).is_some_and(|pixels| pixels <= WIDTH)
    };
    // One condition is one word: `(min-width: 480px)`.
    let words =
        |query: &str| query.replace(": ", ":").replace("( ", "(").replace(" )", ")").replace(")", ") ");
    queries.split(',').any(|query| {
        let query = words(query);
        let mut words = query.split_ascii_whitespace().peekable();
        words.peek().is_some() && words.all(is_met)
    })
}

/// A sheet without comments, and without those marks of HTML's that hid it from old programs.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*") {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push(' ');
        rest = rest.get(at + 2..).and_then(|rest| rest.split_once("*/")).map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.replace("<!--", " ").replace("-->", " ")
}

/// Where the block ends that `text` begins with: behind the brace that closes it, or at the end.
fn end_of_block(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use crate::sanitise;

    fn check(sheet: &str, html: &str, expected: &str) {
        let clean = sanitise(&format!("<style>{sheet}</style>{html}"));
        assert_eq!(clean, expected, "{sheet}");
        assert_eq!(sanitise(&clean), clean);
    }

    #[test]
    fn styles_go_to_the_elements_that_they_are_about() {
        check("p{color:red}", "<p>x</p><b>y</b>", "<p style=\"color:red\">x</p><b>y</b>");
        check(
            "<!-- p.MsoNormal, li.MsoNormal {margin:0in; font-size:11.0pt} /* p{color:red} */ -->",
            "<p class=MsoNormal>x</p><p>y</p>",
            "<p style=\"margin:0in;font-size:11.0pt\">x</p><p>y</p>",
        );
        check(".a .b td{width:10px}", "<p class=b>x", "<p>x</p>");
        check(
            ".a td{color:red}",
            "<div class='c a'><table><tr><td>x</table></div>",
            "<div><table><tbody><tr><td style=\"color:red\">x</td></tr></tbody></table></div>",
        );
        check(
            "a:link{color:red}a:hover{color:blue}",
            "<a>x</a>",
            "<a style=\"color:red\" rel=\"noopener noreferrer nofollow\">x</a>",
        );
    }

    #[test]
    fn the_more_special_and_the_elements_own_style_come_last() {
        check(
            "#i{color:green}.c{color:blue}p{color:red}",
            "<p class=c id=i style='color:black'>x",
            "<p style=\"color:red;color:blue;color:green;color:black\">x</p>",
        );
    }

    #[test]
    fn only_what_is_harmless_and_for_every_screen_is_carried_over() {
        check(
            "@import 'x';@media (max-width:9px){p{color:red}b{color:red}}p{position:fixed;color:blue;background:url(x)}",
            "<p>x",
            "<p style=\"color:blue\">x</p>",
        );
        for sheet in [
            "*{color:red}",
            "p[x]{color:red}",
            "p+p{color:red}",
            "p{color:red",
            "{}",
            "}",
            "p{;}",
            "@x{p{color:red}",
        ] {
            let clean = sanitise(&format!("<style>{sheet}</style><p>x</p><p>y</p>"));
            assert!(clean.contains(">x</p>"), "{sheet}: {clean}");
        }
    }

    #[test]
    fn columns_that_a_wide_screen_has_stand_beside_each_other() {
        let wide = "<p style=\"width:100%;width:50% ! important\">x</p>";
        let column = |media: &str| {
            let sheet = format!("@media {media}{{.half{{width:50% !important}}}}");
            sanitise(&format!("<style>.half{{width:100%}}{sheet}</style><p class=half>x</p>"))
        };
        for media in [
            "only screen and (min-width:480px)",
            "screen",
            "ALL AND ( MIN-WIDTH: 600px )",
            "print, screen and (min-width:479.5px)",
            "(min-width:480px)and (min-width:500px)",
        ] {
            assert_eq!(column(media), wide, "{media}");
        }
        for media in [
            "",
            "print",
            "not screen",
            "only screen and (max-width:480px)",
            "(min-width:480px) and (max-width:900px)",
            "(min-width:1024px)",
            "(min-width:-)",
            "(min-width:30em)",
            "screen and (prefers-color-scheme:dark)",
            "screen;",
        ] {
            assert_eq!(column(media), "<p style=\"width:100%\">x</p>", "{media}");
        }
        check("@media screen{@media screen{p{color:red}}b{color:red}}", "<p>x</p>", "<p>x</p>");
        check("@media screen{p{color:red}", "<p>x</p>", "<p style=\"color:red\">x</p>");
        let deep = format!("<style>{}p{{color:red}}</style><p>x</p>", "@media screen{".repeat(100_000));
        assert_eq!(sanitise(&deep), "<p>x</p>");
    }

    #[test]
    fn hostile_sheets_cost_little() {
        let many: String = (0..20_000).map(|n| format!(".a .b{n} .c p{{color:red;margin:{n}px}}")).collect();
        let deep =
            format!("<style>{many}</style>{}{}", "<div class='a c'>".repeat(200), "<p>x</p>".repeat(5_000));
        assert!(sanitise(&deep).len() <= 2 * deep.len());
        let long = format!("<style>p{{{}}}</style>{}", "color:red;".repeat(800), "<p>x</p>".repeat(5_000));
        assert!(sanitise(&long).len() <= 3 * long.len());
    }
}
