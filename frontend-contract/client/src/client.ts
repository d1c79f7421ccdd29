/** The client: everything that a page or a program does with the API. */

import type { CardQuery } from "./cards.js";
import { CardStore } from "./cardstore.js";
import { type EditOptions, edit, type Versioned } from "./edit.js";
import type { AttachmentDetail, Contact, Event, Me } from "./generated/openapi.js";
import { type Answer, type HttpOptions, openapiClient, type Verbs, verbs } from "./http.js";
import { type FollowOptions, follow, type LiveMessage, missed } from "./live.js";
import { elements, type ListArgs, pages } from "./paging.js";
import { inMemory, type RefreshTokenStore, Session, type SignInCalls } from "./session.js";
import { type Credentials, DEFAULT_RETRY, type RetryPolicy } from "./transport.js";
import type { Args, Body, Data, EditPath, Element, ListPath, PathWith } from "./types.js";
import { type UploadOptions, upload } from "./upload.js";

export interface ClientOptions {
  /** The server's address, such as `https://postroom.example.com`. In a page of the same origin it may be left out. */
  readonly baseUrl?: string;
  /** An API key (`pr_…`) instead of signing in. */
  readonly apiKey?: string;
  /**
   * Where the refresh token is kept. Left out: in the browser in a cookie that no script can read, elsewhere in memory.
   * With a store of one's own it survives the program.
   */
  readonly refreshTokens?: RefreshTokenStore;
  /** How often to try again what failed for reasons that pass. */
  readonly retry?: Partial<RetryPolicy>;
  /** Another `fetch`. */
  readonly fetch?: typeof fetch;
}

export class Client {
  /** Signing in and out. With an API key nobody signs in. */
  readonly session: Session;
  /** The same calls with what the answer's head says: `etag`, `event`, `replayed`. */
  readonly answers: Verbs;
  /** openapi-fetch as it is, with the client's tokens, keys and retries. Refusals are thrown here, too. */
  readonly raw: ReturnType<typeof openapiClient>;
  readonly #options: HttpOptions;

