/** Who is signed in: the access token in memory, the refresh token in the browser's cookie or in a store of the program's. */
import type { AcceptRequest, LoginRequest, Me, Tokens } from "./generated/openapi.js";
import { isProblem } from "./problems.js";
import type { Credentials } from "./transport.js";

/** Where a program without cookies keeps its refresh token between runs. */
export interface RefreshTokenStore {
  load(): string | undefined | Promise<string | undefined>;
  save(token: string | undefined): void | Promise<void>;
}

/** The operations of sign-in, without anybody's authorization. */
export interface SignInCalls {
  login(body: LoginRequest): Promise<Tokens>;
  refresh(refreshToken: string | undefined): Promise<Tokens>;
  logout(refreshToken: string | undefined, accessToken: string | undefined): Promise<void>;
  accept(token: string, body: AcceptRequest): Promise<Tokens>;
}

/** So long before its end a token is renewed, in milliseconds. */
const EARLY = 30_000;

/** A session. Renewing is silent, and happens once however many requests wait for it. */
export class Session implements Credentials {
  readonly #calls: SignInCalls;
  readonly #store: RefreshTokenStore | undefined;
  readonly #listeners = new Set<(me: Me | undefined) => void>();
  #access: { readonly token: string; readonly until: number } | undefined;
  #me: Me | undefined;
  #renewing: Promise<string | undefined> | undefined;
  /** Counts sign-ins and sign-outs, so that a renewal that was overtaken by one changes nothing. */
  #turn = 0;

  /** With a store the refresh token is in bodies, without one in the cookie. */
  constructor(calls: SignInCalls, store: RefreshTokenStore | undefined) {
    this.#calls = calls;
    this.#store = store;
  }

  /** The signed-in user, as of signing in or the last renewal. */
  get me(): Me | undefined {
    return this.#me;
  }

  /** Calls back when somebody signs in, is renewed, or is signed out (`undefined`), also by the server. Gives what ends it. */
  onChange(listener: (me: Me | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Signs in. Wrong credentials are the problem `invalid_credentials`. */
  async signIn(who: Omit<LoginRequest, "refresh">): Promise<Me> {
    const turn = ++this.#turn;
    return this.#take(await this.#calls.login({ ...who, refresh: this.#store ? "body" : "cookie" }), turn);
  }

  /** Accepts an invitation and is signed in. */
  async accept(token: string, body: Omit<AcceptRequest, "refresh">): Promise<Me> {
    const turn = ++this.#turn;
    return this.#take(await this.#calls.accept(token, { ...body, refresh: this.#store ? "body" : "cookie" }), turn);
  }

  /** Goes on with the session of before, such as when a page is loaded; `undefined` where there is none. */
  async resume(): Promise<Me | undefined> {
    await this.#renew();
    return this.#me;
  }

  /** Ends the session, here in any case. */
  async signOut(): Promise<void> {
    const access = this.#access?.token;
    const refresh = await this.#store?.load();
    await this.#forget();
    await this.#calls.logout(refresh, access);
  }

  async authorization(): Promise<string | undefined> {
    const access = this.#access;
    if (access === undefined) return undefined;
    const token = access.until - EARLY > Date.now() ? access.token : await this.#renew();
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  async renewed(refused: string): Promise<string | undefined> {
    // Somebody else's request may have renewed it meanwhile.
    const now = this.#access?.token;
    const token = now !== undefined && refused !== `Bearer ${now}` ? now : await this.#renew();
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  #renew(): Promise<string | undefined> {
    this.#renewing ??= this.#exchange().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #exchange(): Promise<string | undefined> {
    const turn = this.#turn;
    const refresh = await this.#store?.load();
    if (this.#store !== undefined && refresh === undefined) {
      if (this.#access !== undefined) await this.#forget();
      return undefined;
    }
    try {
      const tokens = await this.#calls.refresh(refresh);
      if (turn === this.#turn) await this.#take(tokens, turn);
    } catch (error) {
      if (!isProblem(error, "invalid_refresh_token")) throw error;
      if (turn === this.#turn) await this.#forget();
    }
    return this.#access?.token;
  }

  async #take(tokens: Tokens, turn: number): Promise<Me> {
    if (turn === this.#turn) {
      await this.#store?.save(tokens.refresh_token ?? undefined);
      this.#access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 };
      this.#tell(tokens.user);
    }
    return tokens.user;
  }

  async #forget(): Promise<void> {
    this.#turn += 1;
    this.#access = undefined;
    await this.#store?.save(undefined);
    this.#tell(undefined);
  }

  #tell(me: Me | undefined): void {
    if (me === undefined && this.#me === undefined) return;
    this.#me = me;
    for (const listener of this.#listeners) listener(me);
  }
}

/** Keeps the refresh token as long as the program runs. */
export function inMemory(token?: string): RefreshTokenStore {
  let kept = token;
  return {
    load: () => kept,
    save: (token) => {
      kept = token;
    },
  };
}
