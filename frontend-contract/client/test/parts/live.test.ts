import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Client, type LiveState } from "@postroom/client";

afterEach(() => {
  Reflect.deleteProperty(globalThis, "window");
});

/** A server whose streams say where they begin, and then nothing any more. */
function silentServer() {
  const asked: string[] = [];
  const send = async (input: RequestInfo | URL): Promise<Response> => {
    asked.push(String(input));
    const begin = new TextEncoder().encode("id: 7\nevent: heartbeat\ndata: {}\n\n");
    const body = new ReadableStream({ start: (controller) => controller.enqueue(begin) });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
  return { asked, send };
}

test("a browser that goes offline says so at once, and goes on where it was when it is back", async () => {
  const browser = new EventTarget();
  Object.defineProperty(globalThis, "window", { value: browser, configurable: true });
  const { asked, send } = silentServer();
  const client = new Client({ baseUrl: "http://test", apiKey: "pr_test", fetch: send });
  const states: LiveState["state"][] = [];
  const end = new AbortController();
  const messages = client.follow({ signal: end.signal, onState: ({ state }) => states.push(state) });
  assert.deepEqual((await messages.next()).value, { kind: "position", position: 7 });
  const next = messages.next();
  browser.dispatchEvent(new Event("offline"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(states, ["connecting", "live", "waiting"]);
  browser.dispatchEvent(new Event("online"));
  assert.deepEqual((await next).value, { kind: "position", position: 7 });
  assert.deepEqual(states, ["connecting", "live", "waiting", "connecting", "live"]);
  assert.deepEqual(asked, ["http://test/v1/events/stream", "http://test/v1/events/stream?after=7"]);
  end.abort();
  await messages.return();
});
