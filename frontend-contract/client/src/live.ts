/** Following what happens: one connection that comes back by itself, and goes on where it was. */
import type { Event, EventList, Presence, StreamEnd } from "./generated/openapi.js";
import type { HttpOptions, Verbs } from "./http.js";
import { isProblem, NetworkError, problemOf, UnexpectedAnswer } from "./problems.js";
import { type SseMessage, SseParser } from "./sse.js";
import { backoff, isAbort, send } from "./transport.js";

/** What a page is told. */
export type LiveMessage =
  /** Something changed. */
  | { readonly kind: "event"; readonly event: Event }
  /** Somebody has a conversation open, or writes. Lasts until `presence.expires_at`. */
  | { readonly kind: "presence"; readonly presence: Presence }
  /** All up to here has come: a page that is opened again later follows from here. Comes every 15 seconds. */
  | { readonly kind: "position"; readonly position: number }
  /** What is shown may be wrong in any way: load it anew. What comes next is behind `position`. */
  | { readonly kind: "reload"; readonly reason: ReloadReason; readonly position: number };

export type ReloadReason = "view_reset" | "role_changed" | "events_expired";

/** How it stands, for a banner. */
export type LiveState =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  /** The connection was lost; the next try is in so many milliseconds. */
  | { readonly state: "waiting"; readonly milliseconds: number; readonly error: unknown }
  | { readonly state: "ended" };

export interface FollowOptions {
  /** Behind which event: an answer's `event`, or a position. Left out: from now on. */
  readonly after?: number | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal;
  readonly onState?: (state: LiveState) => void;
  /** A connection on which nothing comes for so long is given up, in milliseconds. The server says something every 15 s. */
  readonly silence?: number;
}

const SILENCE = 40_000;
const RECONNECT = { base: 500, longest: 30_000 };

/**
 * What happens, as it happens, until the signal ends it or nothing can be followed any more: then it throws why
 * (`not_authenticated` after signing out, `feature_not_enabled`). Lost connections are made again by themselves.
 */
export async function* follow(options: HttpOptions, how: FollowOptions): AsyncGenerator<LiveMessage, void, undefined> {
  const signal = how.signal ?? new AbortController().signal;
  const tell = how.onState ?? (() => undefined);
  let position = how.after;
  let reload: ReloadReason | undefined;
  let failures = 0;
  try {
    while (!signal.aborted) {
      let error: unknown;
      tell({ state: "connecting" });
      const connection = new Connection(signal, how.silence ?? SILENCE);
      try {
        for await (const message of connection.open(options, position)) {
          failures = 0;
          if (message.id !== undefined) position = Number(message.id);
          if (message.event === "end") {
            const { reason } = JSON.parse(message.data) as StreamEnd;
            if (reason === "role_changed" || reason === "events_expired") {
              reload = reason;
              position = undefined;
            }
            // With the others, connecting again says why it can't be followed any more, or it can.
            break;
          }
          if (message.event === "heartbeat") {
            tell({ state: "live" });
            if (reload !== undefined) yield { kind: "reload", reason: reload, position: position ?? 0 };
            else if (position !== undefined) yield { kind: "position", position };
            reload = undefined;
          } else if (message.event === "presence") {
            yield { kind: "presence", presence: JSON.parse(message.data) as Presence };
          } else {
            const event = JSON.parse(message.data) as Event;
            if (event.type === "view.reset") yield { kind: "reload", reason: "view_reset", position: event.number };
            else yield { kind: "event", event };
          }
        }
      } catch (caught) {
        if (signal.aborted) return;
        if (unfollowable(caught)) {
          // Too old, or from before the server's data was set back: what is shown is of no use.
          reload = "events_expired";
          position = undefined;
          continue;
        }
        if (final(caught)) throw caught;
        error = caught;
      } finally {
        connection.close();
      }
      const milliseconds = backoff(RECONNECT, failures);
      failures += 1;
      tell({ state: "waiting", milliseconds, error });
      await pauseUntilOnline(milliseconds, signal);
    }
  } finally {
    tell({ state: "ended" });
  }
}

/** The position can't be followed from; another one can. */
function unfollowable(error: unknown): boolean {
  return (
    isProblem(error, "events_expired") || (isProblem(error, "validation_failed") && error.field("/after") !== undefined)
  );
}

/** Trying again doesn't help. */
function final(error: unknown): boolean {
  return isProblem(error) && error.status < 500 && error.status !== 429;
}

/** One connection. */
class Connection {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #silence: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal, silence: number) {
    this.#outer = outer;
    this.#silence = silence;
    outer.addEventListener("abort", this.#stop, { once: true });
    // Browsers keep an open connection that can't bring anything any more: the page would only be told by its silence.
    browser()?.addEventListener("offline", this.#offline);
  }

  async *open(options: HttpOptions, position: number | undefined): AsyncGenerator<SseMessage, void, undefined> {
    const query = position === undefined ? "" : `?after=${position}`;
    const { signal } = this.#controller;
    this.#wait();
    const response = await send(
      {
        repeatable: false,
        signal,
        send: (authorization) => {
          const headers: Record<string, string> = { Accept: "text/event-stream" };
          if (authorization !== undefined) headers["Authorization"] = authorization;
          return options.fetch(`${options.baseUrl}/v1/events/stream${query}`, { headers, signal, cache: "no-store" });
        },
      },
      options.credentials,
      { ...options.retry, retries: 0 },
    );
    if (!response.ok) throw await problemOf(response);
    if (response.body === null) throw new UnexpectedAnswer(response.status, "");
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    // Not every platform ends a body's reading when its request is called off.
    const stopped = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    stopped.catch(() => undefined);
    try {
      for (;;) {
        this.#wait();
        const { done, value } = await Promise.race([reader.read(), stopped]);
        // While what came is worked on, no silence is counted: the server waits.
        clearTimeout(this.#timer);
        if (done) return;
        yield* parser.push(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      throw isAbort(error) ? error : new NetworkError("The stream was cut off", { cause: error });
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#stop);
    browser()?.removeEventListener("offline", this.#offline);
    this.#controller.abort();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new NetworkError("The stream fell silent")), this.#silence);
  }

  #stop = () => this.#controller.abort(this.#outer.reason);
  #offline = () => this.#controller.abort(new NetworkError("The browser is offline"));
}

/** Where a browser says whether there is a network. */
function browser(): EventTarget | undefined {
  return typeof window === "undefined" ? undefined : window;
}

/** Waits; not longer than until the browser is online again, or until it is over. */
function pauseUntilOnline(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const where = browser();
    const go = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", go);
      where?.removeEventListener("online", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    signal.addEventListener("abort", go, { once: true });
    where?.addEventListener("online", go, { once: true });
    if (signal.aborted) go();
  });
}

/** What was missed behind a number, to now; gives the position that was come to. */
export async function* missed(verbs: Verbs, after: number): AsyncGenerator<Event, number, undefined> {
  for (let position = after; ; ) {
    const { data } = await verbs.get("/v1/events", { params: { query: { after: position, limit: 100 } } });
    const page: EventList = data;
    yield* page.data;
    position = page.next_after;
    if (position === page.latest) return position;
  }
}
