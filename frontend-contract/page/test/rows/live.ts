/** What others do shows by itself. */
import assert from "node:assert/strict";
import { also, row } from "../row.js";
import { gone, says, sees, settles } from "../see.js";
import { as, Customer, handOver, pause, there } from "../world.js";

/** The stream's rule (STR-5), in milliseconds. */
const SOON = 1000;

row(
  "live-1",
  async (stage) => {
    const [mia, olga] = [await stage.open("mia"), await stage.open("olga")];
    await sees(mia.stream.getByRole("combobox", { name: "Status" }));
    await sees(olga.stream.getByRole("combobox", { name: "Status" }));
    await pause(500);
    const customer = new Customer();
    const late: number[] = [];
    const shown = async (seat: typeof mia, subject: string) => {
      await sees(seat.card(subject));
      return Date.now();
    };
    // A new one, which may be seen at both pages before its sender's program knows.
    const subject = `Kettle ${Date.now()}`;
    const [card, ...times] = await Promise.all([
      customer.writes({ subject }),
      shown(mia, subject),
      shown(olga, subject),
    ]);
    late.push(...times.map((time) => time - Date.parse(card.created_at)));
    assert.ok((await mia.cards.first().innerText()).includes(subject), "at the top");
    // Others come above it; then an answer in it takes it to the top again.
    await new Customer().writes();
    await settles(
      "not at the top",
      () => mia.cards.first().innerText(),
      (text) => !text.includes(subject),
    );
    const top = settles(
      "at the top",
      () => mia.cards.first().innerText(),
      (text) => text.includes(subject),
    ).then(() => Date.now());
    await customer.addsTo(card, "And the lid?");
    const at = await top;
    const { data } = await (await as("olga")).get("/v1/conversations/{id}/messages", {
      params: { path: { id: card.id } },
    });
    late.push(at - Date.parse(there(data.at(-1)).created_at));
    await says(mia.cards.first(), "And the lid?");
    // A colleague closes it and answers: it comes back to the open ones, at the top.
    const params = { path: { id: card.id } };
    await (await as("olga")).patch("/v1/conversations/{id}", { params, body: { status: "closed" } });
    await gone(mia.card(subject));
    await (await as("olga")).post("/v1/conversations/{id}/replies", {
      params,
      body: { text: "It comes too.", force: true },
    });
    await settles(
      "at the top",
      () => mia.cards.first().innerText(),
      (text) => text.includes(subject),
    );
    assert.ok(Math.max(...late) < SOON, `within a second of being stored: ${late.join(", ")} ms`);
  },
  { alone: true },
);

row("live-2", async (stage) => {
  const card = await new Customer().writes();
  await handOver(card, "tim");
  const tim = await stage.open("tim", { path: `/conversations/${card.id}` });
  const tom = await stage.open("tom");
  await sees(tim.card(card.subject));
  await sees(tim.messages);
  await handOver(card, "tom");
  await gone(tim.card(card.subject));
  await gone(tim.messages);
  await sees(tom.card(card.subject));
  const answer = await tim.context.request.get(`/v1/conversations/${card.id}`);
  assert.notEqual(answer.status(), 200);
});

row("offline-1", async (stage) => {
  const mia = await stage.open("mia");
  const before = await new Customer().writes();
  await sees(mia.card(before.subject));
  await mia.context.setOffline(true);
  const status = mia.page.getByRole("status").filter({ hasText: "Offline" });
  await sees(status);
  const customer = new Customer();
  const card = await customer.writes();
  const params = { path: { id: before.id } };
  await (await as("olga")).patch("/v1/conversations/{id}", { params, body: { status: "closed" } });
  assert.equal(await mia.card(card.subject).count(), 0);
  await mia.context.setOffline(false);
  await sees(mia.card(card.subject));
  await gone(mia.card(before.subject));
  await gone(status);
});

also("a message that comes while its conversation is open shows in its window", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const mia = await stage.open("mia", { path: `/conversations/${card.id}` });
  await sees(mia.messages);
  await customer.addsTo(card, "One thing more.");
  await settles(
    "to have two",
    () => mia.messages.count(),
    (count) => count === 2,
  );
  await (await as("olga")).post("/v1/conversations/{id}/replies", {
    params: { path: { id: card.id } },
    body: { text: "Noted.", force: true },
  });
  await settles(
    "to have three",
    () => mia.messages.count(),
    (count) => count === 3,
  );
});
