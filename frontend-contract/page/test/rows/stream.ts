/** The conversations stream. */
import assert from "node:assert/strict";
import { row } from "../row.js";
import { gone, sees, settles } from "../see.js";
import { as, Customer, handOver, there } from "../world.js";

row("stream-1", async (stage) => {
  const card = await new Customer().writes();
  await handOver(card, "tom");
  const mia = await stage.open("mia");
  const whose = mia.stream.getByRole("combobox", { name: "Whose conversations" });
  await whose.selectOption("All conversations");
  await sees(mia.card(card.subject));
  await whose.selectOption("My conversations");
  await gone(mia.card(card.subject));
  const tom = await stage.open("tom");
  await sees(tom.card(card.subject));
  assert.equal(await tom.stream.getByRole("combobox", { name: "Whose conversations" }).count(), 0);
});

row("stream-2", async (stage) => {
  const [open, closed] = await Promise.all([new Customer().writes(), new Customer().writes()]);
  const mia = await stage.open("mia");
  const status = mia.stream.getByRole("combobox", { name: "Status" });
  await sees(mia.card(closed.subject));
  const params = { path: { id: closed.id } };
  await (await as("olga")).patch("/v1/conversations/{id}", { params, body: { status: "closed" } });
  await gone(mia.card(closed.subject));
  await sees(mia.card(open.subject));
  await status.selectOption("Closed conversations");
  await sees(mia.card(closed.subject));
  await gone(mia.card(open.subject));
  await status.selectOption("All statuses");
  await sees(mia.card(open.subject));
  await sees(mia.card(closed.subject));
});

row("stream-3", async (stage) => {
  const first = await new Customer().writes();
  const second = await new Customer().writes();
  // Among one's own, so that what others write meanwhile isn't between.
  await handOver(first, "tim");
  await handOver(second, "tim");
  const tim = await stage.open("tim");
  const order = async (): Promise<string> => {
    const texts = await tim.cards.allInnerTexts();
    const at = (subject: string) => texts.findIndex((text) => text.includes(subject));
    const [one, two] = [at(first.subject), at(second.subject)];
    return one < 0 || two < 0 ? "missing" : one < two ? "oldest first" : "newest first";
  };
  await settles("newest first", order, (found) => found === "newest first");
  await tim.stream.getByRole("combobox", { name: "Order" }).selectOption("Oldest > Newest");
  await settles("oldest first", order, (found) => found === "oldest first");
  // An answer to the first one makes it the newest.
  const params = { path: { id: first.id } };
  await (await as("tim")).post("/v1/conversations/{id}/replies", { params, body: { text: "Soon.", force: true } });
  await settles("newest at the end", order, (found) => found === "newest first");
  await tim.stream.getByRole("combobox", { name: "Order" }).selectOption("Newest > Oldest");
  await settles("newest at the top", order, (found) => found === "oldest first");
});

row(
  "stream-4",
  async (stage) => {
    const oldest = await new Customer().writes();
    const client = await as("olga");
    // As many as don't fit on the first page come after it.
    const customers = Array.from({ length: 30 }, () => new Customer());
    for (let at = 0; at < customers.length; at += 10)
      await Promise.all(customers.slice(at, at + 10).map((customer) => customer.writes()));
    const olga = await stage.open("olga");
    await sees(olga.cards.first());
    const more = olga.stream.getByRole("button", { name: "Show more" });
    for (let pages = 0; (await olga.card(oldest.subject).count()) === 0; pages += 1) {
      assert.ok(pages < 10, "the oldest is on no page");
      const before = await olga.cards.count();
      if (pages % 2 === 0) await more.click();
      else await olga.cards.last().scrollIntoViewIfNeeded();
      await settles(
        "to show more cards",
        () => olga.cards.count(),
        (count) => count > before,
      );
    }
    const link = olga.card(oldest.subject).getByRole("link").first();
    assert.equal(await link.getAttribute("href"), `/conversations/${oldest.id}`);
    await link.click();
    await sees(olga.window.getByRole("heading", { level: 2, name: oldest.subject }));
    const shown = await olga.cards
      .getByRole("link")
      .evaluateAll((links) => links.map((one) => one.getAttribute("href")));
    const addresses = shown.filter((href) => href?.startsWith("/conversations/"));
    assert.equal(new Set(addresses).size, await olga.cards.count(), "each once");
    assert.ok(there(client.me));
  },
  { alone: true },
);

row("stream-5", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia");
  const unread = mia.card(card.subject).getByRole("img", { name: "Unread" });
  await sees(unread);
  const color = await unread.evaluate((dot) => {
    const style = getComputedStyle(dot);
    const painted = [style.backgroundColor, style.fill, style.color];
    return painted.map((one) => (one.match(/[\d.]+/g) ?? []).map(Number));
  });
  assert.ok(
    color.some(([red = 0, green = 0, blue = 0]) => red > 150 && red > 1.5 * green && red > 1.5 * blue),
    "it is red",
  );
  // Somebody else opens it: it is read for all.
  const tom = await stage.open("olga", { path: `/conversations/${card.id}` });
  await sees(tom.messages);
  await gone(unread);
});
