/** The table of the tests is that of PAGE.md, and each row has its test. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tested } from "./row.js";
import { ROWS, type Source } from "./table.js";

const PAGE = new URL("../../../PAGE.md", import.meta.url);

/** The rows that PAGE.md has, and what it says beside each. A row's name stands alone in the first cell. */
function documented(): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const line of readFileSync(PAGE, "utf8").split("\n")) {
    const found = /^\|\s*`?((?:[a-z]+-)*(?:[a-z]+|\d+[a-z]?))`?\s*\|(.*)$/.exec(line);
    if (found?.[1]?.includes("-") && found[2] !== undefined && !/^[\s|:-]*$/.test(found[2]))
      rows.set(found[1], found[2]);
  }
  return rows;
}

export function compare(): void {
  test("every row of PAGE.md has its test, and every test its row", () => {
    const rows = [...documented().keys()].sort();
    assert.deepEqual([...tested()].sort(), rows);
    assert.deepEqual(Object.keys(ROWS).sort(), rows);
  });

  for (const [name, sources] of Object.entries(ROWS))
    test(`PAGE.md says what feeds ${name}`, () => {
      const [[operation, field]] = sources as readonly [Source];
      const told = documented().get(name) ?? "";
      assert.ok(told.includes(`\`${operation}\``), `${operation} is not in: ${told}`);
      assert.ok(told.includes(`\`${field}\``), `${field} is not in: ${told}`);
    });
}
