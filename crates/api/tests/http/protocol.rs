//! Edges of HTTP itself, byte by byte: what is asked in no proper way is answered in a proper one, or not at all, and
//! nobody holds the server by being slow.

use crate::world::World;
use postroom_testkit::client::Caller;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// An answer as it came over the wire.
#[derive(Debug)]
struct Wire {
    status: u16,
    head: String,
    body: String,
}

impl Wire {
    /// The problem's code; the answer must be a whole problem of this status.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert!(body["request_id"].is_string(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    /// What is no request is answered by the protocol alone: a status, nothing else, and the connection's end.
    #[track_caller]
    fn bare(&self, what: &str, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""), "{what}: {self:?}");
    }
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends these bytes and reads to the connection's end.
fn exchange(world: &World, bytes: &[u8]) -> Wire {
    let mut stream = connect(world);
    // The other end may have said all it has to say before it has read everything.
    let _ = stream.write_all(bytes);
    read_all(&mut stream)
}

fn read_all(stream: &mut TcpStream) -> Wire {
    let mut bytes = Vec::new();
    let mut piece = [0; 64 * 1024];
    // A reset is an end as well: what came before it counts.
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Wire { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// A request that asks for the connection's end after it.
fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n{body}").into_bytes()
}

fn json_request(line: &str, body: &str) -> Vec<u8> {
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    request(line, &headers, body)
}

const LOGIN: &str = "POST /v1/auth/login";

/// Such bytes never become a request: the server's protocol layer answers with a status alone and hangs up.
#[test]
fn what_is_no_request_gets_a_status_and_the_connections_end() {
    let world = World::new();
    for (what, bytes, status) in [
        ("no request line", b"NONSENSE\r\n\r\n".to_vec(), 400),
        ("a space in a header's name", request("GET /healthz", "Bad Header: 1\r\n", ""), 400),
        ("a header without a colon", request("GET /healthz", "Bad\r\n", ""), 400),
        ("NUL in a header", request("GET /healthz", "X: a\0b\r\n", ""), 400),
        ("NUL in the path", request("GET /v1/\0", "", ""), 400),
        ("a space in the path", request("GET /a b", "", ""), 400),
        ("another protocol", b"GET /healthz HTTQ/1.1\r\n\r\n".to_vec(), 400),
        ("two lengths", request(LOGIN, "Content-Length: 1\r\nContent-Length: 2\r\n", "{}"), 400),
        ("a length that is none", request(LOGIN, "Content-Length: -1\r\n", "{}"), 400),
        ("more headers than are read", request("GET /healthz", &"X: 1\r\n".repeat(200), ""), 431),
    ] {
        let answer = exchange(&world, &bytes);
        answer.bare(what, status);
    }
    for (line, headers) in [
        ("GET /healthz".to_owned(), format!("X: {}\r\n", "x".repeat(200_000))),
        (format!("GET /{}", "x".repeat(200_000)), String::new()),
    ] {
        let answer = exchange(&world, &request(&line, &headers, ""));
        // Bytes that nobody has read make the end a reset, which may overtake the answer.
        assert!([431, 0].contains(&answer.status) && answer.body.is_empty(), "{answer:?}");
    }
    assert_eq!(exchange(&world, &request("GET /healthz", "", "")).status, 200, "the server goes on");
}

#[test]
fn absurd_addresses_and_methods_are_problems() {
    let world = World::new();
    for path in [
        "//",
        "/v1//me",
        "//v1/me",
        "/v1/me/",
        "/v1/%zz",
        "/v1/%",
        "/v1/%00",
        "/v1/../v1/me",
        "/v1/%2e%2e/healthz",
        "/V1/me",
        "/v1/me%2f",
        "/?",
        "/v1/conversations/%ff/x",
    ] {
        let answer = exchange(&world, &request(&format!("GET {path}"), "", ""));
        assert_eq!(answer.problem(404), "not_found", "{path}");
    }
    let long = exchange(&world, &request(&format!("GET /v1/{}", "x".repeat(60_000)), "", ""));
    assert_eq!(long.problem(404), "not_found");
    let olga = world.olga();
    for id in ["%00", "%ff", "%zz", "%2e%2e", "a%20b", "%F0%9F%98%80"] {
        let authorization = format!("Authorization: {}\r\n", olga.authorization().unwrap());
        let answer = exchange(&world, &request(&format!("GET /v1/conversations/{id}"), &authorization, ""));
        assert_eq!(answer.problem(404), "not_found", "{id}");
    }
    for method in ["BREW", "TRACE", "PUT", "get"] {
        let answer = exchange(&world, &request(&format!("{method} /v1/me"), "", ""));
        assert_eq!(answer.problem(405), "method_not_allowed", "{method}");
        assert!(answer.head.contains("allow: get, head, patch"), "{answer:?}");
    }
    let connect = exchange(&world, &request("CONNECT localhost:443", "", ""));
    assert_eq!(connect.problem(404), "not_found");
    let absolute = exchange(&world, &request("GET http://elsewhere.example/healthz", "", ""));
    assert_eq!(absolute.status, 200, "the absolute form is a proxy's");
}

#[test]
fn older_clients_heads_and_options_are_answered() {
    let world = World::new();
    let old = exchange(&world, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(old.status, 200);
    let get = exchange(&world, &request("GET /healthz", "", ""));
    let head = exchange(&world, &request("HEAD /healthz", "", ""));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let length =
        |wire: &Wire| wire.head.lines().find(|line| line.starts_with("content-length")).map(str::to_owned);
    assert_eq!(length(&head), length(&get));
    let refused = exchange(&world, &request("HEAD /v1/me", "", ""));
    assert_eq!((refused.status, refused.body.as_str()), (401, ""));
    for (path, allow) in [
        ("/v1/me", "allow: get, head, patch"),
        ("/v1/mailboxes", "allow: get, head, post"),
        ("/v1/auth/login", "allow: post"),
    ] {
        let options = exchange(&world, &request(&format!("OPTIONS {path}"), "", ""));
        assert_eq!((options.status, options.body.as_str()), (204, ""));
        assert!(options.head.contains(allow), "{options:?}");
    }
    assert_eq!(exchange(&world, &request("OPTIONS /nowhere", "", "")).problem(404), "not_found");
}

#[test]
fn bodies_that_are_none_are_problems() {
    let world = World::new();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (what, body) in [
        ("nesting", deep.as_str()),
        ("a lone surrogate", r#"{"email": "\ud800"}"#),
        ("half", r#"{"email": "#),
        ("no UTF-8", "{\"email\": \"\u{fffd}"),
    ] {
        let answer = exchange(&world, &json_request(LOGIN, body));
        assert_eq!(answer.problem(400), "malformed_json", "{what}");
    }
    let typed = "Content-Type: application/json\r\n";
    let none = exchange(&world, &request(LOGIN, typed, ""));
    assert_eq!(none.problem(400), "malformed_json", "no length, no body");
    let chunked = format!("{typed}Transfer-Encoding: chunked\r\n");
    let broken = exchange(&world, &request(LOGIN, &chunked, "ZZ\r\n{}\r\n0\r\n\r\n"));
    // The protocol layer has lost its place in the bytes, and hangs up without a word.
    assert_eq!(broken.status, 0, "{broken:?}");
    let well = exchange(&world, &request(LOGIN, &chunked, "2\r\n{}\r\n0\r\n\r\n"));
    assert_eq!(well.problem(422), "validation_failed");
    let large = json!({"email": "x".repeat(10 * 1024 * 1024)}).to_string();
    assert_eq!(exchange(&world, &json_request(LOGIN, &large)).problem(413), "body_too_large");
}

/// Who sends a byte now and then is given up, in the head and in the body, and so is who takes no answer.
#[test]
fn nobody_holds_a_connection_by_being_slow() {
    let world = World::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            let mut stream = connect(&world);
            let mut dripping = stream.try_clone().unwrap();
            let dripped = std::thread::spawn(move || {
                for byte in
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ".iter().chain([b'x'; 600].iter())
                {
                    if dripping.write_all(&[*byte]).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            let answer = read_all(&mut stream);
            assert!([408, 0].contains(&answer.status), "{answer:?}");
            assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
            drop(stream);
            dripped.join().unwrap();
        });
        scope.spawn(|| {
            let begun = Instant::now();
            let mut stream = connect(&world);
            let headers = "Content-Type: application/json\r\nContent-Length: 1000\r\n";
            stream.write_all(&request(LOGIN, headers, "{")).unwrap();
            let answer = read_all(&mut stream);
            assert_eq!(answer.problem(400), "malformed_request");
            assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
        });
    });
    assert_eq!(exchange(&world, &request("GET /healthz", "", "")).status, 200);
}