  constructor(options: ClientOptions = {}) {
    const browser = typeof document !== "undefined";
    const baseUrl = options.baseUrl?.replace(/\/+$/, "") ?? (browser ? location.origin : "");
    const send = options.fetch ?? ((input, init) => fetch(input, init));
    const plain: HttpOptions = {
      baseUrl,
      fetch: send,
      retry: { ...DEFAULT_RETRY, ...options.retry },
      credentials: undefined,
    };
    const store = options.refreshTokens ?? (browser ? undefined : inMemory());
    this.session = new Session(signInCalls(plain, store === undefined), store);
    const { apiKey } = options;
    const key: Credentials | undefined = apiKey === undefined ? undefined : fixed(`Bearer ${apiKey}`);
    this.#options = { ...plain, credentials: key ?? this.session };
    this.answers = verbs(this.#options);
    this.raw = openapiClient(this.#options);
  }

  /** The signed-in user, as of signing in or the last renewal. */
  get me(): Me | undefined {
    return this.session.me;
  }

  async get<P extends PathWith<"get">>(path: P, ...init: Args<P, "get">): Promise<Data<P, "get">> {
    return (await this.answers.get(path, ...init)).data;
  }

  /** An idempotency key goes along where the operation takes one; to give your own, `params.header`. */
  async post<P extends PathWith<"post">>(path: P, ...init: Args<P, "post">): Promise<Data<P, "post">> {
    return (await this.answers.post(path, ...init)).data;
  }

  async put<P extends PathWith<"put">>(path: P, ...init: Args<P, "put">): Promise<Data<P, "put">> {
    return (await this.answers.put(path, ...init)).data;
  }

  async patch<P extends PathWith<"patch">>(path: P, ...init: Args<P, "patch">): Promise<Data<P, "patch">> {
    return (await this.answers.patch(path, ...init)).data;
  }

  async delete<P extends PathWith<"delete">>(path: P, ...init: Args<P, "delete">): Promise<Data<P, "delete">> {
    return (await this.answers.delete(path, ...init)).data;
  }

  /** A list's pages, to its end. */
  pages<P extends ListPath>(path: P, ...[init]: ListArgs<P>): AsyncGenerator<Answer<Data<P, "get">>, void, undefined> {
    return pages(this.answers, path, init);
  }

  /** A list's elements, to its end: `for await (const user of client.all("/v1/users")) …`. */
  all<P extends ListPath>(path: P, ...[init]: ListArgs<P>): AsyncGenerator<Element<P>, void, undefined> {
    return elements(this.answers, path, init);
  }

  /**
   * Saves a merge patch on top of what was read. Where others changed only other fields meanwhile, it is saved on top of
   * theirs; where they changed the same ones, `resolve` decides, or an `EditConflict` is thrown. Nothing is overwritten.
   */
  edit<P extends EditPath>(
    path: P,
    base: Versioned,
    patch: Body<P, "patch">,
    options: EditOptions<P> = {},
  ): Promise<Data<P, "patch">> {
    return edit(this.answers, path, base, patch, options);
  }

  /** Uploads a file for `attachment_ids`. */
  upload(file: Blob, options: UploadOptions = {}): Promise<AttachmentDetail> {
    const headers = { "Idempotency-Key": options.idempotencyKey ?? crypto.randomUUID() };
    return upload({ method: "POST", path: "/v1/attachments", file, headers }, options, this.#options);
  }

  /** Sets one's own picture. */
  setMyAvatar(picture: Blob, options: UploadOptions = {}): Promise<Me> {
    return upload({ method: "PUT", path: "/v1/me/avatar", file: picture, headers: {} }, options, this.#options);
  }

  /** Sets a contact's picture. */
  setContactAvatar(contactId: string, picture: Blob, options: UploadOptions = {}): Promise<Contact> {
    const path = `/v1/contacts/${encodeURIComponent(contactId)}/avatar`;
    return upload({ method: "PUT", path, file: picture, headers: {} }, options, this.#options);
  }

  /** What happens, as it happens. Comes back by itself; ends with the signal, or throws why it can't go on. */
  follow(options: FollowOptions = {}): AsyncGenerator<LiveMessage, void, undefined> {
    return follow(this.#options, options);
  }

  /** What happened behind a position, to now; its return value is the position that was come to. */
  missed(after: number): AsyncGenerator<Event, number, undefined> {
    return missed(this.answers, after);
  }

  /** A list of the stream's cards that stays right: give `receive` what `follow` gives. `mine` is the signed-in user's. */
  cards(query: Partial<CardQuery> = {}, limit?: number): CardStore {
    const me = this.me;
    const userId = query.userId ?? me?.id;
    if (userId === undefined) throw new Error("Sign in first, or say whose cards these are (userId)");
    const view = query.view ?? (me?.can.view_all ? "all" : "mine");
    return new CardStore(this.answers, { status: "open", sort: "newest", ...query, view, userId }, limit);
  }
}

function fixed(authorization: string): Credentials {
  return { authorization: async () => authorization, renewed: async () => undefined };
}

function signInCalls(options: HttpOptions, cookies: boolean): SignInCalls {
  const calls = verbs({ ...options, cookies });
  const taken = (refreshToken: string | undefined) =>
    refreshToken === undefined ? {} : { refresh_token: refreshToken };
  return {
    login: async (body) => (await calls.post("/v1/auth/login", { body })).data,
    refresh: async (token) => (await calls.post("/v1/auth/refresh", { body: taken(token) })).data,
    logout: async (token, access) => {
      const headers = access === undefined ? {} : { Authorization: `Bearer ${access}` };
      await calls.post("/v1/auth/logout", { body: taken(token), headers });
    },
    accept: async (token, body) =>
      (await calls.post("/v1/auth/invitations/{token}/accept", { params: { path: { token } }, body })).data,
  };
}
