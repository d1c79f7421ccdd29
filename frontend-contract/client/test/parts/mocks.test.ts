import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setupServer } from "msw/node";
import { answers, routes } from "../../src/generated/recorded.js";
import { Client, EditConflict, isProblem, type LiveMessage } from "../../src/index.js";
import { mockPostroom } from "../../src/mocks/index.js";

const BASE = "http://postroom.test";
const server = setupServer();
before(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
after(() => server.close());

/** A mocked server, and Olga signed in to it. */
async function olga() {
  const mock = mockPostroom({ baseUrl: BASE });
  server.use(...mock.handlers);
  const client = new Client({ baseUrl: BASE });
  await client.session.signIn({ workspace: "acme", email: "olga@acme.example", password: "any" });
  return { mock, client };
}

/** Waits until it holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 500, "it never held");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const refused = (code: Parameters<typeof isProblem>[1]) => (error: unknown) => isProblem(error, code);

test("only Olga signs in, and nobody else reads", async () => {
  const { client } = await olga();
  assert.equal(client.me?.name, "Olga Owens");
  assert.equal((await client.get("/v1/me")).email, "olga@acme.example");
  await client.session.signOut();
  await assert.rejects(client.get("/v1/me"), refused("not_authenticated"));
  const wrong = { workspace: "acme", email: "nobody@acme.example", password: "any" };
  await assert.rejects(client.session.signIn(wrong), refused("invalid_credentials"));
});

test("the stream has its views, pages and counts", async () => {
  const { client } = await olga();
  const subjects = async (query: object) => {
    const all: string[] = [];
    for await (const card of client.all("/v1/conversations", { params: { query } })) all.push(card.subject);
    return all;
  };
  const open = ["Order 1234", "The grinder is loud", "Opening hours"];
  assert.deepEqual(await subjects({}), open);
  assert.deepEqual(await subjects({ limit: 1 }), open);
  assert.deepEqual(await subjects({ sort: "oldest" }), open.toReversed());
  assert.deepEqual(await subjects({ status: "closed" }), ["Invoice 77"]);
  assert.deepEqual(await subjects({ view: "mine" }), ["Order 1234", "Opening hours"]);
  const counts = await client.get("/v1/conversations/counts");
  assert.equal(counts.mine.open, 2);
  assert.equal(counts.all?.open, 3);
});

test("a page that follows sees everything that is done, also after a cut", async () => {
  const { mock, client } = await olga();
  const ended = new AbortController();
  const cards = client.cards({ status: "open" });
  const messages: LiveMessage[] = [];
  const after = await cards.load();
  let connected = 0;
  const followed = (async () => {
    const onState = ({ state }: { state: string }) => {
      if (state === "live") connected += 1;
    };
    for await (const message of client.follow({ after, signal: ended.signal, onState })) {
      messages.push(message);
      await cards.receive(message);
    }
  })();
  const shown = () => cards.snapshot()?.cards ?? [];
  await until(() => connected === 1);
  const [order, loud, hours] = shown();
  assert.ok(order && loud && hours);

  const path = (id: string) => ({ params: { path: { id } } });
  await client.put("/v1/conversations/{id}/seen", { ...path(loud.id), body: {} });
  await until(() => shown()[1]?.unread === false);
  await client.patch("/v1/conversations/{id}", { ...path(order.id), body: { status: "closed" } });
  await until(() => shown().length === 2);
  await client.patch("/v1/conversations/{id}", { ...path(order.id), body: { status: "open" } });
  await until(() => shown()[0]?.id === order.id);
  await client.patch("/v1/conversations/{id}", { ...path(order.id), body: { owner_id: loud.owner.id } });
  await until(() => shown()[0]?.owner.name === "Tom Reed");

  mock.cut();
  mock.receive(hours.id, "And on Sunday?");
  await until(() => connected === 2 && shown()[0]?.id === hours.id);
  assert.equal(shown()[0]?.last_message.preview, "And on Sunday?");
  assert.equal(shown()[0]?.unseen_replies, 2);
  ended.abort();
  await followed;
  const numbers = messages.flatMap((message) => (message.kind === "event" ? [message.event.number] : []));
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((one, other) => one - other),
    "each once, in order",
  );
});

test("a reply waits to be sent, and can be taken back", async () => {
  const { client } = await olga();
  const [card] = (await client.get("/v1/conversations")).data;
  assert.ok(card);
  const params = { path: { id: card.id } };
  const read = async () => (await client.get("/v1/conversations/{id}/messages", { params })).data;
  const before = await read();
  assert.equal(before.length, 3);
  const body = { html: "<p>Tomorrow.</p>", last_seen_message_id: before[0]?.id ?? "" };
  const moved = client.post("/v1/conversations/{id}/replies", { params, body });
  await assert.rejects(
    moved,
    (error) => isProblem(error, "conversation_moved_on") && error.body.latest_message_id === before[2]?.id,
  );
  const reply = await client.post("/v1/conversations/{id}/replies", { params, body: { html: body.html } });
  assert.equal(reply.delivery?.state, "queued");
  assert.equal((await read()).at(-1)?.text, "Tomorrow.");
  const back = await client.post("/v1/messages/{id}/cancel", { params: { path: { id: reply.id } } });
  assert.equal(back["html"], "<p>Tomorrow.</p>");
  assert.deepEqual(await read(), before);
  assert.equal((await client.get("/v1/conversations/{id}", { params })).message_count, 3);
});

test("a contact is edited on its version", async () => {
  const { client } = await olga();
  const [card] = (await client.get("/v1/conversations")).data;
  assert.ok(card);
  const contact = await client.get("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } } });
  const edited = await client.edit("/v1/contacts/{id}", contact, { title: "Director" });
  assert.equal(edited.version, contact.version + 1);
  const onOld = client.edit("/v1/contacts/{id}", contact, { title: "Boss" });
  await assert.rejects(onOld, (error) => error instanceof EditConflict && error.fields[0] === "/title");
  const merged = await client.edit("/v1/contacts/{id}", contact, { first_name: "Robert" });
  assert.equal(merged.title, "Director");
  const [after] = (await client.get("/v1/conversations")).data;
  assert.equal(after?.primary_contact.name, "Robert Fisher");
});

test("any operation answers any of its problems once, and what isn't there is not found", async () => {
  const { mock, client } = await olga();
  mock.problem("get_workspace", "internal");
  await assert.rejects(client.get("/v1/workspace"), refused("internal"));
  assert.equal((await client.get("/v1/workspace")).slug, "acme");
  assert.throws(() => mock.problem("get_workspace", "conversation_moved_on"), /never answers/);
  const params = { path: { id: "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11" } };
  await assert.rejects(client.get("/v1/conversations/{id}", { params }), refused("not_found"));
  const nowhere = await fetch(`${BASE}/v1/nowhere`);
  assert.equal(nowhere.status, 404);
  assert.equal(((await nowhere.json()) as { code: string }).code, "not_found");
});

test("every operation answers with the status that was recorded", async () => {
  await olga();
  // They look at what is sent, or at an id which the addresses below don't have.
  const careful = new Set(["login", "get_contact", "update_contact", "get_message", "cancel_message"]);
  const order = "0198c7e0-0000-7000-8000-000000000024";
  const others = routes.filter(({ id }) => !careful.has(id) && id !== "get_conversation_message");
  const ended = new AbortController();
  for (const { id, method, path } of others) {
    const headers = { Authorization: "Bearer pr_key" };
    const address = BASE + path.replaceAll(/\{\w+\}/g, order);
    const response = await fetch(address, { method: method.toUpperCase(), headers, signal: ended.signal });
    assert.equal(response.status, id === "refresh" ? 200 : answers[id].status, id);
    if (id === "logout") server.use(...mockPostroom({ baseUrl: BASE, signedIn: true }).handlers);
  }
  ended.abort();
});
