import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, inMemory, isProblem } from "@postroom/client";
import { signedIn, there, world } from "./world.js";

const who = { workspace: world.workspace, email: world.owner, password: world.password };

test("signing in says who one is, and calls carry the token", async () => {
  const client = await signedIn(world.owner);
  const me = await client.get("/v1/me");
  assert.equal(me.email, world.owner);
  assert.deepEqual(client.me?.id, me.id);
});

test("wrong credentials are a problem with a code", async () => {
  const client = new Client({ baseUrl: world.base });
  await assert.rejects(client.session.signIn({ ...who, password: "wrong" }), (error) => {
    assert.ok(isProblem(error, "invalid_credentials"));
    assert.equal(error.status, 401);
    assert.match(error.requestId, /./);
    return true;
  });
  assert.equal(client.me, undefined);
});

test("a token that is worth nothing is renewed once for all who wait, and their calls go on", async () => {
  let refreshes = 0;
  let spoil = false;
  const counting: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.url.endsWith("/v1/auth/refresh")) refreshes += 1;
    else if (spoil && request.headers.has("Authorization")) request.headers.set("Authorization", "Bearer of.no.worth");
    return fetch(request).finally(() => {
      if (request.url.endsWith("/v1/auth/refresh")) spoil = false;
    });
  };
  const client = await signedIn(world.owner, { fetch: counting });
  spoil = true;
  const answers = await Promise.all([client.get("/v1/me"), client.get("/v1/workspace"), client.get("/v1/me")]);
  assert.equal(answers.length, 3);
  assert.equal(refreshes, 1);
});

test("a kept refresh token goes on with the session in another program; signing out ends it for both", async () => {
  const store = inMemory();
  await signedIn(world.owner, { refreshTokens: store });
  const later = new Client({ baseUrl: world.base, refreshTokens: store });
  assert.equal((await later.session.resume())?.email, world.owner);
  const told: (string | undefined)[] = [];
  later.session.onChange((me) => told.push(me?.email));
  const token = there(await store.load());
  await later.session.signOut();
  assert.deepEqual(told, [undefined]);
  assert.equal(await store.load(), undefined);
  assert.equal(await later.session.resume(), undefined);
  const thief = new Client({ baseUrl: world.base, refreshTokens: inMemory(token) });
  assert.equal(await thief.session.resume(), undefined);
  await assert.rejects(later.get("/v1/me"), (error) => isProblem(error, "not_authenticated"));
});

test("in a browser the refresh token is in the cookie alone", async () => {
  let cookie: string | undefined;
  // What a browser does with cookies and origins.
  const browser: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.credentials === "include" && cookie !== undefined) request.headers.set("Cookie", cookie);
    if (request.method !== "GET") request.headers.set("Origin", world.base);
    const response = await fetch(request);
    const set = response.headers.get("Set-Cookie");
    if (set !== null) cookie = /Max-Age=0/.test(set) ? undefined : there(set.split(";")[0]);
    return response;
  };
  Object.assign(globalThis, { document: {}, location: { origin: world.base } });
  try {
    const page = new Client({ fetch: browser });
    await page.session.signIn(who);
    assert.match(there(cookie), /^[^=]+=./);
    const reloaded = new Client({ fetch: browser });
    assert.equal((await reloaded.session.resume())?.email, world.owner);
    await reloaded.session.signOut();
    assert.equal(cookie, undefined);
    const again = new Client({ fetch: browser });
    assert.equal(await again.session.resume(), undefined);
  } finally {
    Reflect.deleteProperty(globalThis, "document");
    Reflect.deleteProperty(globalThis, "location");
  }
});

test("an API key needs no signing in", async () => {
  const owner = await signedIn(world.owner);
  const { token } = await owner.post("/v1/api-keys", { body: { name: "Reports", scope: "read" } });
  const program = new Client({ baseUrl: world.base, apiKey: token });
  assert.equal((await program.get("/v1/me")).email, world.owner);
  await assert.rejects(
    program.post("/v1/companies", { body: { name: "Not allowed" } }),
    (error) => isProblem(error) && error.code === "scope_not_allowed",
  );
});
