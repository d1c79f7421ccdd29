/** Lists, page by page and element by element. */
import type { Answer, Verbs } from "./http.js";
import type { Data, Element, Init, ListPath } from "./types.js";

/** As for a GET of the list; `cursor` is whence to go on. */
export type ListInit<P extends ListPath> = Init<P, "get">;
export type ListArgs<P extends ListPath> = undefined extends ListInit<P> ? [init?: ListInit<P>] : [init: ListInit<P>];

interface AnyInit {
  readonly params?: { readonly query?: Record<string, unknown> };
}

/** The list's pages, to its end. */
export async function* pages<P extends ListPath>(
  verbs: Verbs,
  path: P,
  init: ListInit<P> | undefined,
): AsyncGenerator<Answer<Data<P, "get">>, void, undefined> {
  const asked = (init ?? {}) as AnyInit;
  let next: string | null | undefined;
  do {
    const query = { ...asked.params?.query, ...(next === undefined ? {} : { cursor: next }) };
    const get = verbs.get as (path: P, init: unknown) => Promise<Answer<Data<P, "get">>>;
    const page = await get(path, { ...asked, params: { ...asked.params, query } });
    yield page;
    next = (page.data as { readonly next_cursor: string | null }).next_cursor;
  } while (next !== null);
}

/** The list's elements, to its end, a hundred at a time unless `limit` says otherwise. */
export async function* elements<P extends ListPath>(
  verbs: Verbs,
  path: P,
  init: ListInit<P> | undefined,
): AsyncGenerator<Element<P>, void, undefined> {
  const asked = (init ?? {}) as AnyInit;
  const query = { limit: 100, ...asked.params?.query };
  const all = { ...asked, params: { ...asked.params, query } } as ListInit<P>;
  for await (const page of pages(verbs, path, all)) {
    yield* (page.data as { readonly data: readonly Element<P>[] }).data;
  }
}
