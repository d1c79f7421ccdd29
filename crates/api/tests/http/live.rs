//! What happened, read and followed over the socket.

use crate::follow::{SOON, World as _, follow, quick};
use crate::world::{World, answering, mail};
use postroom_api::{limits::LimitSettings, sse::LiveTimes};
use postroom_domain::access::Role;
use postroom_testkit::{
    client::{Caller, SignedIn},
    process::wait_for,
    stream::EventStream,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Everything that happened behind a number.
fn since(caller: &SignedIn, after: i64) -> Vec<Value> {
    caller.get(&format!("/v1/events?after={after}&limit=100")).unwrap().expect(200).unwrap()["data"]
        .as_array()
        .unwrap()
        .clone()
}

fn position(caller: &SignedIn) -> i64 {
    caller.get("/v1/conversations").unwrap().header("postroom-event").parse().unwrap()
}

#[test]
fn a_page_that_read_something_goes_on_without_a_gap() {
    let world = World::live(quick());
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let read = olga.get("/v1/conversations").unwrap();
    let n: i64 = read.header("postroom-event").parse().unwrap();
    let id = text(&read.body["data"][0]["id"]).to_owned();
    assert!(since(&olga, n).is_empty());
    let conversation = format!("/v1/conversations/{id}");
    olga.patch(&conversation, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    let events = since(&olga, n);
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (&event["number"], &event["type"], &event["conversation_id"]),
        (&json!(n + 1), &json!("conversation.updated"), &json!(id))
    );
    assert_eq!((&event["actor"]["kind"], &event["actor"]["name"]), (&json!("user"), &json!("Olga")));
    let now = olga.all("/v1/conversations?status=all").unwrap();
    assert_eq!(event["data"], now[0], "the card as the stream shows it");

    // Followed from the same number, the same comes; and then what comes next.
    let stream = follow(&world.base, &olga, &format!("?after={n}"));
    assert_eq!((stream.status(), stream.header("content-type")), (200, "text/event-stream"));
    assert_eq!(stream.header("x-accel-buffering"), "no");
    assert_eq!(stream.header("content-encoding"), "");
    let first = stream.next_event(SOON).unwrap().unwrap();
    assert_eq!((first.event.as_str(), first.id, &first.data), ("conversation.updated", Some(n + 1), event));
    olga.delete(&format!("{conversation}/seen")).unwrap();
    olga.put(&format!("{conversation}/seen"), &json!({})).unwrap().expect(204).unwrap();
    let second = stream.next_event(SOON).unwrap().unwrap();
    assert_eq!(second.id, Some(n + 2));
    drop(stream);

    // Cut: what is written meanwhile comes behind the last id, and before that nothing again.
    olga.patch(&conversation, &json!({"status": "open"})).unwrap().expect(200).unwrap();
    let last = second.id.unwrap().to_string();
    let resumed = EventStream::open(
        &world.base,
        // The page's own address still says where it began.
        &format!("/v1/events/stream?after={n}"),
        &[("authorization", &olga.authorization().unwrap()), ("last-event-id", &last)],
    )
    .unwrap();
    let third = resumed.next_event(SOON).unwrap().unwrap();
    assert_eq!((third.id, &third.data["data"]["status"]), (Some(n + 3), &json!("open")));
}

#[test]
fn a_card_that_is_handed_over_comes_and_goes_and_nobody_else_learns_of_it() {
    let world = World::live(quick());
    let support = world.support();
    let (olga, tom) = (world.olga(), world.tom());
    let tim = world.colleague("tim", Role::TeamMember);
    let n = position(&olga);
    let [to_tom, to_tim] = [&tom, &tim].map(|member| follow(&world.base, member, &format!("?after={n}")));
    world.deliver(&support, mail("bob@customer.example", 1));
    let id = text(&olga.all("/v1/conversations").unwrap()[0]["id"]).to_owned();
    let path = format!("/v1/conversations/{id}");
    olga.patch(&path, &json!({"owner_id": tom.id()})).unwrap().expect(200).unwrap();
    let came = to_tom.wait_for("conversation.updated", SOON).unwrap();
    assert_eq!(came.data["data"]["id"], json!(id));
    assert_eq!(came.data["data"], tom.all("/v1/conversations").unwrap()[0]);
    tom.patch(&path, &json!({"owner_id": olga.id()})).unwrap().expect(200).unwrap();
    let went = to_tom.wait_for("conversation.removed", SOON).unwrap();
    assert_eq!((&went.data["data"], &went.data["actor"]), (&json!({"id": id}), &Value::Null));
    olga.patch(&path, &json!({"status": "closed"})).unwrap().expect(200).unwrap();
    // Everything up to here was gone through: only quiet moves on.
    let end = position(&olga);
    for stream in [&to_tom, &to_tim] {
        loop {
            let message = stream.next(SOON).unwrap().unwrap();
            assert_eq!(message.event, "heartbeat", "{message:?}");
            if message.id == Some(end) {
                break;
            }
        }
    }
    assert!(since(&tim, n).is_empty(), "nor when they ask");
}

#[test]
fn a_position_that_is_none_is_refused_before_the_stream_starts() {
    let world = World::live(quick());
    let support = world.support();
    for number in 1..4 {
        world.deliver(&support, mail("bob@customer.example", number));
    }
    let olga = world.olga();
    let n = position(&olga);
    world.execute(&format!("DELETE FROM events WHERE number <= {}", n - 2));
    for path in ["/v1/events", "/v1/events/stream"] {
        let gone = olga.get(&format!("{path}?after={}", n - 3)).unwrap();
        let body = gone.expect(410).unwrap();
        assert_eq!((&body["code"], &body["oldest_after"]), (&json!("events_expired"), &json!(n - 2)));
        let ahead = olga.get(&format!("{path}?after={}", n + 1)).unwrap().expect(422).unwrap();
        assert_eq!(ahead["errors"][0]["pointer"], "/after");
        for wrong in ["-1", "x", "1.5", "99999999999999999999", "", "1&after=2"] {
            let refused = olga.get(&format!("{path}?after={wrong}")).unwrap();
            assert_eq!(refused.problem(422).unwrap(), "validation_failed", "{path} {wrong:?}");
        }
        assert_eq!(olga.get(&format!("{path}?after={n}&page=2")).unwrap().status, 422);
        assert_eq!(world.anonymous().get(&format!("{path}?after={n}")).unwrap().status, 401);
    }
    assert_eq!(olga.get("/v1/events").unwrap().problem(422).unwrap(), "validation_failed");
    for wrong in ["x", "-1", "1 2"] {
        let headers = [("last-event-id", wrong)];
        let refused = olga.send("GET", "/v1/events/stream", &headers, None).unwrap();
        assert_eq!(refused.problem(400).unwrap(), "malformed_request", "{wrong:?}");
    }
    let head = olga.send("HEAD", "/v1/events/stream", &[], None).unwrap();
    assert_eq!((head.status, head.header("content-type"), head.bytes.len()), (200, "text/event-stream", 0));
}

#[test]
fn without_the_feature_there_is_nothing_to_follow() {
    let world = World::with_times(LimitSettings::OFF, quick());
    let olga = world.olga();
    for path in ["/v1/events?after=0", "/v1/events/stream"] {
        assert_eq!(olga.get(path).unwrap().problem(403).unwrap(), "feature_not_enabled", "{path}");
    }
    let ticket = olga.post("/v1/events/ticket", &json!({})).unwrap();
    assert_eq!(ticket.problem(403).unwrap(), "feature_not_enabled");
}

#[test]
fn a_ticket_opens_the_stream_and_nothing_else_while_its_session_lives() {
    let world = World::live(quick());
    let olga = world.olga();
    let ticket = olga.post("/v1/events/ticket", &json!({})).unwrap().expect(200).unwrap();
    let ticket = text(&ticket["ticket"]).to_owned();
    let path = format!("/v1/events/stream?ticket={ticket}");
    // More than once, and without a header.
    for _ in 0..2 {
        let stream = EventStream::open(&world.base, &path, &[]).unwrap();
        assert_eq!(stream.status(), 200);
        stream.wait_for("heartbeat", SOON).unwrap();
    }
    for elsewhere in ["/v1/events?after=0", "/v1/me", "/v1/conversations"] {
        let separator = if elsewhere.contains('?') { '&' } else { '?' };
        let with = world.anonymous().get(&format!("{elsewhere}{separator}ticket={ticket}")).unwrap();
        assert_eq!(with.status, 401, "{elsewhere}");
        let as_token = format!("Bearer {ticket}");
        let headers = [("authorization", as_token.as_str())];
        assert_eq!(world.anonymous().send("GET", elsewhere, &headers, None).unwrap().status, 401);
    }
    let token = olga.token();
    for forged in ["", "prt_", "prt_AAAA", &ticket[..ticket.len() - 4], token] {
        let path = format!("/v1/events/stream?ticket={forged}");
        assert_eq!(world.anonymous().get(&path).unwrap().status, 401, "{forged}");
    }
    let open = EventStream::open(&world.base, &path, &[]).unwrap();
    olga.post("/v1/auth/logout", &json!({})).unwrap().expect(204).unwrap();
    assert_eq!(open.wait_for("end", SOON).unwrap().data, json!({"reason": "signed_out"}));
    assert_eq!(open.next(SOON).unwrap(), None, "and then the connection ends");
    assert_eq!(world.anonymous().get(&path).unwrap().status, 401);
}

#[test]
fn a_stream_ends_with_the_right_to_it() {
    let world = World::live(quick());
    let (olga, tom) = (world.olga(), world.tom());
    let set = |sql: &str| {
        world.execute(&format!(
            "UPDATE users SET {sql} WHERE id = '{tom}';
             WITH n AS (UPDATE workspace_counters SET event_no = event_no + 1 RETURNING workspace_id, event_no)
             INSERT INTO events (workspace_id, number, type, subject_id)
             SELECT workspace_id, event_no, 'user.updated', '{tom}' FROM n",
            tom = tom.id()
        ));
    };
    let others = follow(&world.base, &olga, "");
    others.wait_for("heartbeat", SOON).unwrap();
    for (sql, reason) in [("role = 'manager'", "role_changed"), ("active = false", "deactivated")] {
        let stream = follow(&world.base, &tom, "");
        assert_eq!(stream.status(), 200);
        set(sql);
        // The change itself is not told to them any more: first of all it is asked whether they may.
        let end = stream.next_event(SOON).unwrap().unwrap();
        assert_eq!((end.event.as_str(), &end.data, end.id), ("end", &json!({"reason": reason}), None));
        assert_eq!(stream.next(SOON).unwrap(), None);
        let told = others.next_event(SOON).unwrap().unwrap();
        assert_eq!((told.event.as_str(), &told.data["data"]["id"]), ("user.updated", &json!(tom.id())));
    }
    assert_eq!(follow(&world.base, &tom, "").status(), 401);
}

#[test]
fn what_one_server_writes_another_one_tells() {
    let world = World::live(quick());
    let support = world.support();
    let olga = world.olga();
    let there = world.another(LiveTimes { heartbeat: Duration::from_secs(60), ..LiveTimes::default() });
    let stream = follow(&there, &olga, "");
    stream.wait_for("heartbeat", SOON).unwrap();
    world.deliver(&support, mail("bob@customer.example", 1));
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "conversation.created") {
        kinds.push(stream.next_event(SOON).unwrap().unwrap().event);
    }
    // The mailbox of the shared inbox may be told of before.
    assert_eq!(kinds[kinds.len() - 2], "message.created");
}

