/** Pages of the stream that follow what happens are the same as pages that are loaded anew (STR-1, STR-3, STR-5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type api,
  type CardList,
  type CardQuery,
  type CardStore,
  type Client,
  isProblem,
  type LiveMessage,
  type LiveState,
} from "@postroom/client";
import { Random } from "../random.js";
import { signedIn, there, world } from "./world.js";

const QUERIES = (["mine", "all"] as const).flatMap((view) =>
  (["open", "closed", "all"] as const).flatMap((status) =>
    (["newest", "oldest"] as const).map((sort) => ({ view, status, sort })),
  ),
);
/** Small, so that pages end in the middle of what happens. */
const LIMIT = 4;

async function now(client: Client): Promise<number> {
  return there((await client.answers.get("/v1/conversations/counts")).event);
}

/** Somebody with a page open for each list that they may see. */
class Watcher {
  readonly client: Client;
  readonly stores: readonly CardStore[];
  position = 0;
  reloads = 0;
  #controller = new AbortController();
  #following: Promise<void> | undefined;

  constructor(client: Client) {
    this.client = client;
    const mayAll = client.me?.can.view_all === true;
    this.stores = QUERIES.filter((query) => mayAll || query.view === "mine").map((query) => client.cards(query, LIMIT));
  }

  async open(): Promise<void> {
    this.position = Math.min(...(await Promise.all(this.stores.map((store) => store.load()))));
    this.follow();
  }

  follow(): void {
    this.#controller = new AbortController();
    this.#following = (async () => {
      for await (const message of this.client.follow({ after: this.position, signal: this.#controller.signal })) {
        if (message.kind === "event") this.position = message.event.number;
        if (message.kind === "reload") this.reloads += 1;
        await Promise.all(this.stores.map((store) => store.receive(message)));
      }
    })();
  }

  /** The connection is lost, and another one goes on. */
  async cut(): Promise<void> {
    this.#controller.abort();
    await this.#following;
    this.follow();
  }

  /** Until nothing is behind what has come. */
  async settle(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const behind = await this.client.missed(this.position).next();
      if (behind.done) return;
      assert.ok(tries < 600, `${behind.value.type} ${behind.value.number} has not come, at ${this.position}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await this.#following;
  }
}

async function fresh(client: Client, query: CardQuery): Promise<api.Card[]> {
  const { view, status, sort } = query;
  const cards: api.Card[] = [];
  for await (const card of client.all("/v1/conversations", { params: { query: { view, status, sort } } }))
    cards.push(card);
  return cards;
}

/** Pictures have addresses that are made anew each time: whether they are there is compared. */
function comparable(cards: readonly api.Card[]): unknown {
  return JSON.parse(JSON.stringify(cards), (name, value: unknown) => (name === "avatar_url" ? value !== null : value));
}

async function difference(watcher: Watcher): Promise<unknown> {
  try {
    await check(watcher);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function check(watcher: Watcher): Promise<void> {
  for (const store of watcher.stores) {
    const list: CardList = there(store.snapshot());
    const anew = await fresh(watcher.client, list.query);
    const { view, status, sort } = list.query;
    const expected = list.nextCursor === null ? anew : anew.slice(0, list.cards.length);
    assert.deepEqual(
      comparable(list.cards),
      comparable(expected),
      `${watcher.client.me?.email}: ${view} ${status} ${sort}`,
    );
  }
}

async function work(random: Random, client: Client, people: readonly string[]): Promise<void> {
  const query = { status: "all", limit: 30 } as const;
  const { data } = await client.get("/v1/conversations", { params: { query } });
  if (data.length === 0) return;
  const card = random.of(data);
  const params = { path: { id: card.id } };
  switch (random.below(8)) {
    case 0:
    case 1:
      await client.patch("/v1/conversations/{id}", {
        params,
        body: { status: random.of(["open", "closed"] as const) },
      });
      break;
    case 2:
    case 3:
      await client.patch("/v1/conversations/{id}", { params, body: { owner_id: random.of(people) } });
      break;
    case 4:
      await client.put("/v1/conversations/{id}/seen", { params, body: {} });
      break;
    case 5:
      await client.post("/v1/conversations/{id}/replies", { params, body: { text: "Thank you.", force: true } });
      break;
    case 6:
      await client.patch("/v1/me", { body: { name: `Name ${random.below(1000)}` } });
      break;
    default: {
      const body = { last_name: `Name ${random.below(1000)}` };
      await client.patch("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } }, body });
    }
  }
}

test("however it came about, what is followed is what would be loaded anew", async () => {
  const clients = await Promise.all([world.owner, ...world.members].map((email) => signedIn(email)));
  const people = clients.map((client) => there(client.me).id);
  const watchers = clients.map((client) => new Watcher(client));
  await Promise.all(watchers.map((watcher) => watcher.open()));
  const random = new Random(2026);
  try {
    for (let step = 0; step < 60; step += 1) {
      const watcher = random.of(watchers);
      if (step % 10 === 5) await watcher.cut();
      else if (step % 10 === 8) await random.of(watcher.stores).more();
      else await work(random, random.of(clients), people);
    }
    for (const watcher of watchers) {
      // Mail goes on to come in: what was loaded anew after that is no comparison.
      for (let tries = 0; ; tries += 1) {
        await watcher.settle();
        const before = await now(watcher.client);
        const differs = await difference(watcher);
        if (differs === undefined) break;
        if (before === (await now(watcher.client)) || tries === 20) throw differs;
      }
      assert.equal(watcher.reloads, 0);
    }
  } finally {
    for (const watcher of watchers) await watcher.close();
  }
});

test("a position that can't be followed from leads to loading anew, and a page goes on", async () => {
  const client = await signedIn(world.owner);
  const states: LiveState["state"][] = [];
  const controller = new AbortController();
  const after = (await now(client)) + 1_000_000;
  for await (const message of client.follow({
    after,
    signal: controller.signal,
    onState: ({ state }) => states.push(state),
  })) {
    assert.equal(message.kind, "reload");
    assert.ok(message.kind === "reload" && message.position < after);
    controller.abort();
  }
  assert.deepEqual(states, ["connecting", "connecting", "live", "ended"]);
});

test("presence is told and who signs out is told why it ends", async () => {
  const [owner, other] = await Promise.all([signedIn(world.owner), signedIn(world.owner)]);
  const card = there(
    (await owner.get("/v1/conversations", { params: { query: { status: "all", limit: 1 } } })).data[0],
  );
  const seen: LiveMessage[] = [];
  let live = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    live = resolve;
  });
  const following = (async () => {
    for await (const message of owner.follow({ onState: ({ state }) => state === "live" && live() })) {
      seen.push(message);
      if (message.kind === "presence") await owner.session.signOut();
    }
  })();
  await opened;
  const params = { path: { id: card.id } };
  await other.put("/v1/conversations/{id}/presence", { params, body: { state: "writing" } });
  await assert.rejects(following, (error) => isProblem(error, "not_authenticated"));
  const presence = there(seen.find((message) => message.kind === "presence"));
  assert.equal(presence.presence.state, "writing");
  assert.equal(presence.presence.conversation_id, card.id);
});
