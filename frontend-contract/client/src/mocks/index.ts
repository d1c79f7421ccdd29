/**
 * A server in the page or the test, for [MSW](https://mswjs.io): each operation answers what a real server answered once
 * (`frontend-contract/examples`), and conversations, messages, contacts and the live stream remember what is done.
 */
import { http, type RequestHandler } from "msw";
import type { Message, ProblemCode } from "../generated/openapi.js";
import { answers, type OperationId, type Route, routes } from "../generated/recorded.js";
import { type Call, problem, recorded } from "./answers.js";
import { remembering } from "./remembering.js";
import { State } from "./state.js";
import { Streams } from "./stream.js";

export type { OperationId };

export interface MockOptions {
  /** Where the client believes the server to be. Left out: the page's own origin. */
  readonly baseUrl?: string;
  /** Whether somebody is signed in already, as by the cookie of an earlier visit. */
  readonly signedIn?: boolean;
  /** How long an answer takes, in milliseconds. */
  readonly delay?: number;
}

/** A mocked server. Each has a state of its own. */
export interface Mock {
  /** For `setupWorker(...mock.handlers)` or `setupServer(...mock.handlers)`. */
  readonly handlers: RequestHandler[];
  /** The operation's next call is refused so; an error where the operation never is. */
  problem(operation: OperationId, code: ProblemCode): void;
  /** The customer writes into a conversation. */
  receive(conversationId: string, text: string): Message;
  /** All live streams are cut off; clients come back. */
  cut(): void;
}

/** Makes a server that has what was recorded. */
export function mockPostroom(options: MockOptions = {}): Mock {
  const state = new State();
  state.signedIn = options.signedIn ?? false;
  const streams = new Streams(state);
  const special = { ...remembering(state), follow_events: (call: Call) => streams.open(call) };
  const refusals = new Map<OperationId, ProblemCode[]>();
  const base = options.baseUrl?.replace(/\/+$/, "") ?? "";

  const answer = (route: Route, call: Call): Response => {
    const refused = refusals.get(route.id)?.shift();
    if (refused !== undefined) return problem(refused, call);
    if (!route.open && !authorised(call, state)) return problem("not_authenticated", call);
    return special[route.id]?.(call) ?? recorded(answers[route.id], call);
  };
  const handlers: RequestHandler[] = routes.map((route) =>
    http[route.method](base + route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async ({ request, params }) => {
      if (options.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delay));
      return answer(route, await callOf(request, state, params as Call["params"]));
    }),
  );
  const elsewhere = async ({ request }: { request: Request }) => problem("not_found", await callOf(request, state, {}));
  handlers.push(http.all(`${base}/v1/*`, elsewhere));

  return {
    handlers,
    problem: (operation, code) => {
      if (!routes.some((route) => route.id === operation && route.codes.includes(code))) {
        throw new Error(`${operation} never answers ${code}`);
      }
      refusals.set(operation, [...(refusals.get(operation) ?? []), code]);
    },
    receive: (conversationId, text) => {
      const conversation = state.conversation(conversationId);
      if (conversation === undefined) throw new Error(`There is no conversation ${conversationId}`);
      return state.receive(conversation, text);
    },
    cut: () => streams.cut(),
  };
}

async function callOf(request: Request, state: State, params: Call["params"]): Promise<Call> {
  const isJson = request.headers.get("Content-Type")?.startsWith("application/json") === true;
  const body = isJson ? await request.json().catch(() => undefined) : undefined;
  const query = new URL(request.url).searchParams;
  const fields = typeof body === "object" && body !== null ? (body as Call["body"]) : {};
  return { request, params, query, body: fields, latest: state.latest };
}

/** By an API key, a ticket, or a token of who is signed in. */
function authorised({ request, query }: Call, state: State): boolean {
  const authorization = request.headers.get("Authorization");
  if (authorization === null) return query.has("ticket");
  return state.signedIn || authorization.startsWith("Bearer pr_");
}
