/** The page by the keyboard alone, and on a narrow screen. */
import assert from "node:assert/strict";
import { also } from "../row.js";
import { gone, sees, settles } from "../see.js";
import type { Seat } from "../stage.js";
import { Customer, handOver } from "../world.js";

/** The subject of the card that has the focus. */
function focused(seat: Seat): Promise<string> {
  return seat.page.evaluate(() => document.activeElement?.closest("li")?.innerText ?? "");
}

also("by the keyboard alone one goes through the cards, opens one and comes back", async (stage) => {
  const older = await new Customer().writes();
  const newer = await new Customer().writes();
  // Tom's alone, so that nothing comes between.
  await handOver(older, "tom");
  await handOver(newer, "tom");
  const tom = await stage.open("tom");
  await sees(tom.card(newer.subject));
  await sees(tom.card(older.subject));
  const { keyboard } = tom.page;
  await tom.card(newer.subject).getByRole("link").first().focus();
  for (const [down, up] of [
    ["j", "k"],
    ["ArrowDown", "ArrowUp"],
  ] as const) {
    await keyboard.press(down);
    await settles(
      "the older one to have the focus",
      () => focused(tom),
      (text) => text.includes(older.subject),
    );
    await keyboard.press(up);
    await settles(
      "the newer one to have the focus",
      () => focused(tom),
      (text) => text.includes(newer.subject),
    );
  }
  const outlined = await tom.page.evaluate(() => {
    const link = document.activeElement ?? document.body;
    // The outline is around the whole card, which the link's box behind it covers.
    return [undefined, "::after"].some((part) => getComputedStyle(link, part).outlineStyle !== "none");
  });
  assert.ok(outlined, "the focus is seen");
  await keyboard.press("Enter");
  await sees(tom.window.getByRole("heading", { level: 2, name: newer.subject }));
  await tom.window.getByRole("button", { name: "Open", exact: true }).focus();
  await keyboard.press("Escape");
  await settles(
    "the card to have the focus again",
    () => focused(tom),
    (text) => text.includes(newer.subject),
  );
});

also("on a narrow screen one section at a time", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia", { viewport: { width: 390, height: 844 } });
  await sees(mia.card(card.subject));
  await gone(mia.window);
  await gone(mia.sidebar);
  await mia.card(card.subject).getByRole("link").first().click();
  await sees(mia.window.getByRole("heading", { level: 2, name: card.subject }));
  await gone(mia.stream);
  await mia.window.getByRole("button", { name: "Customer" }).click();
  await sees(mia.sidebar.getByLabel("First name", { exact: true }));
  await gone(mia.window);
  await mia.sidebar.getByRole("button", { name: "Back to the conversation" }).click();
  await sees(mia.window);
  await mia.window.getByRole("button", { name: "Back to the stream" }).click();
  await sees(mia.card(card.subject));
  const wide = await mia.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `nothing hangs over: ${wide} px`);
});
