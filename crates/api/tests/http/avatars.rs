//! Pictures of people: uploaded, shown wherever somebody is, loaded by signed addresses, removed.

use crate::follow::{SOON, World as _, follow, quick};
use crate::world::{PASSWORD, World, mail};
use chrono::{TimeDelta, Utc};
use image::{DynamicImage, ImageFormat, RgbImage};
use postroom_api::{
    keys::{Key, Purpose},
    links::Links,
};
use postroom_domain::ids::WorkspaceId;
use postroom_testkit::client::{Answer, Caller};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::io::Cursor;

const MINE: &str = "/v1/me/avatar";

/// A picture of 300 by 200 in one colour.
fn picture(format: ImageFormat, red: u8) -> Vec<u8> {
    let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(300, 200, image::Rgb([red, 10, 20])));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn upload(caller: &impl Caller, path: &str, part: &str, content: &[u8], more: &[(&str, &str)]) -> Answer {
    let head = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"me.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--xx--\r\n"].concat();
    let authorization = caller.authorization().unwrap();
    let mut headers =
        vec![("authorization", authorization.as_str()), ("content-type", "multipart/form-data; boundary=xx")];
    headers.extend(more);
    caller.line().send("PUT", path, &headers, body).unwrap()
}

fn set(caller: &impl Caller, path: &str, content: &[u8]) -> Value {
    upload(caller, path, "file", content, &[]).expect(200).unwrap()
}

/// The way behind the server's name.
fn way<'a>(world: &World, url: &'a Value) -> &'a str {
    url.as_str().unwrap().strip_prefix(&world.base).unwrap()
}

