/**
 * A list of the stream's cards that stays right while things happen: which cards are in it, and where (STR-1, STR-5).
 * Plain values and pure functions; {@link CardStore} keeps one for a page.
 *
 * The list holds the first part of what the server would list, up to where its pages have been loaded. A card that
 * belongs behind that comes with a later page.
 */
import type { Card, CardList as CardPage, ContactReference, Event, Owner } from "./generated/openapi.js";

export interface CardQuery {
  readonly view: "mine" | "all";
  readonly status: "open" | "closed" | "all";
  readonly sort: "newest" | "oldest";
  /** Whose `mine` is. */
  readonly userId: string;
}

/** Where a card stands. */
export interface CardKey {
  readonly last_activity_at: string;
  readonly id: string;
}

export interface CardList {
  readonly query: CardQuery;
  /** In their order. */
  readonly cards: readonly Card[];
  /** For the next page; `null` where all is loaded. */
  readonly nextCursor: string | null;
  /** The events up to this one are in it. */
  readonly position: number;
  /** It must be loaded anew. */
  readonly stale: boolean;
  /** The last card of the last page that was loaded; `undefined` where all is loaded. */
  readonly end: CardKey | undefined;
  /** What events said of things, by id, for pages that were read before they came. */
  readonly said: ReadonlyMap<string, Said>;
  /** Events up to this one may have been forgotten in `said`. */
  readonly forgotten: number;
}

type Said = { readonly number: number } & (
  | { readonly card: Card | undefined }
  | { readonly contact: ContactReference }
  | { readonly user: Owner }
);

/** So much is remembered for pages that come later. */
const REMEMBERED = 2000;

/** A list whose first page has come. `event` is the answer's. */
export function cardList(query: CardQuery, page: CardPage, event: number): CardList {
  const empty: CardList = {
    query,
    cards: [],
    nextCursor: null,
    position: event,
    stale: false,
    end: undefined,
    said: new Map(),
    forgotten: event,
  };
  return addPage(empty, page, event);
}

/** The list with the next page, which was read while events went on to come. */
export function addPage(list: CardList, page: CardPage, event: number): CardList {
  // What happened between the page and now can't be said any more.
  if (event < list.forgotten) return { ...list, stale: true };
  const last = page.data.at(-1);
  const end =
    page.next_cursor === null || last === undefined
      ? undefined
      : { last_activity_at: last.last_activity_at, id: last.id };
  const cards = new Map(list.cards.map((card) => [card.id, card]));
  for (const card of page.data) {
    const said = list.said.get(card.id);
    if (said === undefined || said.number <= event) cards.set(card.id, card);
  }
  const wide = { ...list, end, nextCursor: page.next_cursor };
  let all = [...cards.values()];
  // What events said after the page was read, of cards that it brings in and of whom cards show.
  for (const said of list.said.values()) {
    if (said.number <= event) continue;
    if ("contact" in said) all = all.map((card) => withContact(card, said.contact));
    else if ("user" in said) all = all.map((card) => withOwner(card, said.user));
    else if (said.card !== undefined && !cards.has(said.card.id)) all.push(said.card);
  }
  return { ...wide, cards: all.filter((card) => isIn(wide, card)).sort(order(list.query)) };
}

/** The list after an event. The same object where nothing changes for it. */
export function applyEvent(list: CardList, event: Event): CardList {
  if (event.number <= list.position || list.stale) return list;
  const number = event.number;
  switch (event.type) {
    case "conversation.created":
    case "conversation.updated":
      return put(remember(list, event.data.id, { number, card: event.data }), event.data);
    case "conversation.removed":
      return take(remember(list, event.data.id, { number, card: undefined }), event.data.id);
    case "contact.updated":
      return mapped(remember(list, event.data.id, { number, contact: event.data }), (card) =>
        withContact(card, event.data),
      );
    case "user.updated":
      return mapped(remember(list, event.data.id, { number, user: event.data }), (card) => withOwner(card, event.data));
    case "view.reset":
      return { ...list, stale: true };
    default:
      return { ...list, position: number };
  }
}

/** The list with a card as it is now, such as the answer to a change of one's own: in its place, or gone from it. */
export function put(list: CardList, card: Card): CardList {
  const others = list.cards.filter((one) => one.id !== card.id);
  if (!isIn(list, card)) return others.length === list.cards.length ? list : { ...list, cards: others };
  const before = order(list.query);
  const at = others.findIndex((one) => before(card, one) < 0);
  return { ...list, cards: others.toSpliced(at < 0 ? others.length : at, 0, card) };
}

/** Whether a card belongs to what is asked for. */
export function belongs(card: Card, query: CardQuery): boolean {
  return (
    (query.view === "all" || card.owner.id === query.userId) && (query.status === "all" || card.status === query.status)
  );
}

/** The order of the list: by last activity, ties by id. */
export function order(query: Pick<CardQuery, "sort">): (one: CardKey, other: CardKey) => number {
  const sign = query.sort === "oldest" ? 1 : -1;
  return (one, other) => sign * (compare(one.last_activity_at, other.last_activity_at) || compare(one.id, other.id));
}

// Times have one form, and ids are small hexadecimal: both sort as text.
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function isIn(list: Pick<CardList, "query" | "end">, card: Card): boolean {
  return belongs(card, list.query) && (list.end === undefined || order(list.query)(card, list.end) <= 0);
}

function take(list: CardList, id: string): CardList {
  return list.cards.some((card) => card.id === id)
    ? { ...list, cards: list.cards.filter((card) => card.id !== id) }
    : list;
}

function mapped(list: CardList, change: (card: Card) => Card): CardList {
  const cards = list.cards.map(change);
  return cards.some((card, index) => card !== list.cards[index]) ? { ...list, cards } : list;
}

function withContact(card: Card, contact: ContactReference): Card {
  return card.primary_contact.id === contact.id ? { ...card, primary_contact: contact } : card;
}

function withOwner(card: Card, user: Owner): Card {
  return card.owner.id === user.id ? { ...card, owner: user } : card;
}

function remember(list: CardList, id: string, what: Said): CardList {
  const said = new Map(list.said);
  // What was said last stands last.
  said.delete(id);
  said.set(id, what);
  let forgotten = list.forgotten;
  for (const [oldest, { number }] of said) {
    if (said.size <= REMEMBERED) break;
    said.delete(oldest);
    forgotten = number;
  }
  return { ...list, said, forgotten, position: what.number };
}
