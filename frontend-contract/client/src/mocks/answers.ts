/** What the mocks answer: what was recorded, or what they remember. */
import { HttpResponse } from "msw";
import type { ProblemCode } from "../generated/openapi.js";
import { problems, type Recorded } from "../generated/recorded.js";

/** Where the recorded server is. */
const SERVER = "https://postroom.example.com";

/** One call that is being answered. */
export interface Call {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON that was sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The last event. */
  readonly latest: number;
}

/** What was recorded. Addresses lead to the mocked server, and reading answers name the last event. */
export function recorded({ status, headers, body }: Recorded, call: Call): Response {
  const event = headers["postroom-event"] === undefined ? {} : { "postroom-event": String(call.latest) };
  const init = { status, headers: { ...headers, ...event } };
  if (body === null) return new HttpResponse(null, init);
  if (isBytes(body))
    return new HttpResponse(
      Uint8Array.from(atob(body.base64), (one) => one.charCodeAt(0)),
      init,
    );
  return new HttpResponse(typeof body === "string" ? body : here(JSON.stringify(body), call), init);
}

/** A problem; `members` are those of its code. */
export function problem(code: ProblemCode, call: Call, members: Readonly<Record<string, unknown>> = {}): Response {
  const one = problems[code];
  return recorded({ ...one, body: { ...(one.body as object), ...members } }, call);
}

/** JSON. A version is the thing's entity tag. */
export function json(body: unknown, call: Call, how: { readonly status?: number; readonly version?: number } = {}) {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (call.request.method === "GET") headers["Postroom-Event"] = String(call.latest);
  if (how.version !== undefined) headers["ETag"] = `"${how.version}-mock"`;
  return new HttpResponse(here(JSON.stringify(body), call), { status: how.status ?? 200, headers });
}

/** A thing that has a version. */
export function thing(one: { readonly version: number }, call: Call): Response {
  return json(one, call, { version: one.version });
}

export function nothing(): Response {
  return new HttpResponse(null, { status: 204 });
}

/** A page of a list; its cursor is the place where the next one begins. */
export function page<T>(all: readonly T[], query: URLSearchParams): { data: T[]; next_cursor: string | null } {
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit") ?? 25);
  return { data: all.slice(from, to), next_cursor: to < all.length ? String(to) : null };
}

/** Addresses on the recorded server, on the mocked one. */
export function here(text: string, call: Pick<Call, "request">): string {
  return text.replaceAll(SERVER, new URL(call.request.url).origin);
}

function isBytes(body: unknown): body is { readonly base64: string } {
  return typeof body === "object" && body !== null && "base64" in body;
}
