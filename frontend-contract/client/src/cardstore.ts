/** What a stream's page keeps: the cards of one list, loaded, followed and loaded anew when need be. */
import { addPage, applyEvent, type CardList, type CardQuery, cardList, put } from "./cards.js";
import type { Card } from "./generated/openapi.js";
import type { Verbs } from "./http.js";
import type { LiveMessage } from "./live.js";

/** One list of cards. `subscribe` and `snapshot` are what React's `useSyncExternalStore` takes; others do as well. */
export class CardStore {
  readonly #verbs: Verbs;
  readonly #query: CardQuery;
  readonly #limit: number;
  readonly #listeners = new Set<() => void>();
  #list: CardList | undefined;
  #loading: Promise<void> | undefined;
  /** What came while the list was being loaded anew. */
  #waiting: LiveMessage[] = [];

  constructor(verbs: Verbs, query: CardQuery, limit = 25) {
    this.#verbs = verbs;
    this.#query = query;
    this.#limit = limit;
  }

  /** The list as it is; `undefined` until it has been loaded. Another object whenever it has changed. */
  snapshot = (): CardList | undefined => this.#list;

  /** Calls back when the list has changed. Gives what ends it. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Loads the list from its beginning, at first and anew. Gives the position to follow from. */
  async load(): Promise<number> {
    this.#loading ??= this.#loadFirst().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
    return this.#list?.position ?? 0;
  }

  /** Loads the next page, where there is one. */
  async more(): Promise<void> {
    const list = this.#list;
    if (list?.nextCursor == null || this.#loading !== undefined) return this.#loading;
    this.#loading = this.#loadNext(list.nextCursor).finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
    if (this.#list?.stale) await this.load();
  }

  /** Takes what {@link follow} gives. Loads anew by itself where that is said; a failure of that is thrown. */
  async receive(message: LiveMessage): Promise<void> {
    if (message.kind === "presence" || message.kind === "position") return;
    if (message.kind === "reload") {
      await this.load();
      return;
    }
    if (this.#list === undefined) this.#waiting.push(message);
    else this.#set(applyEvent(this.#list, message.event));
    if (this.#list?.stale) await this.load();
  }

  /** Shows a card as an answer to a change of one's own has it, without waiting for its event. */
  show(card: Card): void {
    if (this.#list !== undefined) this.#set(put(this.#list, card));
  }

  async #loadFirst(): Promise<void> {
    const { data, event } = await this.#get({});
    let list = cardList(this.#query, data, event);
    for (const message of this.#waiting) if (message.kind === "event") list = applyEvent(list, message.event);
    this.#waiting = [];
    this.#set(list);
  }

  async #loadNext(cursor: string): Promise<void> {
    const { data, event } = await this.#get({ cursor });
    if (this.#list !== undefined) this.#set(addPage(this.#list, data, event));
  }

  async #get(where: { readonly cursor?: string }) {
    const { view, status, sort } = this.#query;
    const query = { view, status, sort, limit: this.#limit, ...where };
    const { data, event } = await this.#verbs.get("/v1/conversations", { params: { query } });
    return { data, event: event ?? 0 };
  }

  #set(list: CardList): void {
    if (list === this.#list) return;
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}