/// A crop of the middle in 256 by 256, and nothing of the file's name is believed.
#[test]
fn a_picture_is_judged_by_its_content() {
    let world = World::new();
    let tom = world.tom();
    for (red, format) in
        [(20, ImageFormat::Png), (80, ImageFormat::Jpeg), (140, ImageFormat::Gif), (200, ImageFormat::WebP)]
    {
        let before = tom.get("/v1/me").unwrap().expect(200).unwrap();
        let answer = upload(&tom, MINE, "file", &picture(format, red), &[]);
        let tag = answer.header("etag").to_owned();
        let me = answer.expect(200).unwrap();
        assert_ne!(me["avatar_url"], before["avatar_url"], "{format:?}");
        assert_eq!(me["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
        // The tag is that of the next reading as well: no signature is in it.
        let again = tom.send("GET", "/v1/me", &[("if-none-match", &tag)], None).unwrap();
        assert_eq!(again.status, 304, "{format:?}");
    }
    let me = tom.get("/v1/me").unwrap().expect(200).unwrap();
    assert_eq!(set(&tom, MINE, &picture(ImageFormat::WebP, 200)), me, "the same picture is no change");

    let refused = |content: &[u8]| {
        let problem = upload(&tom, MINE, "file", content, &[]).expect(422).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/file");
        problem["errors"][0]["code"].as_str().unwrap().to_owned()
    };
    for no_picture in [
        &b""[..],
        b"a text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        &picture(ImageFormat::Png, 5)[..60],
    ] {
        assert_eq!(refused(no_picture), "invalid_value");
    }
    assert_eq!(refused(&bomb()), "too_large");
    let large = vec![0; 5 * 1024 * 1024 + 1];
    assert_eq!(upload(&tom, MINE, "file", &large, &[]).problem(413).unwrap(), "body_too_large");
    let other = upload(&tom, MINE, "picture", b"x", &[]).expect(422).unwrap();
    assert_eq!(other["errors"][0]["pointer"], "/picture");
    assert_eq!(tom.put(MINE, &json!({})).unwrap().problem(415).unwrap(), "unsupported_media_type");
    let stale = upload(&tom, MINE, "file", b"a text", &[("if-match", "\"1\"")]).expect(412).unwrap();
    assert_eq!(stale["current"], me, "before the picture is judged; with its address");
    assert_eq!(tom.get("/v1/me").unwrap().expect(200).unwrap(), me, "nothing of it changed anything");
}

/// A PNG that says of itself that it has 50,000 by 50,000 pixels.
fn bomb() -> Vec<u8> {
    let mut png = picture(ImageFormat::Png, 6);
    png[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&50_000_u32.to_be_bytes());
    let sum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

/// It stands wherever the person does, and nowhere any more when it is removed.
#[test]
fn a_picture_is_shown_wherever_its_person_is() {
    let world = World::live(quick());
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let (olga, tom) = (world.olga(), world.tom());
    let page = follow(&world.base, &olga, "");
    page.wait_for("heartbeat", SOON).unwrap();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    let contact = format!("/v1/contacts/{}", card["primary_contact"]["id"].as_str().unwrap());
    let avatar = format!("{contact}/avatar");
    let path = format!("/v1/conversations/{}", card["id"].as_str().unwrap());

    // Who doesn't see the contact is told nothing else, whatever they send.
    for content in [&picture(ImageFormat::Png, 7)[..], b"a text"] {
        assert_eq!(upload(&tom, &avatar, "file", content, &[]).problem(404).unwrap(), "not_found");
    }
    assert_eq!(tom.delete(&avatar).unwrap().problem(404).unwrap(), "not_found");

    // Who does is told what is wrong with it.
    let wrong = upload(&olga, &avatar, "file", b"a text", &[]).expect(422).unwrap();
    assert_eq!(wrong["errors"][0]["pointer"], "/file");
    let large = vec![0; 5 * 1024 * 1024 + 1];
    assert_eq!(upload(&olga, &avatar, "file", &large, &[]).problem(413).unwrap(), "body_too_large");

    let bob = set(&olga, &avatar, &picture(ImageFormat::Png, 8))["avatar_url"].clone();
    assert_eq!(page.wait_for("contact.updated", SOON).unwrap().data["data"]["avatar_url"], bob);
    let own = set(&olga, MINE, &picture(ImageFormat::Png, 9))["avatar_url"].clone();
    assert_eq!(page.wait_for("user.updated", SOON).unwrap().data["data"]["avatar_url"], own);
    assert_ne!(bob, own);
    let get = |path: &str| olga.get(path).unwrap().expect(200).unwrap();
    let card = olga.all("/v1/conversations").unwrap().remove(0);
    assert_eq!(card["primary_contact"]["avatar_url"], bob);
    assert_eq!(card["last_message"]["sender"]["avatar_url"], bob);
    assert_eq!(card["owner"]["avatar_url"], own);
    assert_eq!(get(&path)["participants"][0]["avatar_url"], bob);
    assert_eq!(olga.all(&format!("{path}/messages")).unwrap()[0]["author"]["avatar_url"], bob);
    assert_eq!(get(&contact)["avatar_url"], bob);
    assert_eq!(get(&contact)["owner"]["avatar_url"], own);
    assert_eq!(get("/v1/contacts")["data"][0]["avatar_url"], bob);
    assert_eq!(get(&format!("/v1/users/{}", olga.id()))["avatar_url"], own);
    assert_eq!(get("/v1/audit")["data"][0]["actor"]["avatar_url"], own);
    let session = world.anonymous().sign_in("acme", "olga@acme.example", PASSWORD).unwrap();
    assert_eq!(session.session()["user"]["avatar_url"], own);
    let patched = olga.patch(&path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    assert_eq!(patched["owner"]["avatar_url"], own);
    let told = page.wait_for("conversation.updated", SOON).unwrap().data;
    assert_eq!((&told["data"]["owner"]["avatar_url"], &told["actor"]["avatar_url"]), (&own, &own));
    let reply = || olga.post_once(&format!("{path}/replies"), "r", &json!({"text": "Yes."})).unwrap();
    assert_eq!(reply().expect(201).unwrap()["author"]["avatar_url"], own);
    assert_eq!(reply().expect(201).unwrap()["author"]["avatar_url"], own, "given again");
    let deal = olga.post("/v1/deals", &json!({"name": "Fifty seats"})).unwrap().expect(201).unwrap();
    assert_eq!(deal["owner"]["avatar_url"], own);
    // A last sender who is neither owner nor primary contact is looked up.
    olga.patch(&path, &json!({"owner_id": tom.id()})).unwrap().expect(200).unwrap();
    let card = olga.all("/v1/conversations?status=all").unwrap().remove(0);
    assert_eq!(
        (&card["owner"]["avatar_url"], &card["last_message"]["sender"]["avatar_url"]),
        (&Value::Null, &own)
    );

    // Without headers, and as a picture alone.
    let loaded = world.anonymous().get(way(&world, &bob)).unwrap();
    assert_eq!(loaded.status, 200);
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", "private, max-age=3600, immutable"),
    ] {
        assert_eq!(loaded.header(name), value);
    }
    assert!(loaded.header("content-security-policy").contains("sandbox"));

    let removed = olga.delete(&avatar).unwrap().expect(200).unwrap();
    assert_eq!(removed["avatar_url"], Value::Null);
    assert_eq!(olga.delete(&avatar).unwrap().expect(200).unwrap(), removed, "once");
    assert_eq!(get(&path)["primary_contact"]["avatar_url"], Value::Null);
    assert_eq!(world.anonymous().get(way(&world, &bob)).unwrap().problem(404).unwrap(), "not_found");
    let actions = olga.all(&format!("/v1/audit?action=contact.updated&actor_id={}", olga.id())).unwrap();
    assert_eq!(actions.len(), 2);
    assert_eq!(actions[0]["after"]["fields"], json!(["avatar"]));
}

/// An address is good for its picture in its workspace until its time, and can't be made by anybody.
#[test]
fn addresses_of_pictures_can_not_be_forged() {
    let world = World::new();
    let tom = world.tom();
    world.neighbour("globex");
    let otto = world.anonymous().sign_in("globex", "otto@globex.example", PASSWORD).unwrap();
    let url = set(&tom, MINE, &picture(ImageFormat::Png, 11))["avatar_url"].clone();
    let other = set(&otto, MINE, &picture(ImageFormat::Png, 12))["avatar_url"].clone();
    let (way_of_tom, way_of_otto) = (way(&world, &url).to_owned(), way(&world, &other).to_owned());
    let split = |way: &str| {
        let (path, query) = way.split_once('?').unwrap();
        (path.to_owned(), query.to_owned())
    };
    let ((path, query), (elsewhere, their_query)) = (split(&way_of_tom), split(&way_of_otto));
    let later = query.replace("expires=1", "expires=2");
    assert_ne!(later, query);
    for unsigned in [path.clone(), format!("{way_of_tom}&more=1")] {
        assert_eq!(tom.get(&unsigned).unwrap().problem(422).unwrap(), "validation_failed", "{unsigned}");
    }
    for forged in [
        format!("{path}?{their_query}"),
        format!("{elsewhere}?{query}"),
        format!("{path}?{later}"),
        format!("{path}?{}", &query[..query.len() - 3]),
        format!("/v1/avatars/x?{query}"),
    ] {
        for caller in [&tom, &otto] {
            assert_eq!(caller.get(&forged).unwrap().problem(404).unwrap(), "not_found", "{forged}");
        }
    }
    assert_eq!(world.anonymous().get(&way_of_tom).unwrap().status, 200);
    let workspace = tom.get("/v1/me").unwrap().expect(200).unwrap()["workspace"]["id"].clone();
    let workspace = WorkspaceId(workspace.as_str().unwrap().parse().unwrap());
    let key = Key::derive(world.store.link_secret().expose_secret(), Purpose::Link);
    let long_ago = Links::signed(&world.base, &key, workspace, Utc::now() - TimeDelta::hours(3));
    let name = path.rsplit('/').next().unwrap();
    let expired: Value =
        serde_json::from_str(&long_ago.sign(&json!({"$picture": name}).to_string())).unwrap();
    assert_eq!(world.anonymous().get(way(&world, &expired)).unwrap().problem(403).unwrap(), "link_expired");
}
