//! Authentication-Results (RFC 8601): what a receiving server found out about the sender (MAIL-15).

use crate::header::Headers;

/// The results that one server wrote into a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationResult {
    /// The server that vouches for them, in lower case. Anybody can write this: only a configured one counts.
    pub authserv_id: String,
    /// The domain for which DMARC passed (RFC 7489), in lower case.
    pub dmarc_pass_domain: Option<String>,
    /// The domains whose DKIM signature is good (RFC 6376), in lower case.
    pub dkim_pass_domains: Vec<String>,
}

/// All results in a mail, from the top.
pub(crate) fn read(headers: &Headers<'_>) -> Vec<AuthenticationResult> {
    headers
        .all("authentication-results")
        .filter_map(|raw| read_one(&without_comments(&String::from_utf8_lossy(raw))))
        .collect()
}

/// Whether the topmost results of the server `authserv_id` show an aligned pass for `from_domain`.
pub(crate) fn passes_for(results: &[AuthenticationResult], authserv_id: &str, from_domain: &str) -> bool {
    let is_trusted =
        |result: &&AuthenticationResult| result.authserv_id.eq_ignore_ascii_case(authserv_id.trim());
    let domain = from_domain.trim().trim_end_matches('.').to_lowercase();
    if domain.is_empty() {
        return false;
    }
    let Some(result) = results.iter().find(is_trusted) else { return false };
    result.dmarc_pass_domain.as_ref() == Some(&domain) || result.dkim_pass_domains.contains(&domain)
}

fn read_one(value: &str) -> Option<AuthenticationResult> {
    let mut clauses = value.split(';');
    // The version may follow the id.
    let authserv_id = clauses.next()?.split_whitespace().next()?.trim_matches('"').to_lowercase();
    let mut result =
        AuthenticationResult { authserv_id, dmarc_pass_domain: None, dkim_pass_domains: Vec::new() };
    for clause in clauses {
        let clause = clause.replace(" =", "=").replace("= ", "=");
        let mut words = clause.split_whitespace();
        let Some((method, outcome)) = words.next().and_then(|word| word.split_once('=')) else { continue };
        if !outcome.eq_ignore_ascii_case("pass") {
            continue;
        }
        let property = |wanted: &str| {
            let mut properties = clause.split_whitespace().filter_map(|word| word.split_once('='));
            let found = properties.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim_matches('"').trim_end_matches('.').to_lowercase())
        };
        match method.split('/').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "dmarc" => {
                let domain = property("header.from").map(|from| domain_of(&from));
                result.dmarc_pass_domain = result.dmarc_pass_domain.or(domain);
            }
            "dkim" => {
                let signer = property("header.d").or_else(|| property("header.i").map(|id| domain_of(&id)));
                result.dkim_pass_domains.extend(signer);
            }
            _ => {}
        }
    }
    Some(result)
}

fn domain_of(address: &str) -> String {
    address.rsplit('@').next().unwrap_or_default().to_owned()
}

/// The value without comments, and with what is quoted kept from looking like anything but letters: senders choose
/// what stands in both.
fn without_comments(value: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::with_capacity(value.len());
    let mut quoted = false;
    let mut escaped = false;
    for c in value.chars() {
        if escaped {
            // RFC 5322, 3.2.1: the second half of a quoted-pair is content, be it a quote or a bracket.
            escaped = false;
            if depth == 0 {
                out.push(if c.is_alphanumeric() { c } else { '_' });
            }
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => {
                escaped = true;
                continue;
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                out.push(' ');
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            // These would split what belongs together.
            let splits = quoted && (c.is_whitespace() || matches!(c, ';' | '='));
            out.push(if splits { '_' } else { c });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(fields: &str) -> Vec<AuthenticationResult> {
        let raw = format!("{fields}\n\n");
        read(&Headers::parse(raw.as_bytes()).0)
    }

    #[test]
    fn believes_only_the_configured_server() {
        let found = results(
            "Authentication-Results: mx.example.com;\n dkim=pass (good; d=evil.example) header.d=Example.org;\n \
             dmarc=pass (p=NONE) header.from=example.org; spf=fail smtp.mailfrom=x@y\n\
             Authentication-Results: mx.example.com; dmarc=pass header.from=evil.example",
        );
        assert!(passes_for(&found, "MX.example.com", "example.org"));
        assert!(!passes_for(&found, "mx.example.com", "evil.example"), "only the topmost counts");
        assert!(!passes_for(&found, "mx.other.com", "example.org"));
        assert!(!passes_for(&found, "mx.example.com", ""));
    }

    #[test]
    fn wants_an_aligned_pass() {
        let found = results(
            "Authentication-Results: mx 1; dkim=fail header.d=a.example; dkim=pass header.i=@b.example",
        );
        assert!(!passes_for(&found, "mx", "a.example"));
        assert!(passes_for(&found, "mx", "b.example"));
        let found = results("Authentication-Results: mx; none");
        assert!(!passes_for(&found, "mx", "a.example"));
        let found =
            results("Authentication-Results: mx; dmarc=fail reason=\"x; dmarc=pass header.from=a.example\"");
        assert!(!passes_for(&found, "mx", "a.example"));
    }

    /// An envelope sender may hold anything in quotes or comments, and servers write it down as it is.
    #[test]
    fn what_is_quoted_proves_nothing() {
        for mailfrom in [
            r#""a\"; dkim=pass header.d=victim.example; x=\""@evil.example"#,
            r#""a\\\"; dkim=pass header.d=victim.example; x=\""@evil.example"#,
            r"x@evil.example (a\); dkim=pass header.d=victim.example; (\))",
            r"x@evil.example (a\\\); dkim=pass header.d=victim.example; (\))",
            "\"a; dkim=pass header.d=victim.example",
        ] {
            let found = results(&format!("Authentication-Results: mx; spf=fail smtp.mailfrom={mailfrom}"));
            assert!(!passes_for(&found, "mx", "victim.example"), "{mailfrom}");
        }
        let found =
            results(r#"Authentication-Results: mx; dkim=pass header.i="a@victim.example b"@evil.example"#);
        assert!(!passes_for(&found, "mx", "victim.example") && passes_for(&found, "mx", "evil.example"));
    }

    #[test]
    fn what_follows_quotes_and_comments_counts() {
        for before in [r#"smtp.mailfrom="a\"b\\"@c.example"#, r"(a \( b \\)", r"x=a\"] {
            let found = results(&format!(
                "Authentication-Results: mx; spf=pass {before}; dkim=pass header.d=a.example"
            ));
            assert!(passes_for(&found, "mx", "a.example"), "{before}");
        }
    }
}
