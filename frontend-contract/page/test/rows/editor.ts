/** The editor: what is written at the page arrives at the customer's. */
import assert from "node:assert/strict";
import { also, row } from "../row.js";
import { gone, has, says, sees, settles, silent } from "../see.js";
import type { Seat, Stage } from "../stage.js";
import { as, Customer, NAMES, there, type User, unique, world } from "../world.js";

function at(stage: Stage, user: User, card: { readonly id: string }): Promise<Seat> {
  return stage.open(user, { path: `/conversations/${card.id}` });
}

async function write(seat: Seat, words: string): Promise<void> {
  await seat.editor.getByRole("textbox", { name: "Message" }).click();
  await seat.page.keyboard.type(words);
}

async function send(seat: Seat): Promise<void> {
  await seat.editor.getByRole("button", { name: "Send", exact: true }).click();
}

/** The text in the editor, be it a text area or not. */
function written(seat: Seat): Promise<string> {
  const box = seat.editor.getByRole("textbox", { name: "Message" });
  return box.evaluate((found) =>
    found instanceof HTMLTextAreaElement ? found.value : (found as HTMLElement).innerText,
  );
}

row("window-8", async (stage) => {
  const customer = new Customer(unique("Rita Recipient"));
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  await says(mia.editor.getByRole("group", { name: "Recipients" }), customer.address);
  await write(mia, "It is on its way.");
  await send(mia);
  const [mail] = await customer.inbox();
  assert.match(there(mail).headers.To, new RegExp(customer.address));
});

row("window-9", async (stage) => {
  const customer = new Customer();
  const [copied, blind] = [new Customer(unique("Coco Copy")), new Customer(unique("Bob Blind"))];
  // Somebody who has written before is found by the name.
  const known = new Customer(unique("Wanda Wellknown"));
  await known.writes();
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  await mia.editor.getByRole("button", { name: "Edit recipients" }).click();
  const field = (name: string) => mia.editor.getByLabel(name, { exact: true });
  await field("Cc").fill("Wanda Wellk");
  await mia.page.getByRole("option", { name: known.address }).first().click();
  for (const [name, who] of [
    ["Cc", copied],
    ["Bcc", blind],
  ] as const) {
    await field(name).press("End");
    await field(name).pressSequentially(who.address);
  }
  const words = unique("To all of you");
  await write(mia, words);
  await send(mia);
  for (const who of [customer, copied, blind, known]) {
    const mail = there((await who.inbox()).at(-1));
    assert.ok(mail.text?.includes(words), who.address);
    assert.ok(mail.headers.Cc.includes(copied.address) && mail.headers.Cc.includes(known.address));
    if (who !== blind) assert.ok(!JSON.stringify(mail).includes(blind.address), "nobody sees the blind copy");
  }
});

row("window-10", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  await says(mia.editor, new RegExp(`From\\s+${NAMES.mia}`));
  await write(mia, "Yours, really.");
  await send(mia);
  const [mail] = await customer.inbox();
  assert.match(there(mail).headers.From, new RegExp(`${NAMES.mia}.*<${world.support}>`));
});

row(
  "window-11",
  async (stage) => {
    const signature = unique("Olga of the tea house");
    const olgas = await as("olga");
    await olgas.patch("/v1/me", { body: { signature_html: `<p><b>${signature}</b></p>`, signature_enabled: true } });
    const customer = new Customer();
    const card = await customer.writes();
    const olga = await at(stage, "olga", card);
    const toggle = olga.editor.getByRole("switch", { name: "Signature" });
    await settles("to be on", () => toggle.isChecked(), Boolean);
    await says(olga.editor, signature);
    await write(olga, "With it.");
    await send(olga);
    const [first] = await customer.inbox();
    assert.ok(there(first).text?.includes(signature), "the customer got it");
    await says(olga.messages.nth(1), "With it.");
    await toggle.click();
    await settles(
      "to be off",
      () => toggle.isChecked(),
      (on) => !on,
    );
    await silent(olga.editor, signature);
    await write(olga, "Without it.");
    await send(olga);
    const second = there((await customer.inbox(2))[1]);
    const [fresh] = there(second.text).split("wrote:");
    assert.ok(there(fresh).includes("Without it.") && !there(fresh).includes(signature), "switched off for this one");
  },
  { alone: true },
);

