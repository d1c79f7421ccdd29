import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser } from "../../src/sse.js";

const STREAM =
  'retry: 2000\n\nid: 7\nevent: heartbeat\ndata: {}\n\n: a remark\r\nevent: presence\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:x\r\rid\ndata\n\n';
const MESSAGES = [
  { event: "heartbeat", id: "7", data: "{}" },
  { event: "presence", id: undefined, data: '{"a":\n1}' },
  { event: "message", id: undefined, data: "x" },
  { event: "message", id: "", data: "" },
];

test("messages are the same wherever the stream is cut", () => {
  for (let first = 0; first <= STREAM.length; first += 1) {
    for (let second = first; second <= STREAM.length; second += 7) {
      const parser = new SseParser();
      const pieces = [STREAM.slice(0, first), STREAM.slice(first, second), STREAM.slice(second)];
      assert.deepEqual(
        pieces.flatMap((piece) => parser.push(piece)),
        MESSAGES,
        `cut at ${first} and ${second}`,
      );
    }
  }
});

test("what isn't ended is no message", () => {
  assert.deepEqual(new SseParser().push("event: end\ndata: {}\n"), []);
});
