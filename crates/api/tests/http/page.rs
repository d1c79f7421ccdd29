//! The page of the operator's choice at `/`: its files as browsers want them, and never in front of the API.

use crate::world::World;
use postroom_api::page::{Page, PageError};
use postroom_testkit::{
    client::{Answer, Line},
    process::temporary_directory,
};
use std::{fs, path::PathBuf};

const SCRIPT: &str = "/assets/index-B7x0pQ2a.js";

fn built() -> PathBuf {
    let directory = temporary_directory("page").unwrap();
    fs::create_dir_all(directory.join("assets")).unwrap();
    for name in ["v1/hidden.txt", "docs/hidden.txt"] {
        fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
        fs::write(directory.join(name), "hidden").unwrap();
    }
    fs::write(directory.join("index.html"), "<title>The page</title>").unwrap();
    fs::write(directory.join(SCRIPT.trim_start_matches('/')), "start()").unwrap();
    fs::write(directory.join("icon.svg"), "<svg/>").unwrap();
    fs::write(directory.join("healthz"), "hidden").unwrap();
    directory
}

/// As a browser goes to an address, or as a program asks.
fn ask(base: &str, method: &str, path: &str, accept: &str) -> Answer {
    Line::to(base).send(method, path, &[("Accept", accept)], Vec::new()).unwrap()
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.bytes).into_owned()
}

#[test]
fn a_page_is_served_at_the_apis_own_address() {
    let world = World::new();
    let base = world.with_page(Page::read(&built()).unwrap());
    let go = |path: &str| ask(&base, "GET", path, "text/html,application/xhtml+xml");

    // The beginning, and addresses of the page's own making.
    for path in ["/", "/index.html", "/conversations/01890a5d-ac96-774b-bcce-b302099a8057", "/v2"] {
        let answer = go(path);
        assert_eq!((answer.status, text(&answer).as_str()), (200, "<title>The page</title>"), "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        let policy = answer.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.split("; ").any(|one| one == part), "{part}: {policy}");
        }
        assert!(!policy.contains("script-src 'self' "), "scripts from the page's files alone: {policy}");
    }

    // What has its content's hash in its name is kept for good; the rest is asked for again by its tag.
    let script = ask(&base, "GET", SCRIPT, "*/*");
    assert_eq!((script.status, text(&script).as_str()), (200, "start()"));
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    let icon = ask(&base, "GET", "/icon.svg", "*/*");
    assert_eq!((icon.header("content-type"), icon.header("cache-control")), ("image/svg+xml", "no-cache"));
    let known = [("If-None-Match", icon.header("etag"))];
    let again = Line::to(&base).send("GET", "/icon.svg", &known, Vec::new()).unwrap();
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    // A browser puts these in the place of those that it has kept.
    for name in ["content-security-policy", "cache-control", "etag", "referrer-policy"] {
        assert_eq!(again.header(name), icon.header(name), "{name}");
    }
    let head = ask(&base, "HEAD", "/", "text/html");
    assert_eq!((head.status, head.header("etag"), head.bytes.len()), (200, go("/").header("etag"), 0));
}

#[test]
fn a_page_hides_nothing_of_the_api() {
    let world = World::new();
    let base = world.with_page(Page::read(&built()).unwrap());
    let code = |method: &str, path: &str, accept: &str| {
        ask(&base, method, path, accept)
            .problem(404)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    };
    // Files that aren't there, also for who would take a page; what no browser goes to; other methods.
    for (method, path, accept) in [
        ("GET", "/assets/other-B7x0pQ2a.js", "text/html"),
        ("GET", "/conversations", "application/json"),
        ("POST", "/conversations", "text/html"),
        ("GET", "/v1", "text/html"),
        ("GET", "/v1/nothing", "text/html"),
        ("GET", "/v1/hidden.txt", "text/html"),
        ("GET", "/.well-known/nothing", "text/html"),
        ("GET", "/../Cargo.toml", "text/html"),
        ("GET", "/%2e%2e/Cargo.toml", "text/html"),
    ] {
        assert_eq!(code(method, path, accept), "not_found", "{method} {path}");
    }
    assert_eq!(text(&ask(&base, "GET", "/healthz", "text/html")), r#"{"status":"ok"}"#);
    assert!(text(&ask(&base, "GET", "/openapi.json", "text/html")).starts_with('{'));
    assert!(!text(&ask(&base, "GET", "/docs/hidden.txt", "text/html")).contains("hidden"));
    // Without a page all is as ever.
    assert_eq!(ask(&world.base, "GET", "/", "text/html").problem(404).unwrap(), "not_found");
}

#[test]
fn what_is_no_page_is_told_at_the_start() {
    let empty = temporary_directory("no-page").unwrap();
    let told = |directory: &PathBuf| Page::read(directory).unwrap_err();
    assert!(matches!(told(&empty), PageError::NoIndex(_)));
    let missing = empty.join("missing");
    let error = told(&missing);
    assert!(matches!(&error, PageError::Read { path, .. } if *path == missing), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
}
