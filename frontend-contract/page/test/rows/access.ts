/** Signing in, staying signed in, and the paid feature. */
import assert from "node:assert/strict";
import { also, row } from "../row.js";
import { gone, sees, settles } from "../see.js";
import { as, Customer, credentials, NAMES } from "../world.js";

row("access-1", async (stage) => {
  const wilma = await stage.open("wilma");
  await sees(wilma.page.getByRole("heading", { name: "Conversations" }));
  const request = wilma.page.getByRole("button", { name: "Request access" });
  // In a run without the field another test has asked already.
  if ((await (await as("wilma")).get("/v1/workspace")).features.conversations === "disabled") await request.click();
  await sees(wilma.page.getByText("Requested"));
  assert.equal((await (await as("wilma")).get("/v1/workspace")).features.conversations, "requested");
  await wilma.page.reload();
  await sees(wilma.page.getByText("Requested"));
  assert.equal(await request.count(), 0);
  assert.equal(await wilma.stream.count(), 0);
});

row("sign-in", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia", { stranger: true, path: `/conversations/${card.id}` });
  const { workspace, email, password } = credentials("mia");
  const button = mia.page.getByRole("button", { name: "Sign in" });
  await mia.page.getByRole("textbox", { name: "Workspace" }).fill(workspace);
  await mia.page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await mia.page.getByLabel("Password").fill("wrong");
  await button.click();
  await sees(mia.page.getByRole("alert"));
  await mia.page.getByLabel("Password").fill(password);
  await button.click();
  // Where one wanted to go.
  await sees(mia.window.getByRole("heading", { level: 2, name: card.subject }));
  await sees(
    mia.page
      .getByRole("navigation", { name: "Main" })
      .getByText(NAMES.mia)
      .or(mia.page.getByRole("navigation", { name: "Main" }).getByRole("img", { name: new RegExp(NAMES.mia) })),
  );
  const kept = await mia.page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
  assert.ok(!/eyJ/.test(kept), "no token where scripts can read it later");
  await mia.page.reload();
  await sees(mia.window.getByRole("heading", { level: 2, name: card.subject }));
  await mia.page.getByRole("button", { name: "Sign out" }).click();
  await sees(button);
  await mia.page.reload();
  await sees(button);
});

also("an access token that ended is renewed without a word", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia");
  await sees(mia.card(card.subject));
  // What the page has is of no worth any more; the session goes on.
  let refused = 0;
  let renewed = 0;
  await mia.context.route("**/v1/**", async (route) => {
    const request = route.request();
    if (request.url().endsWith("/v1/auth/refresh")) renewed += 1;
    const headers = await request.allHeaders();
    if (renewed === 0 && headers["authorization"] !== undefined) {
      refused += 1;
      return route.continue({ headers: { ...headers, authorization: "Bearer of.no.worth" } });
    }
    return route.continue();
  });
  await mia.card(card.subject).getByRole("link").first().click();
  await sees(mia.window.getByRole("heading", { level: 2, name: card.subject }));
  assert.ok(refused > 0, "something was refused");
  assert.equal(renewed, 1, "renewed once for all calls");
  await gone(mia.page.getByRole("button", { name: "Sign in" }));
});

also("signing out in one tab ends the other", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia");
  await sees(mia.card(card.subject));
  const other = await mia.context.newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await settles(
    "to be signed out",
    () => mia.page.getByRole("button", { name: "Sign in" }).count(),
    (count) => count === 1,
  );
});
