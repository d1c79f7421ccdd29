import assert from "node:assert/strict";
import { test } from "node:test";
import { changed } from "../../src/edit.js";

const before = {
  title: "Buyer",
  owner: { id: "ann", name: "Ann" },
  company: null,
  address: { city: "Oslo", street: null },
  custom_fields: { plan: "Pro", "a/b": 1 },
  tags: ["one"],
};

test("only the fields of the patch are looked at, however deep they are", () => {
  const after = { ...before, title: "Boss", address: { city: "Bergen", street: null } };
  assert.deepEqual(changed(before, after, { tags: ["two"], address: { street: "Quay" } }), []);
  assert.deepEqual(changed(before, after, { address: { city: "Rome" }, title: "x" }), ["/address/city", "/title"]);
  assert.deepEqual(
    changed(before, { ...before, custom_fields: { plan: "Pro", "a/b": 2 } }, { custom_fields: { "a/b": 3 } }),
    ["/custom_fields/a~1b"],
  );
});

test("an id in the patch is that of what answers show", () => {
  const given = { ...before, owner: { id: "ben", name: "Ben" } };
  assert.deepEqual(changed(before, given, { owner_id: "cid" }), ["/owner_id"]);
  // Another name of the same person is no other owner.
  assert.deepEqual(changed(before, { ...before, owner: { id: "ann", name: "Anne" } }, { owner_id: "cid" }), []);
  assert.deepEqual(changed(before, { ...before, company: { id: "c" } }, { company_id: "d" }), ["/company_id"]);
});

test("what can't be seen may have been changed; lists and cleared parts count as a whole", () => {
  assert.deepEqual(changed(before, before, { password: "new" }), ["/password"]);
  assert.deepEqual(changed(before, { ...before, tags: ["one", "two"] }, { tags: [] }), ["/tags"]);
  assert.deepEqual(changed(before, { ...before, address: { city: "Bergen", street: null } }, { address: null }), [
    "/address",
  ]);
});
