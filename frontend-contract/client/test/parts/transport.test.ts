import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Client, isProblem, NetworkError, UnexpectedAnswer } from "@postroom/client";
import { retryAfter } from "../../src/problems.js";

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server that answers as told: what the real one does only when it is in trouble. */
async function serving(handler: Handler, use: (base: string, count: () => number) => Promise<void>): Promise<void> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => handler(request, response, ++count));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => count);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function problem(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": "application/problem+json", ...headers });
  const type = `/docs/errors/${code}`;
  response.end(JSON.stringify({ type, title: code, status, detail: code, code, request_id: "r" }));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

const retry = { base: 1, longest: 2_000 };

test("reading is tried again while the server is away, and waits as long as it is told to", async () => {
  const handler: Handler = (_, response, count) =>
    count < 3 ? problem(response, 503, "unavailable", { "Retry-After": "1" }) : json(response, 200, { status: "ok" });
  await serving(handler, async (base, count) => {
    const begun = Date.now();
    await new Client({ baseUrl: base, retry }).get("/readyz");
    assert.equal(count(), 3);
    assert.ok(Date.now() - begun >= 1_900, "twice a second");
  });
});

test("it is not tried for ever, nor when the wait is too long", async () => {
  const unavailable: Handler = (_, response) => problem(response, 503, "unavailable");
  await serving(unavailable, async (base, count) => {
    await assert.rejects(new Client({ baseUrl: base, retry }).get("/readyz"), (error) =>
      isProblem(error, "unavailable"),
    );
    assert.equal(count(), 4);
  });
  const limited: Handler = (_, response) => problem(response, 429, "rate_limited", { "Retry-After": "60" });
  await serving(limited, async (base, count) => {
    await assert.rejects(new Client({ baseUrl: base, retry }).get("/readyz"), (error) => {
      assert.ok(isProblem(error, "rate_limited"));
      assert.equal(error.retryAfter, 60_000);
      return true;
    });
    assert.equal(count(), 1);
  });
});

test("what was refused for the rate was not done: it is tried again, whatever it is", async () => {
  const handler: Handler = (_, response, count) =>
    count === 1 ? problem(response, 429, "rate_limited", { "Retry-After": "0" }) : json(response, 200, {});
  await serving(handler, async (base, count) => {
    await new Client({ baseUrl: base, apiKey: "pr_x", retry }).patch("/v1/me", { body: { name: "Ann" } });
    assert.equal(count(), 2);
  });
});

test("what may have been done is tried again only where that does no harm", async () => {
  const cut: Handler = (request) => request.socket.destroy();
  await serving(cut, async (base, count) => {
    const client = new Client({ baseUrl: base, apiKey: "pr_x", retry });
    await assert.rejects(client.patch("/v1/me", { body: { name: "Ann" } }), NetworkError);
    assert.equal(count(), 1);
    await assert.rejects(client.post("/v1/companies", { body: { name: "Once" } }), NetworkError);
    assert.equal(count(), 1 + 4);
    await assert.rejects(client.get("/v1/me"), NetworkError);
    assert.equal(count(), 1 + 4 + 4);
  });
});

test("the first request with a key is waited for", async () => {
  const handler: Handler = (_, response, count) =>
    count === 1
      ? problem(response, 409, "idempotency_in_progress", { "Retry-After": "0" })
      : json(response, 201, { id: "c" });
  await serving(handler, async (base, count) => {
    await new Client({ baseUrl: base, apiKey: "pr_x", retry }).post("/v1/companies", { body: { name: "Once" } });
    assert.equal(count(), 2);
  });
});

test("a call is called off at once, also while it waits", async () => {
  const handler: Handler = (_, response) => problem(response, 503, "unavailable", { "Retry-After": "1" });
  await serving(handler, async (base) => {
    const begun = Date.now();
    const signal = AbortSignal.timeout(50);
    await assert.rejects(new Client({ baseUrl: base, retry }).get("/readyz", { signal }));
    assert.ok(Date.now() - begun < 900);
  });
});

test("an answer that is none of the API's is told as that", async () => {
  const handler: Handler = (_, response, count) => {
    response.writeHead(count === 1 ? 404 : 200, { "Content-Type": "text/html" });
    response.end("<h1>A proxy</h1>");
  };
  await serving(handler, async (base) => {
    const client = new Client({ baseUrl: base, apiKey: "pr_x", retry });
    for (let tries = 0; tries < 2; tries += 1) await assert.rejects(client.get("/v1/me"), UnexpectedAnswer);
  });
});

test("Retry-After is seconds or a date", () => {
  const read = (text: string) => retryAfter(new Headers({ "Retry-After": text }), Date.UTC(2026, 0, 1));
  assert.equal(read("3"), 3_000);
  assert.equal(read("Thu, 01 Jan 2026 00:00:05 GMT"), 5_000);
  assert.equal(read("Wed, 31 Dec 2025 23:59:59 GMT"), 0);
  assert.equal(read("soon"), undefined);
});
