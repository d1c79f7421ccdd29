//! The commands of the built program, as an operator types them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is unexpected here fails the test")]

use base64::Engine as _;
use postroom_testkit::{
    client::{Anonymous, Caller, SignedIn},
    postgres::Cluster,
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// 32 bytes of the letter A.
const MASTER_KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
const OTHER_KEY: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

/// An installation: a database and a directory.
struct Site {
    url: String,
    directory: PathBuf,
}

impl Site {
    fn new(database: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("postroom-commands-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&directory).unwrap();
        Self { url: Cluster::shared().unwrap().url(database), directory }
    }

    fn migrated() -> Self {
        Self::new(&Cluster::shared().unwrap().migrated_database().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command.env("POSTROOM_DATABASE_URL", &self.url).env("POSTROOM_MASTER_KEY", MASTER_KEY);
        command.env("POSTROOM_DATA_DIR", &self.directory).env("POSTROOM_LISTEN", "127.0.0.1:0");
        command.env("POSTROOM_PASSWORD", "correct horse battery").current_dir(&self.directory);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn make_workspace(&self) {
        let made = self.run(&[
            "workspace",
            "create",
            "--slug",
            "acme",
            "--name",
            "Acme",
            "--owner-email",
            "ann@acme.example",
            "--owner-name",
            "Ann Lee",
        ]);
        assert!(made.status.success(), "{made:?}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What stays behind is the machine's to clean.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The program without any configuration.
fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTROOM_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    assert_eq!((output.status.code(), err(output).contains(why)), (Some(1), true), "{why}: {output:?}");
}

#[test]
fn all_mistakes_of_the_configuration_are_told_at_once() {
    let output =
        bare(&["serve"]).env("POSTROOM_LISTEN", "nowhere").env("POSTROOM_LSE", "5s").output().unwrap();
    for name in ["POSTROOM_DATABASE_URL", "POSTROOM_MASTER_KEY", "POSTROOM_LISTEN", "POSTROOM_LSE"] {
        refused(&output, name);
    }
}

#[test]
fn a_file_configures_too_and_the_environment_wins() {
    let site = Site::migrated();
    let file = site.directory.join("postroom.toml");
    fs::write(&file, format!("database_url = \"{}\"\nlisten = \"nowhere\"\nlease = 15\n", site.url)).unwrap();
    let run = |name: &str, value: &str| {
        let mut command = bare(&["doctor"]);
        command.env("POSTROOM_CONFIG", &file).env("POSTROOM_MASTER_KEY", MASTER_KEY).env(name, value);
        command.env("POSTROOM_DATA_DIR", &site.directory);
        out(&command.output().unwrap())
    };
    let first = run("POSTROOM_LISTEN", "127.0.0.1:1");
    assert!(first.contains("POSTROOM_LEASE") && !first.contains("POSTROOM_LISTEN"), "{first}");
    fs::write(&file, format!("database_url = \"{}\"\nlease = \"15s\"\n", site.url)).unwrap();
    let second = run("POSTROOM_LEASE", "10s");
    assert!(second.contains("✓ configuration") && second.contains("✓ database"), "{second}");
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let empty = Site::new(&Cluster::shared().unwrap().empty_database().unwrap());
    let before = empty.run(&["doctor"]);
    assert!(!before.status.success() && out(&before).contains("run `postroom migrate`"), "{before:?}");
    assert!(out(&before).contains("✓ blob store"), "what is well is told too: {before:?}");
    refused(&empty.run(&["serve"]), "postroom migrate");
    assert!(empty.run(&["migrate"]).status.success());
    let after = empty.run(&["doctor"]);
    assert!(after.status.success() && !out(&after).contains('✗'), "{after:?}");

    let mut gone = Site::migrated();
    gone.url = "postgres://postroom@127.0.0.1:1/none".into();
    let output = gone.run(&["doctor"]);
    assert!(
        out(&output).contains("✗ database") && out(&output).contains("POSTROOM_DATABASE_URL"),
        "{output:?}"
    );

    let site = Site::migrated();
    let mut in_the_way = site.command(&["doctor"]);
    fs::write(site.directory.join("file"), "").unwrap();
    in_the_way.env("POSTROOM_BLOB_URL", format!("file://{}/file", site.directory.display()));
    let output = in_the_way.output().unwrap();
    assert!(!output.status.success() && out(&output).contains("file"), "{output:?}");
}

#[test]
fn another_master_key_is_noticed() {
    let site = Site::migrated();
    let mut server = Serving::start(site.command(&["serve", "--only", "api"]));
    server.end();
    let mut doctor = site.command(&["doctor"]);
    let output = doctor.env("POSTROOM_MASTER_KEY", OTHER_KEY).output().unwrap();
    assert!(!output.status.success() && out(&output).contains("✗ keys"), "{output:?}");
    let mut serve = site.command(&["serve"]);
    refused(&serve.env("POSTROOM_MASTER_KEY", OTHER_KEY).output().unwrap(), "master key");
}

#[test]
fn workspaces_and_users_are_made_by_command() {
    let site = Site::migrated();
    site.make_workspace();
    let user = |workspace: &str, email: &str, role: &str| {
        site.run(&[
            "user",
            "create",
            "--workspace",
            workspace,
            "--email",
            email,
            "--name",
            "Tim",
            "--role",
            role,
        ])
    };
    assert!(user("acme", "tim@acme.example", "team_member").status.success());
    refused(&user("acme", "Tim@acme.example", "manager"), "has a user tim@acme.example already");
    refused(&user("acme", "tim", "manager"), "--email");
    refused(&user("acme", "o@acme.example", "owner"), "exactly one owner");
    refused(&user("nowhere", "tim@acme.example", "manager"), "there is no workspace nowhere");
    assert_eq!(user("acme", "x@acme.example", "boss").status.code(), Some(2), "not a role");
    refused(&site.run(&["workspace", "enable", "nowhere", "conversations"]), "there is no workspace nowhere");
    assert!(out(&site.run(&["workspace", "enable", "acme", "conversations"])).contains("enabled now"));

    let create = [
        "user",
        "create",
        "--workspace",
        "acme",
        "--email",
        "u@acme.example",
        "--name",
        "U",
        "--role",
        "manager",
    ];
    refused(
        &site.command(&create).env("POSTROOM_PASSWORD", "short").output().unwrap(),
        "at least 10 characters",
    );
    refused(&site.command(&create).env_remove("POSTROOM_PASSWORD").output().unwrap(), "POSTROOM_PASSWORD");
}

#[test]
fn serve_says_where_answers_and_ends_in_time() {
    let site = Site::new(&Cluster::shared().unwrap().empty_database().unwrap());
    let mut server = Serving::start(site.command(&["serve", "--migrate"]));
    assert!(
        server.address.starts_with("http://127.0.0.1:") && !server.address.ends_with(":0"),
        "{}",
        server.address
    );
    let ready = Anonymous::at(&server.address).get("/readyz").unwrap();
    assert_eq!(ready.status, 200);
    let began = Instant::now();
    assert!(server.end(), "it ends well");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_taken_address_is_a_clear_error() {
    let site = Site::migrated();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = site.command(&["serve"]);
    let output = serve.env("POSTROOM_LISTEN", taken.local_addr().unwrap().to_string()).output().unwrap();
    refused(&output, "POSTROOM_LISTEN: can't listen on 127.0.0.1:");
}

/// A running `postroom serve`.
struct Serving {
    process: Child,
    address: String,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        Self { process, address: address.unwrap_or_else(|| panic!("it printed {line:?}")) }
    }

    /// Asks it to end, and tells whether it ended well.
    fn end(&mut self) -> bool {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Where it has ended there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The key's name in a token's header.
fn kid(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    header.get("kid").and_then(serde_json::Value::as_str).unwrap().to_owned()
}

fn sign_in(server: &Serving) -> SignedIn {
    Anonymous::at(&server.address).sign_in("acme", "ann@acme.example", "correct horse battery").unwrap()
}

#[test]
fn no_signing_key_is_made_under_another_master_key() {
    let site = Site::migrated();
    site.make_workspace();
    drop(Serving::start(site.command(&["serve", "--only", "api"])));
    let mut command = site.command(&["keys", "rotate", "--now"]);
    command.env("POSTROOM_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    refused(&command.output().unwrap(), "could not be opened with this master key");
    // Nothing has happened to the right one.
    sign_in(&Serving::start(site.command(&["serve", "--only", "api"])));
}

#[test]
fn a_new_signing_key_signs_nobody_out_and_running_servers_take_it_up() {
    let site = Site::migrated();
    site.make_workspace();
    let first = Serving::start(site.command(&["serve", "--only", "api"]));
    let before = sign_in(&first);
    // The next key is known before it signs.
    assert!(out(&site.run(&["keys", "rotate"])).contains("signs in two minutes"));
    let published = |server: &Serving| {
        let keys = Anonymous::at(&server.address).get("/.well-known/jwks.json").unwrap().expect(200).unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    let ahead = Serving::start(site.command(&["serve", "--only", "api"]));
    assert_eq!((kid(sign_in(&ahead).token()), published(&ahead)), (kid(before.token()), 2));
    drop(ahead);
    let rotated = site.run(&["keys", "rotate", "--now"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let second = Serving::start(site.command(&["serve", "--only", "api"]));
    let after = sign_in(&second);
    assert_ne!(kid(before.token()), kid(after.token()));
    assert!(out(&rotated).contains(&kid(after.token())));
    // The first server has never seen that key.
    assert_eq!(after.at(&first.address).get("/v1/me").unwrap().status, 200);
    assert_eq!(kid(sign_in(&first).token()), kid(after.token()), "it signs with it from then on");
    for server in [&first, &second] {
        assert_eq!(before.at(&server.address).get("/v1/me").unwrap().status, 200);
        assert_eq!(published(server), 3);
    }
    // Keys that nobody has made are looked for in vain.
    let (head, rest) = after.token().split_once('.').unwrap();
    let made_up = format!("Bearer {}.{rest}", head.replace(|c: char| c.is_ascii_digit(), "x"));
    let refused =
        Anonymous::at(&first.address).send("GET", "/v1/me", &[("authorization", &made_up)], None).unwrap();
    assert_eq!(refused.status, 401);
}

#[test]
fn a_signing_key_of_the_operators_is_taken_over_once() {
    // RFC 8410, 10.3.
    const KEY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    let site = Site::migrated();
    site.make_workspace();
    let serve = || {
        let mut command = site.command(&["serve", "--only", "api"]);
        command.env("POSTROOM_SIGNING_KEY", KEY);
        Serving::start(command)
    };
    let server = serve();
    let published =
        Anonymous::at(&server.address).get("/.well-known/jwks.json").unwrap().expect(200).unwrap();
    assert_eq!(published["keys"][0]["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    assert!(site.run(&["keys", "rotate", "--now"]).status.success());
    assert_ne!(kid(sign_in(&serve()).token()), published["keys"][0]["kid"].as_str().unwrap(), "not again");
    refused(
        &site.command(&["serve"]).env("POSTROOM_SIGNING_KEY", "c2VjcmV0").output().unwrap(),
        "no Ed25519 key",
    );
}

#[test]
fn a_link_for_who_is_invited_is_printed() {
    let site = Site::migrated();
    site.make_workspace();
    let with_page = |arguments: &[&str]| {
        site.command(arguments).env("POSTROOM_APP_URL", "https://app.acme.example").output().unwrap()
    };
    let link = ["user", "invite-link", "--workspace", "acme", "--email", "ben@acme.example"];
    refused(&site.run(&link), "POSTROOM_APP_URL");
    refused(&with_page(&link), "there is no user ben@acme.example");
    let ann = ["user", "invite-link", "--workspace", "acme", "--email", "ann@acme.example"];
    refused(&with_page(&ann), "has accepted already");
    // Without a mail server nobody is invited by the API.
    let server = Serving::start(site.command(&["serve", "--only", "api"]));
    let body = serde_json::json!({"email": "ben@acme.example", "name": "Ben", "role": "manager"});
    let ann = sign_in(&server);
    assert_eq!(ann.post("/v1/users", &body).unwrap().problem(409).unwrap(), "mail_not_configured");
    let forgotten = serde_json::json!({"email": "ann@acme.example"});
    let asked = Anonymous::at(&server.address).post("/v1/auth/password-reset", &forgotten).unwrap();
    assert_eq!(asked.problem(409).unwrap(), "mail_not_configured");
    drop(server);
    let mut serve = site.command(&["serve", "--only", "api"]);
    serve
        .env("POSTROOM_APP_URL", "https://app.acme.example")
        .env("POSTROOM_SYSTEM_FROM", "postroom@acme.example");
    serve.env("POSTROOM_SYSTEM_SMTP_URL", "smtp://127.0.0.1:1?tls=none");
    let server = Serving::start(serve);
    ann.at(&server.address).post("/v1/users", &body).unwrap().expect(201).unwrap();
    let printed = with_page(&link);
    let printed = out(&printed);
    let token = printed.trim().strip_prefix("https://app.acme.example/invitations/").unwrap();
    let anybody = Anonymous::at(&server.address);
    let accepted = anybody.post(
        &format!("/v1/auth/invitations/{token}/accept"),
        &serde_json::json!({"password": "a field of barley"}),
    );
    assert_eq!(accepted.unwrap().expect(200).unwrap()["user"]["name"], "Ben");
}

const FIRST: &str = "From: Ann <ann@customer.example>\r\nTo: us@acme.example\r\nSubject: Hello\r\nMessage-ID: <1@c>\r\n\r\nHi\r\n";
const SECOND: &str = "From: us@acme.example\r\nTo: ann@customer.example\r\nSubject: Re: Hello\r\nMessage-ID: <2@c>\r\n\
                      In-Reply-To: <1@c>\r\n\r\nYes\r\n";
const OTHER: &str =
    "From: eve@else.example\r\nTo: us@acme.example\r\nSubject: Offer\r\nMessage-ID: <3@c>\r\n\r\nBuy\r\n";

fn mails(site: &Site) {
    for (name, text) in [("1.eml", FIRST), ("2.eml", SECOND), ("3.eml", OTHER)] {
        fs::write(site.directory.join(name), text).unwrap();
    }
}

#[test]
fn mail_is_looked_at_without_configuration() {
    let site = Site::new("no database is looked at");
    mails(&site);
    let parse = |files: &[&str]| {
        let output =
            bare(&[&["mail", "parse"], files].concat()).current_dir(&site.directory).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = out(&output);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let one = parse(&["1.eml"]);
    assert_eq!((one.len(), &one[0]["subject"], one[0].get("file")), (1, &"Hello".into(), None));
    let several = parse(&["2.eml", "1.eml"]);
    let files: Vec<_> = several.iter().map(|mail| mail["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["2.eml", "1.eml"]);
    assert_eq!(several[0]["in_reply_to"], serde_json::json!(["1@c"]));

    let mut piped =
        bare(&["mail", "parse", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"\x00\xff no mail at all").unwrap();
    let output = piped.wait_with_output().unwrap();
    assert!(output.status.success() && out(&output).contains("\"notices\":["), "{output:?}");

    let threads =
        bare(&["mail", "threads", "1.eml", "3.eml", "2.eml"]).current_dir(&site.directory).output().unwrap();
    assert_eq!(out(&threads).trim(), r#"[["1.eml","2.eml"],["3.eml"]]"#);
    let missing = bare(&["mail", "parse", "nowhere.eml"]).current_dir(&site.directory).output().unwrap();
    refused(&missing, "nowhere.eml");
}

#[test]
fn the_contract_is_printed_without_configuration() {
    let output = bare(&["openapi"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let elsewhere = bare(&["openapi", "--check"]).current_dir(std::env::temp_dir()).output().unwrap();
    refused(&elsewhere, "openapi/postroom.json");
}