row("window-12", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  const words = unique("Here is the list, & <more>");
  await write(mia, words);
  const choosing = mia.page.waitForEvent("filechooser");
  await mia.editor.getByRole("button", { name: "Attach files" }).click();
  const content = Buffer.from("kettle;1\n".repeat(1000));
  await (await choosing).setFiles({ name: "List of teas.csv", mimeType: "text/csv", buffer: content });
  await sees(mia.editor.getByText("List of teas.csv"));
  await gone(mia.editor.getByRole("progressbar"));
  await send(mia);
  await settles(
    "to be empty",
    () => written(mia),
    (text) => text.trim() === "",
  );
  const article = mia.messages.filter({ has: mia.page.getByRole("link", { name: /List of teas\.csv/ }) });
  await has(article, "data-side", "right");
  await says(article, words);
  const [mail] = await customer.inbox();
  assert.ok(there(mail).text?.includes(words), there(mail).text ?? "");
  assert.ok(there(mail).parts.includes("text/csv"));
  // It threads in the customer's program, and their answer comes into the same window.
  await customer.answers("Thank you very much.");
  await says(mia.messages.last(), customer.name);
  assert.match(there(mail).headers.References, /@/);
});

row(
  "window-send",
  async (stage) => {
    const owner = await as("olga");
    await owner.patch("/v1/workspace", { body: { undo_send_seconds: 20 } });
    try {
      const customer = new Customer();
      const card = await customer.writes();
      const mia = await at(stage, "mia", card);
      const words = unique("Not yet finished");
      await write(mia, words);
      await send(mia);
      const status = mia.window.getByRole("status").filter({ hasText: /Sending in \d+ s/ });
      await sees(status);
      await mia.window.getByRole("button", { name: "Undo" }).click();
      await settles(
        "to have the text back",
        () => written(mia),
        (text) => text.includes(words),
      );
      await gone(status);
      const { data } = await owner.get("/v1/conversations/{id}/messages", { params: { path: { id: card.id } } });
      assert.equal(data.length, 1, "it was taken back");
    } finally {
      await owner.patch("/v1/workspace", { body: { undo_send_seconds: 0 } });
    }
  },
  { alone: true },
);

row("window-moved-on", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  await sees(mia.messages);
  const words = unique("My answer");
  await write(mia, words);
  // What came meanwhile doesn't reach this page: its stream is cut.
  await mia.context.route("**/v1/events/stream*", (route) => route.abort());
  await mia.context.setOffline(true);
  await customer.addsTo(card, "One thing more.");
  const olga = await as("olga");
  await settles(
    "to have moved on",
    async () => {
      const { data } = await olga.get("/v1/conversations/{id}/messages", { params: { path: { id: card.id } } });
      return data.length;
    },
    (count) => count === 2,
  );
  await mia.context.setOffline(false);
  await send(mia);
  const alert = mia.window.getByRole("alert").filter({ has: mia.page.getByRole("button", { name: "Send anyway" }) });
  await sees(alert);
  assert.ok((await written(mia)).includes(words), "the text is still there");
  await alert.getByRole("button", { name: "Send anyway" }).click();
  const [mail] = await customer.inbox();
  assert.ok(there(mail).text?.includes(words));
  await gone(alert);
});

also("a draft stays with its conversation", async (stage) => {
  const [one, two] = await Promise.all([new Customer().writes(), new Customer().writes()]);
  const mia = await stage.open("mia");
  await mia.card(one.subject).getByRole("link").first().click();
  await sees(mia.window.getByRole("heading", { name: one.subject }));
  await write(mia, "Half a sentence");
  await mia.card(two.subject).getByRole("link").first().click();
  await sees(mia.window.getByRole("heading", { name: two.subject }));
  await settles(
    "to be empty",
    () => written(mia),
    (text) => text.trim() === "",
  );
  await mia.card(one.subject).getByRole("link").first().click();
  await settles(
    "to be back",
    () => written(mia),
    (text) => text.includes("Half a sentence"),
  );
});

also("what is written is sent, whatever happens to it on the way", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  let lost = false;
  // The first answer is lost: the server has the reply, the page doesn't know.
  await mia.context.route("**/replies", async (route) => {
    if (lost || route.request().method() !== "POST") return route.continue();
    lost = true;
    await route.fetch();
    await route.abort("connectionreset");
  });
  const words = unique("Only once");
  await write(mia, words);
  await send(mia);
  await settles(
    "to be empty",
    () => written(mia),
    (text) => text.trim() === "",
  );
  assert.ok(lost);
  assert.equal((await customer.inbox()).length, 1);
  const { data } = await (await as("olga")).get("/v1/conversations/{id}/messages", {
    params: { path: { id: card.id } },
  });
  assert.equal(data.length, 2, "one reply");
});
