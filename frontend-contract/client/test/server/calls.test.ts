import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, EditConflict, isProblem, NetworkError } from "@postroom/client";
import { signedIn, there, world } from "./world.js";

async function firstContact(client: Client) {
  const page = await client.get("/v1/contacts", { params: { query: { limit: 1 } } });
  return client.get("/v1/contacts/{id}", { params: { path: { id: there(page.data[0]).id } } });
}

test("every wrong field is told by its pointer", async () => {
  const client = await signedIn(world.owner);
  const contact = await firstContact(client);
  await assert.rejects(
    client.patch("/v1/contacts/{id}", {
      params: { path: { id: contact.id } },
      body: { website: "no address", time_zone: "Mars/Base" },
    }),
    (error) => {
      assert.ok(isProblem(error, "validation_failed"));
      assert.deepEqual(error.errors.map(({ pointer }) => pointer).sort(), ["/time_zone", "/website"]);
      assert.equal(error.field("/time_zone")?.code, "invalid_time_zone");
      return true;
    },
  );
});

test("lists go on to their end, by elements and by pages", async () => {
  const client = await signedIn(world.owner);
  const all: string[] = [];
  for await (const card of client.all("/v1/conversations", { params: { query: { status: "all" } } })) all.push(card.id);
  const paged: string[] = [];
  let pages = 0;
  for await (const page of client.pages("/v1/conversations", { params: { query: { status: "all", limit: 3 } } })) {
    pages += 1;
    paged.push(...page.data.data.map((card) => card.id));
  }
  assert.ok(all.length > 3);
  assert.deepEqual(paged, all);
  assert.equal(pages, Math.ceil(all.length / 3));
});

test("an answer that was lost is asked for again with the same key: one thing is made", async () => {
  const keys: (string | null)[] = [];
  const losing: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const companies = request.method === "POST" && request.url.endsWith("/v1/companies");
    const response = await fetch(request);
    if (!companies) return response;
    keys.push(request.headers.get("Idempotency-Key"));
    if (keys.length === 1) throw new TypeError("the connection was lost");
    return response;
  };
  const client = await signedIn(world.owner, { fetch: losing, retry: { base: 1 } });
  const name = `Made once ${crypto.randomUUID()}`;
  const made = await client.answers.post("/v1/companies", { body: { name } });
  assert.equal(made.replayed, true);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  const found = await client.get("/v1/companies", { params: { query: { q: name } } });
  assert.equal(found.data.filter((company) => company.name === name).length, 1);
});

test("what may not be done twice is not tried again", async () => {
  let tries = 0;
  const losing: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.method !== "PATCH") return fetch(request);
    tries += 1;
    throw new TypeError("the connection was lost");
  };
  const client = await signedIn(world.owner, { fetch: losing });
  await assert.rejects(
    client.patch("/v1/me", { body: { name: "Olga Owner" } }),
    (error) => error instanceof NetworkError,
  );
  assert.equal(tries, 1);
});

test("others' edits of other fields are kept, of the same one refused, and can be settled", async () => {
  const client = await signedIn(world.owner);
  const base = await firstContact(client);
  const path = { id: base.id };
  const theirs = { title: `Buyer ${crypto.randomUUID()}`, address: { city: "Bergen" } };
  await client.patch("/v1/contacts/{id}", { params: { path }, body: theirs });
  // Another field, and another line of the same address.
  const mine = { phone: `+47 ${Date.now()}`, address: { street: "Quay 1" } };
  const saved = await client.edit("/v1/contacts/{id}", base, mine);
  assert.equal(saved.title, theirs.title);
  assert.equal(saved.address.city, "Bergen");
  assert.equal(saved.address.street, "Quay 1");
  assert.equal(saved.phone, mine.phone);

  await assert.rejects(client.edit("/v1/contacts/{id}", base, { title: "Mine", phone: "1" }), (error) => {
    assert.ok(error instanceof EditConflict);
    assert.deepEqual(error.fields, ["/title", "/phone"]);
    assert.equal((error.current as typeof base).title, theirs.title);
    return true;
  });
  const settled = await client.edit(
    "/v1/contacts/{id}",
    base,
    { title: "Mine" },
    { resolve: ({ current, patch }) => ({ title: `${patch.title}, was ${current.title}` }) },
  );
  assert.equal(settled.title, `Mine, was ${theirs.title}`);
});

test("a conversation's owner is one field, whatever it is called", async () => {
  const client = await signedIn(world.owner);
  const { data } = await client.get("/v1/conversations", { params: { query: { status: "all", limit: 1 } } });
  const base = there(data[0]);
  const users = (await client.get("/v1/users")).data;
  const others = users.filter((user) => user.id !== base.owner.id);
  const [first, second] = [there(others[0]), there(others[1])];
  await client.edit("/v1/conversations/{id}", base, { owner_id: first.id });
  await assert.rejects(client.edit("/v1/conversations/{id}", base, { owner_id: second.id }), EditConflict);
  const closed = await client.edit("/v1/conversations/{id}", base, { status: "closed" });
  assert.equal(closed.status, "closed");
  assert.equal(closed.owner.id, first.id);
});

test("files are uploaded with progress, and the upload can be called off", async () => {
  const client = await signedIn(world.owner);
  const file = new File([new Uint8Array(3_000_000)], "list.bin", { type: "application/octet-stream" });
  const seen: number[] = [];
  const sent = await client.upload(file, { onProgress: (progress) => seen.push(progress.sent / progress.total) });
  assert.equal(sent.size, 3_000_000);
  assert.equal(sent.filename, "list.bin");
  assert.ok(seen.length > 2, "more than begin and end");
  assert.equal(seen.at(-1), 1);
  assert.deepEqual(
    seen,
    [...seen].sort((one, other) => one - other),
  );
  const plain = await client.upload(new Blob(["one"], { type: "text/plain" }), { filename: "one.txt" });
  assert.equal(plain.filename, "one.txt");

  const controller = new AbortController();
  const stopped = client.upload(file, { signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(stopped, (error) => error instanceof Error && error.name === "AbortError");
});

test("a picture of oneself", async () => {
  const client = await signedIn(world.owner);
  const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const me = await client.setMyAvatar(new Blob([Buffer.from(dot, "base64")], { type: "image/png" }));
  const picture = await fetch(there(me.avatar_url));
  assert.equal(picture.status, 200);
  assert.match(there(picture.headers.get("Content-Type")), /^image\//);
  await assert.rejects(
    client.setMyAvatar(new Blob(["no picture"], { type: "image/png" })),
    (error) => isProblem(error, "validation_failed") && error.field("/file") !== undefined,
  );
});

test("a reply on top of what one hasn't seen says what is new", async () => {
  const client = await signedIn(world.owner);
  const { data } = await client.get("/v1/conversations", { params: { query: { status: "all", limit: 1 } } });
  const card = there(data[0]);
  const params = { path: { id: card.id } };
  const seen = card.last_message.id;
  await client.post("/v1/conversations/{id}/replies", { params, body: { text: "One moment.", force: true } });
  await assert.rejects(
    client.post("/v1/conversations/{id}/replies", { params, body: { text: "Here.", last_seen_message_id: seen } }),
    (error) => {
      if (!isProblem(error)) return false;
      switch (error.code) {
        case "conversation_moved_on":
          assert.notEqual(error.body.latest_message_id, seen);
          return true;
        default:
          return false;
      }
    },
  );
});
