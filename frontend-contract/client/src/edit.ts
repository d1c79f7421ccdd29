/** Editing what others edit, too: a save on top of an older version is refused (412), and settled here. */
import type { Verbs } from "./http.js";
import { isProblem } from "./problems.js";
import type { Body, Data, EditPath } from "./types.js";

/** Anything that has a version. */
export interface Versioned {
  readonly id?: string;
  readonly version: number;
}

/** Somebody changed meanwhile what the patch changes. */
export class EditConflict<T = unknown, Patch = unknown> extends Error {
  override readonly name = "EditConflict";
  /** The fields, as JSON pointers into the patch, that somebody else changed meanwhile. */
  readonly fields: readonly string[];
  /** The thing as it is now: show it, and edit again on top of it. */
  readonly current: T;
  /** What was to be saved. */
  readonly patch: Patch;

  constructor(fields: readonly string[], current: T, patch: Patch) {
    super(`Somebody changed it meanwhile: ${fields.join(", ")}`);
    this.fields = fields;
    this.current = current;
    this.patch = patch;
  }
}

export interface EditOptions<P extends EditPath> {
  /** The path's parameters, where they are more than the thing's own id. */
  readonly path?: Record<string, string>;
  readonly signal?: AbortSignal;
  /**
   * Asked where somebody changed the same fields: gives what to save on top of `current`, or nothing to give up with an
   * {@link EditConflict}. Left out: gives up.
   */
  readonly resolve?: (
    conflict: EditConflict<Data<P, "patch">, Body<P, "patch">>,
  ) => Body<P, "patch"> | undefined | Promise<Body<P, "patch"> | undefined>;
}

/** So often is an edit made anew on top of others' edits. */
const ROUNDS = 5;

/** Saves a patch on top of what was read. Where others changed only other fields, it is saved on top of theirs. */
export async function edit<P extends EditPath>(
  verbs: Verbs,
  path: P,
  base: Versioned,
  patch: Body<P, "patch">,
  options: EditOptions<P>,
): Promise<Data<P, "patch">> {
  const call = verbs.patch as unknown as (path: P, init: object) => Promise<{ readonly data: Data<P, "patch"> }>;
  let [seen, wanted] = [base, patch];
  for (let round = 1; ; round += 1) {
    try {
      const params = {
        path: options.path ?? (base.id === undefined ? {} : { id: base.id }),
        header: { "If-Match": `"${seen.version}"` },
      };
      const { data } = await call(path, { params, body: wanted, signal: options.signal ?? null });
      return data;
    } catch (error) {
      if (!isProblem(error, "stale_version") || round === ROUNDS) throw error;
      const current = error.body.current as Data<P, "patch"> & Versioned;
      const fields = changed(seen, current, wanted);
      if (fields.length > 0) {
        const conflict = new EditConflict(fields, current, wanted);
        const resolved = await options.resolve?.(conflict);
        if (resolved === undefined) throw conflict;
        wanted = resolved;
      }
      seen = current;
    }
  }
}

/** The patch's fields in which two states of a thing differ, as JSON pointers. A field that can't be seen counts as one. */
export function changed(before: unknown, after: unknown, patch: unknown, at = ""): string[] {
  if (!isObject(patch)) return same(before, after) ? [] : [at];
  return Object.entries(patch).flatMap(([name, value]) => {
    const pointer = `${at}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const [old, now] = [field(before, name), field(after, name)];
    if (old === undefined && now === undefined) return [pointer];
    return changed(old, now, isObject(old) && isObject(now) ? value : undefined, pointer);
  });
}

/** A field as the patch names it: `owner_id` is the id of what answers show as `owner`. */
function field(thing: unknown, name: string): unknown {
  if (!isObject(thing)) return undefined;
  if (name in thing || !name.endsWith("_id")) return thing[name];
  const shown = thing[name.slice(0, -"_id".length)];
  return isObject(shown) ? shown["id"] : shown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function same(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, index) => same(value, other[index]));
  }
  if (isObject(one) && isObject(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) => same(one[name], other[name]));
  }
  return one === other;
}
