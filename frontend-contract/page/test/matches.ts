/** The table of the tests is that of PAGE.md, and each row has its test. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tested } from "./row.js";
import { ROWS } from "./table.js";

const PAGE = new URL("../../../PAGE.md", import.meta.url);

/** The rows that PAGE.md has, each with what it says first of what feeds it. */
function documented(): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const line of readFileSync(PAGE, "utf8").split("\n")) {
    const [, name = "", , fed = ""] = line.split("|").map((cell) => cell.trim());
    const [, operation, field] = /^`(\w+)` `([^`]+)`/.exec(fed) ?? [];
    if (/^[a-z]+(-[a-z0-9]+)+$/.test(name)) rows.set(name, `${operation} ${field}`);
  }
  return rows;
}

export function compare(): void {
  test("every row of PAGE.md has its test, and every test its row", () => {
    const rows = [...documented().keys()].sort();
    assert.deepEqual([...tested()].sort(), rows);
    assert.deepEqual(Object.keys(ROWS).sort(), rows);
  });

  test("what feeds each row is what its test does without", () => {
    const first = Object.entries(ROWS).map(([name, [source]]) => [name, source.join(" ")] as const);
    assert.deepEqual(Object.fromEntries(documented()), Object.fromEntries(first));
  });
}
