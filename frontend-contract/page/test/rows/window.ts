/** The conversation's window, above its editor. */
import assert from "node:assert/strict";
import { PICTURE } from "../files.js";
import { row } from "../row.js";
import { gone, has, says, sees, settles, textOf } from "../see.js";
import { type Seat, type Stage, startsWith } from "../stage.js";
import { as, Customer, NAMES, there, type User, unique } from "../world.js";

/** A user with a conversation's window open. */
function at(stage: Stage, user: User, card: { readonly id: string }): Promise<Seat> {
  return stage.open(user, { path: `/conversations/${card.id}` });
}

row("window-1", async (stage) => {
  const mia = await at(stage, "mia", await new Customer().writes());
  await sees(mia.window.getByRole("banner").or(mia.window.locator("header")).getByRole("img", { name: "E-mail" }));
});

row("window-2", async (stage) => {
  const customer = new Customer(unique("Herta Header"));
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  await says(mia.window.locator("header").first(), customer.name);
  const olga = await as("olga");
  const body = { first_name: "Renamed", last_name: unique("Herta") };
  await olga.patch("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } }, body });
  await says(mia.window.locator("header").first(), `${body.first_name} ${body.last_name}`);
});

row("window-3", async (stage) => {
  const card = await new Customer().writes({ subject: unique("Żółć ☕ and <i>more</i>") });
  const mia = await at(stage, "mia", card);
  await sees(mia.window.getByRole("heading", { level: 2, name: card.subject, exact: true }));
});

row("window-4", async (stage) => {
  const card = await new Customer().writes();
  const [mia, olga] = [await at(stage, "mia", card), await at(stage, "olga", card)];
  await mia.window.getByRole("button", { name: "Open", exact: true }).click();
  await sees(mia.window.getByRole("button", { name: "Closed", exact: true }));
  await sees(olga.window.getByRole("button", { name: "Closed", exact: true }));
  const read = async () =>
    (await (await as("olga")).get("/v1/conversations/{id}", { params: { path: { id: card.id } } })).status;
  assert.equal(await read(), "closed");
  await olga.window.getByRole("button", { name: "Closed", exact: true }).click();
  await sees(mia.window.getByRole("button", { name: "Open", exact: true }));
  assert.equal(await read(), "open");
});

row("window-5", async (stage) => {
  const card = await new Customer().writes();
  const mia = await at(stage, "mia", card);
  const tim = await stage.open("tim");
  await mia.window.getByRole("button", { name: `Owner: ${NAMES.olga}` }).click();
  const listbox = mia.page.getByRole("listbox", { name: "New owner" });
  await sees(listbox.getByRole("option", { name: NAMES.tom }));
  await mia.page.getByRole("searchbox", { name: "Find somebody" }).fill("Tim");
  await gone(listbox.getByRole("option", { name: NAMES.tom }));
  await listbox.getByRole("option", { name: NAMES.tim }).click();
  await sees(mia.window.getByRole("button", { name: `Owner: ${NAMES.tim}` }));
  await sees(tim.card(card.subject));
  const contact = await (await as("olga")).get("/v1/contacts/{id}", {
    params: { path: { id: card.primary_contact.id } },
  });
  assert.equal(contact.owner.name, NAMES.olga, "the contact's owner stays");
});

row("window-6", async (stage) => {
  const customer = new Customer(unique("Lena Left"));
  const card = await customer.writes({ text: "A question from outside." });
  const body = { text: "An answer from inside.", force: true };
  await (await as("mia")).post("/v1/conversations/{id}/replies", { params: { path: { id: card.id } }, body });
  const olga = await at(stage, "olga", card);
  const of = (name: string) => olga.messages.and(olga.page.getByRole("article", { name: startsWith(name) })).first();
  const [left, right] = [of(customer.name), of(NAMES.mia)];
  await has(left, "data-side", "left");
  await has(right, "data-side", "right");
  const middle = async (article: typeof left) => {
    const box = there(await article.boundingBox());
    return box.x + box.width / 2;
  };
  assert.ok((await middle(left)) < (await middle(right)), "where they are drawn");
  await sees(right.getByRole("img", { name: `Picture of ${NAMES.mia}` }));
  // Somebody else who takes part stands left, too.
  const colleague = new Customer(unique("Cora Copied"));
  const [mail] = await customer.inbox();
  const message = there(mail).headers["Message-ID"].replace(/[<>]/g, "");
  await colleague.send({
    subject: `Re: ${card.subject}`,
    text: "Me too.",
    in_reply_to: message,
    references: [message],
  });
  await has(of(colleague.name), "data-side", "left");
});

row("window-7", async (stage) => {
  const [fresh, old] = [unique("The new words"), unique("the old words")];
  const text = `${fresh}\n\nOn Monday, 2 March 2026, Acme Support <support@acme.test> wrote:\n> ${old}\n> and more.\n`;
  const card = await new Customer().writes({ text });
  const mia = await at(stage, "mia", card);
  await says(mia.window, fresh);
  const button = mia.messages.first().getByRole("button", { name: "Show quoted text" });
  await has(button, "aria-expanded", "false");
  assert.ok(!(await textOf(mia.window)).includes(old), "folded");
  await button.click();
  await has(mia.messages.first().locator("button[aria-expanded]").first(), "aria-expanded", "true");
  await says(mia.window, old);
});

row("window-7b", async (stage) => {
  const picture = `https://pictures.example/${unique("lid").replaceAll(" ", "-")}.png`;
  const words = unique("A picture of it");
  const html = `<p>${words}</p><img src="${picture}" width="40" height="40" alt="the lid">`;
  const card = await new Customer().writes({ text: words, html });
  const mia = await stage.open("mia");
  const asked: string[] = [];
  await mia.context.route("https://pictures.example/**", async (route) => {
    asked.push(route.request().url());
    await route.fulfill({ body: PICTURE, contentType: "image/png" });
  });
  await mia.card(card.subject).getByRole("link").first().click();
  await says(mia.window, words);
  const button = mia.messages.first().getByRole("button", { name: "Show pictures" });
  await sees(button);
  assert.deepEqual(asked, [], "nothing is asked of others before one wants it");
  await button.click();
  await settles(
    "to ask for the picture",
    async () => asked.join(),
    (found) => found === picture,
  );
});

row("window-7c", async (stage) => {
  const content = "kettle,1\r\nlid,0\r\n".repeat(150);
  const filename = "Bestellung März.csv";
  const card = await new Customer().writes({ attachments: [{ filename, content_type: "text/csv", content }] });
  const mia = await at(stage, "mia", card);
  const link = mia.messages.first().getByRole("link", { name: filename });
  await sees(link);
  assert.match(
    there(await link.getAttribute("aria-label").then(async (label) => label ?? (await link.innerText()))),
    /\b[23](\.\d+)? ?kB/i,
  );
  const answer = await mia.context.request.get(there(await link.getAttribute("href")));
  assert.equal(await answer.text(), content);
  await sees(mia.card(card.subject));
});

row("window-failed", async (stage) => {
  const customer = new Customer("Nobody Known", `nobody-${unique("x").replaceAll(/\W/g, "")}@nowhere.test`);
  const card = await customer.writes();
  const mia = await at(stage, "mia", card);
  const params = { path: { id: card.id } };
  const body = { text: "Hello?", force: true };
  const message = await (await as("mia")).post("/v1/conversations/{id}/replies", { params, body });
  const alert = mia.messages.last().getByRole("alert");
  await says(alert, customer.address);
  await says(alert, "unknown user");
  const read = async () => (await as("mia")).get("/v1/messages/{id}", { params: { path: { id: message.id } } });
  const { updated_at } = await read();
  await mia.messages.last().getByRole("button", { name: "Try again" }).click();
  await settles("to have failed again", read, (now) => now.updated_at > updated_at && now.delivery?.state === "failed");
  await says(mia.messages.last().getByRole("alert"), "unknown user");
});

row("window-presence", async (stage) => {
  const card = await new Customer().writes();
  const [mia, olga] = [await at(stage, "mia", card), await at(stage, "olga", card)];
  await sees(mia.messages);
  await olga.editor.getByRole("textbox", { name: "Message" }).click();
  await olga.page.keyboard.type("Dear customer, ");
  await sees(mia.window.getByRole("status").filter({ hasText: `${NAMES.olga} is writing` }));
  // One is not told of oneself.
  assert.equal(await olga.window.getByRole("status").filter({ hasText: "is writing" }).count(), 0);
});