#[test]
fn who_takes_nothing_is_cut_off_and_resumes_where_they_were() {
    let world = World::live(LiveTimes { stall: Duration::from_secs(2), ..quick() });
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    let olga = world.olga();
    let id = text(&olga.all("/v1/conversations").unwrap()[0]["id"]).to_owned();
    let n = position(&olga);
    // More than all buffers between the two take: the same card, many times.
    let many = 10_000;
    world.execute(&format!(
        "INSERT INTO events (workspace_id, number, type, conversation_id)
         SELECT workspace_id, event_no + i, 'conversation.updated', '{id}'
         FROM workspace_counters, generate_series(1, {many}) i;
         UPDATE workspace_counters SET event_no = event_no + {many}"
    ));
    let headers = [("authorization", olga.authorization().unwrap())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("/v1/events/stream?after={n}");
    let unread = EventStream::open_unread(&world.base, &path, &headers).unwrap();
    assert_eq!(world.live.followers(), 1);
    let connected = || unread.is_open_at_the_other_end().unwrap();
    assert!(connected());
    wait_for("the stream that nobody reads ends", SOON, || Ok(world.live.followers() == 0)).unwrap();
    wait_for("and its connection", SOON, || Ok(!connected())).unwrap();
    // Who resumes gets every one of them once; on a busy machine it may take more than one try to read them all.
    let mut last = n;
    while last < n + many {
        let reader = follow(&world.base, &olga, &format!("?after={last}"));
        while last < n + many
            && let Some(message) = reader.next_event(SOON).unwrap()
        {
            assert_eq!(message.id, Some(last + 1));
            last += 1;
        }
    }
}

/// A page that forgets to close its streams is told so, before the server runs out of anything.
#[test]
fn one_user_has_so_many_streams_and_no_more() {
    let mut times = quick();
    times.follow.per_user = 2;
    let world = World::live(times);
    let (olga, tom) = (world.olga(), world.tom());
    let open = |caller| follow(&world.base, caller, "");
    let (first, second) = (open(&olga), open(&olga));
    assert_eq!((first.status(), second.status(), open(&tom).status()), (200, 200, 200));
    let refused = olga.get("/v1/events/stream").unwrap();
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(refused.problem(429).unwrap(), "rate_limited");
    drop(first);
    wait_for("a place", SOON, || Ok(open(&olga).status() == 200)).unwrap();
}

#[test]
fn a_server_that_stops_ends_its_streams_at_once() {
    let mut world = World::live(quick());
    let olga = world.olga();
    let streams: Vec<EventStream> = (0..20).map(|_| follow(&world.base, &olga, "")).collect();
    let begun = Instant::now();
    world.end();
    // The time after which what is under way is cut off is 8 s: nothing has waited for that.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for stream in streams {
        assert_eq!(stream.wait_for("end", SOON).unwrap().data, json!({"reason": "stopping"}));
        assert_eq!(stream.next(SOON).unwrap(), None);
    }
}

