//! The documentation of the problem codes, made from the table: `docs/errors.md` and the pages to which every
//! problem's `type` points.

use super::{Code, FieldCode};
use std::fmt::Write as _;

/// The whole of `docs/errors.md`.
#[must_use]
pub fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         <!-- Made from the table in crates/api/src/problem/table.rs by `postroom openapi`; don't edit it here. -->\n\n\
         Every error is `application/problem+json` (RFC 9457): `type` (the address of a page such as those below), \
         `title`, `status`, `detail`, `code`, `request_id`, and `errors` where single fields are wrong. \
         Branch on `code`; it never changes its meaning.\n",
    );
    for code in Code::ALL {
        write_section(&mut text, *code);
    }
    text
}

fn write_section(text: &mut String, code: Code) {
    // Writing into a String can't fail.
    let _ = write!(
        text,
        "\n## {}\n\n**{}** · HTTP {}\n\n{}\n",
        code.as_str(),
        code.title(),
        code.status().as_u16(),
        code.text()
    );
    if code == Code::ValidationFailed {
        text.push_str("\n| field code | meaning |\n|---|---|\n");
        for field in FieldCode::ALL {
            let _ = writeln!(text, "| `{}` | {} |", field.as_str(), field.text());
        }
    }
}

/// The page of one code, HTML, or `None` where there is no such code.
#[must_use]
pub fn page(code: &str) -> Option<String> {
    let code = Code::ALL.iter().copied().find(|known| known.as_str() == code)?;
    let mut body = format!(
        "<p><a href=\"/docs/errors\">All errors</a></p><h1><code>{}</code></h1><p><strong>{}</strong> · HTTP {}</p><p>{}</p>",
        code.as_str(),
        code.title(),
        code.status().as_u16(),
        with_code_spans(code.text())
    );
    if code == Code::ValidationFailed {
        body.push_str("<table><tr><th>field code</th><th>meaning</th></tr>");
        for field in FieldCode::ALL {
            let _ = write!(
                body,
                "<tr><td><code>{}</code></td><td>{}</td></tr>",
                field.as_str(),
                with_code_spans(field.text())
            );
        }
        body.push_str("</table>");
    }
    Some(document(code.as_str(), &body))
}

/// The list of all codes, HTML.
#[must_use]
pub fn index_page() -> String {
    let mut body =
        String::from("<h1>Errors</h1><table><tr><th>status</th><th>code</th><th>meaning</th></tr>");
    for code in Code::ALL {
        let _ = write!(
            body,
            "<tr><td>{}</td><td><a href=\"/docs/errors/{2}\"><code>{2}</code></a></td><td>{}</td></tr>",
            code.status().as_u16(),
            code.title(),
            code.as_str()
        );
    }
    body.push_str("</table>");
    document("Errors", &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Postroom</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse}}td,th{{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top}}\
         code{{background:#8882;padding:0 .25em;border-radius:.2em}}</style></head><body>{body}</body></html>"
    )
}

/// Turns the table's backticks into `<code>`; its texts have no other markup and nothing of a client's.
fn with_code_spans(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed file is what the table says; `POSTROOM_BLESS=1` writes it anew.
    #[test]
    fn committed_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("POSTROOM_BLESS").is_some() {
            std::fs::write(path, errors_markdown()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == errors_markdown(),
            "docs/errors.md is not current: run POSTROOM_BLESS=1 cargo test -p postroom-api"
        );
    }

    #[test]
    fn every_code_has_a_page_and_a_section_of_its_own() {
        let markdown = errors_markdown();
        for code in Code::ALL {
            assert_eq!(markdown.matches(&format!("\n## {}\n", code.as_str())).count(), 1, "{code:?}");
            assert!(page(code.as_str()).unwrap().contains(code.title()));
            assert!(code.status().as_u16() >= 400);
            assert!(code.text().matches('`').count() % 2 == 0, "{code:?}");
        }
        assert!(page("no_such_code").is_none());
    }
}
