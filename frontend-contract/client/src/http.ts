/** Calls by path and method, typed by the document: the thin layer over openapi-fetch that everything else is made of. */
import createClient from "openapi-fetch";
import type { paths } from "./generated/openapi.js";
import { bytes, keyed } from "./generated/operations.js";
import { NetworkError, problemOf, UnexpectedAnswer } from "./problems.js";
import { type Credentials, isAbort, type RetryPolicy, send } from "./transport.js";
import type { Args, Data, Method, PathWith } from "./types.js";

/** An answer with what its head says. */
export interface Answer<T> {
  readonly data: T;
  /** The tag for `If-None-Match` and `If-Match`. */
  readonly etag: string | undefined;
  /** The last event that this answer includes: following from here misses nothing. Only reading answers have it. */
  readonly event: number | undefined;
  /** Whether the same request (by its idempotency key) was answered before: nothing happened now. */
  readonly replayed: boolean;
  readonly response: Response;
}

export interface Verbs {
  get<P extends PathWith<"get">>(path: P, ...init: Args<P, "get">): Promise<Answer<Data<P, "get">>>;
  post<P extends PathWith<"post">>(path: P, ...init: Args<P, "post">): Promise<Answer<Data<P, "post">>>;
  put<P extends PathWith<"put">>(path: P, ...init: Args<P, "put">): Promise<Answer<Data<P, "put">>>;
  patch<P extends PathWith<"patch">>(path: P, ...init: Args<P, "patch">): Promise<Answer<Data<P, "patch">>>;
  delete<P extends PathWith<"delete">>(path: P, ...init: Args<P, "delete">): Promise<Answer<Data<P, "delete">>>;
}

export interface HttpOptions {
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  readonly retry: RetryPolicy;
  /** Whose token goes along. */
  readonly credentials: Credentials | undefined;
  /** Whether cookies do: for sign-in by a page of another origin. */
  readonly cookies?: boolean;
}

/** The verbs towards one server. Refusals are thrown (`Problem`). */
export function verbs(options: HttpOptions): Verbs {
  const raw = openapiClient(options);
  // One implementation serves all five signatures; what it gives is typed by them.
  const call = (method: Method) => {
    const name = method.toUpperCase() as Uppercase<Method>;
    return async (path: string, init?: object): Promise<Answer<unknown>> => {
      const ask = raw[name] as unknown as (path: string, init?: object) => Promise<{ response: Response }>;
      const { response } = await ask(path, { ...init, parseAs: "stream" });
      const data = bytes.has(`${name} ${path}`) ? await response.blob() : await jsonOf(response);
      return answer(data, response);
    };
  };
  return {
    get: call("get"),
    post: call("post"),
    put: call("put"),
    patch: call("patch"),
    delete: call("delete"),
  } as unknown as Verbs;
}

/** openapi-fetch as it is, with tokens, keys and retries, and refusals thrown. */
export function openapiClient(options: HttpOptions) {
  const client = createClient<paths>({
    baseUrl: options.baseUrl,
    fetch: async (request: Request) => {
      const response = await sendRequest(request, options);
      // 304 is what was asked for.
      if (!response.ok && response.status !== 304) throw await problemOf(response);
      return response;
    },
    ...(options.cookies ? { credentials: "include" as const } : {}),
  });
  client.use({
    onRequest({ request, schemaPath }) {
      if (keyed.has(`${request.method} ${schemaPath}`) && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", crypto.randomUUID());
      }
      return request;
    },
  });
  return client;
}

/** Sends a request with its caller's token, again where that is safe. */
export function sendRequest(
  request: Request,
  options: Pick<HttpOptions, "fetch" | "retry" | "credentials">,
): Promise<Response> {
  const repeatable = request.method === "GET" || request.headers.has("Idempotency-Key");
  return send(
    {
      repeatable,
      signal: request.signal,
      send: (authorization) => {
        const copy = request.clone();
        if (authorization !== undefined) copy.headers.set("Authorization", authorization);
        return options.fetch(copy, { signal: request.signal });
      },
    },
    options.credentials,
    options.retry,
  );
}

/** The body as JSON; nothing where there is none. */
async function jsonOf(response: Response): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new NetworkError("The answer was cut off", { cause: error });
  }
  if (text === "" && (response.status === 204 || response.status === 202 || response.status === 304)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new UnexpectedAnswer(response.status, text);
  }
}

function answer<T>(data: T, response: Response): Answer<T> {
  const event = response.headers.get("Postroom-Event");
  return {
    data,
    etag: response.headers.get("ETag") ?? undefined,
    event: event === null ? undefined : Number(event),
    replayed: response.headers.get("Idempotent-Replayed") === "true",
    response,
  };
}