#[test]
fn compression_holds_nothing_back() {
    let world = World::live(LiveTimes { heartbeat: Duration::from_secs(60), ..quick() });
    let olga = world.olga();
    let headers = [
        ("authorization", olga.authorization().unwrap()),
        ("accept-encoding", "gzip, deflate, br, zstd".to_owned()),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stream = EventStream::open(&world.base, "/v1/events/stream", &headers).unwrap();
    assert_eq!(stream.header("content-encoding"), "");
    stream.wait_for("heartbeat", SOON).unwrap();
    let name = json!({"name": "Olga the Second"});
    olga.patch("/v1/me", &name).unwrap().expect(200).unwrap();
    let told = stream.next_event(SOON).unwrap().unwrap();
    assert_eq!((told.event.as_str(), &told.data["data"]["name"]), ("user.updated", &name["name"]));
}

#[test]
fn who_is_there_is_told_and_forgotten() {
    let mut times = quick();
    times.follow.presence = Duration::from_millis(400);
    let world = World::live(times);
    let support = world.support();
    world.deliver(&support, mail("bob@customer.example", 1));
    world.deliver(&support, answering(mail("bob@customer.example", 2), 1));
    let (olga, tom) = (world.olga(), world.tom());
    let mia = world.colleague("mia", Role::Manager);
    let id = text(&olga.all("/v1/conversations").unwrap()[0]["id"]).to_owned();
    let path = format!("/v1/conversations/{id}/presence");
    let [to_mia, to_tom] = [&mia, &tom].map(|user| follow(&world.base, user, ""));
    to_tom.wait_for("heartbeat", SOON).unwrap();
    olga.put(&path, &json!({"state": "writing"})).unwrap().expect(204).unwrap();
    let told = to_mia.wait_for("presence", SOON).unwrap();
    assert_eq!(told.id, None, "never repeated");
    assert_eq!(
        (&told.data["conversation_id"], &told.data["state"], &told.data["user"]["name"]),
        (&json!(id), &json!("writing"), &json!("Olga"))
    );
    wait_for("she has gone", SOON, || {
        Ok(mia.get(&path)?.expect(200)?["data"].as_array().is_some_and(Vec::is_empty))
    })
    .unwrap();
    olga.put(&path, &json!({"state": "viewing"})).unwrap().expect(204).unwrap();
    to_mia.wait_for("presence", SOON).unwrap();

    // Tom doesn't see the conversation: neither it nor who is there (ACC-3).
    let nobodys = format!("/v1/conversations/{}/presence", uuid::Uuid::now_v7());
    for path in [&path, &nobodys, "/v1/conversations/x/presence"] {
        assert_eq!(tom.get(path).unwrap().problem(404).unwrap(), "not_found");
        for body in [json!({"state": "viewing"}), json!({"state": "x"}), json!([])] {
            assert_eq!(tom.put(path, &body).unwrap().problem(404).unwrap(), "not_found", "{body}");
        }
    }
    for wrong in
        [json!({}), json!({"state": null}), json!({"state": "gone"}), json!({"state": "viewing", "x": 1})]
    {
        assert_eq!(olga.put(&path, &wrong).unwrap().problem(422).unwrap(), "validation_failed", "{wrong}");
    }
    let n = position(&olga);
    loop {
        let message = to_tom.next(SOON).unwrap().unwrap();
        assert_ne!(message.event, "presence");
        if message.id == Some(n) {
            break;
        }
    }
}
