/** Tests by the names of their rows, and the mode in which each has to fail. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { LIMIT } from "./see.js";
import { closeBrowser, Stage } from "./stage.js";
import { ROWS, type Row } from "./table.js";

export type Play = (stage: Stage) => Promise<void>;

interface Planned {
  readonly name: string;
  readonly row: Row | undefined;
  readonly play: Play;
  readonly alone: boolean;
}

/** `all`, or rows' names with commas between them. */
const BREAK = process.env["BREAK"] ?? "";
/** Names with commas between them: no others are run. */
const ONLY = process.env["ONLY"] ?? "";
/** So many tests at once. */
const AT_ONCE = Number(process.env["AT_ONCE"] ?? 4);

const planned: Planned[] = [];

/** The test of a row. `alone`: it measures time, or changes what others see. */
export function row(name: Row, play: Play, { alone = false } = {}): void {
  planned.push({ name, row: name, play, alone });
}

/** A test beside the rows. */
export function also(name: string, play: Play, { alone = false } = {}): void {
  planned.push({ name, row: undefined, play, alone });
}

/** The rows that have a test. */
export function tested(): readonly Row[] {
  return planned.flatMap(({ row }) => row ?? []);
}

/** Runs what was planned: as it is, or with its field missing. */
export function run(): void {
  after(closeBrowser);
  const chosen = planned.filter(({ name, row }) =>
    BREAK === ""
      ? includes(ONLY, name) || ONLY === ""
      : row !== undefined && (BREAK === "all" || includes(BREAK, name)),
  );
  const one = BREAK === "" ? passes : fails;
  for (const alone of [false, true]) {
    const those = chosen.filter((each) => each.alone === alone);
    if (those.length === 0) continue;
    describe(alone ? "one by one" : "at once", { concurrency: alone ? 1 : AT_ONCE }, () => {
      for (const each of those) one(each);
    });
  }
}

function includes(list: string, name: string): boolean {
  return list.split(",").includes(name);
}

function passes({ name, play }: Planned): void {
  test(name, { timeout: 90_000 }, async () => {
    const stage = new Stage([], LIMIT);
    try {
      await play(stage);
    } catch (error) {
      const kept = await stage.keep(name);
      throw new Error(`${name}: see ${kept}`, { cause: error });
    } finally {
      await stage.close();
    }
  });
}

/** A test that can't fail tests nothing. */
function fails({ name, row, play }: Planned): void {
  if (row === undefined) return;
  const sources = ROWS[row];
  const missing = sources.map(([operation, field]) => `${operation} ${field}`).join(", ");
  test(`${name} fails without ${missing}`, { timeout: 90_000 }, async (context) => {
    const stage = new Stage(sources, LIMIT);
    try {
      const failure: unknown = await play(stage).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.ok(stage.removed > 0, "no answer had the field");
      assert.ok(failure !== undefined, `${name} passes though ${missing} is missing`);
      const [first] = (failure instanceof Error ? failure.message : String(failure)).split("\n");
      context.diagnostic(`${name}: ${first}`);
    } finally {
      await stage.close();
    }
  });
}
