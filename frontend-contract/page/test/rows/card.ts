/** The cards of the stream. */
import assert from "node:assert/strict";
import { PICTURE } from "../files.js";
import { row } from "../row.js";
import { gone, has, says, sees, settles } from "../see.js";
import { as, Customer, there, unique } from "../world.js";

row("card-1", async (stage) => {
  const customer = new Customer(unique("Carla Castle"));
  const card = await customer.writes();
  const nameless = new Customer("");
  const other = await nameless.writes();
  // Somebody else has written last: the card has the contact's name from nowhere else.
  for (const { id } of [card, other])
    await (await as("mia")).post("/v1/conversations/{id}/replies", {
      params: { path: { id } },
      body: { text: "Soon.", force: true },
    });
  const mia = await stage.open("mia");
  await says(mia.card(card.subject), customer.name);
  await says(mia.card(other.subject), nameless.address);
  // It is the contact's name, whoever changes it.
  const body = { first_name: "Caroline", last_name: unique("Newcastle") };
  await (await as("olga")).patch("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } }, body });
  await says(mia.card(card.subject), `${body.first_name} ${body.last_name}`);
});

row("card-2", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes({ subject: unique("Grüße & <b>Tee</b> for two") });
  const silent = new Customer(unique("Silent Sam"));
  await silent.writes({ subject: "" });
  const mia = await stage.open("mia");
  await says(mia.card(card.subject), card.subject);
  await says(mia.cards.filter({ hasText: silent.name }), "(no subject)");
});

row("card-3", async (stage) => {
  const card = await new Customer().writes();
  const mia = await stage.open("mia");
  const time = mia.card(card.subject).locator("time");
  await sees(time);
  const at = Date.parse(there(await time.getAttribute("datetime"), "datetime"));
  assert.equal(at, Date.parse(card.last_message.sent_at));
  const local = new Date(at).toLocaleTimeString("en-GB", {
    timeZone: "Europe/Berlin",
    hour: "2-digit",
    minute: "2-digit",
  });
  assert.ok(there(await time.getAttribute("title"), "title").includes(local), "the title has the viewer's time");
  const before = await time.innerText();
  assert.ok(before.length > 0 && before.length < 20, before);
  // It is the last reply's: closing and opening again is none.
  const client = await as("olga");
  const body = (status: "open" | "closed") => ({ params: { path: { id: card.id } }, body: { status } });
  await client.patch("/v1/conversations/{id}", body("closed"));
  await gone(mia.card(card.subject));
  await client.patch("/v1/conversations/{id}", body("open"));
  await sees(mia.card(card.subject));
  assert.equal(Date.parse(there(await time.getAttribute("datetime"))), at);
  const tokyo = await stage.open("mia", { timezoneId: "Asia/Tokyo" });
  const theirs = new Date(at).toLocaleTimeString("en-GB", {
    timeZone: "Asia/Tokyo",
    hour: "2-digit",
    minute: "2-digit",
  });
  await has(tokyo.card(card.subject).locator("time"), "title", new RegExp(theirs));
  // Time passes.
  const later = await stage.open("mia", { path: "about:blank" });
  await later.page.clock.install({ time: Date.now() + 3 * 3_600_000 });
  await later.page.goto("/");
  await says(later.card(card.subject).locator("time"), /3/);
  await later.page.clock.fastForward("02:00:00");
  await says(later.card(card.subject).locator("time"), /5/);
});

row("card-4", async (stage) => {
  const customer = new Customer(unique("Petra Picture"));
  const card = await customer.writes();
  const plain = new Customer(unique("Ivo Initials"));
  const other = await plain.writes();
  const client = await as("olga");
  await client.setContactAvatar(card.primary_contact.id, new Blob([PICTURE], { type: "image/png" }));
  const mia = await stage.open("mia");
  await sees(mia.card(card.subject).getByRole("img", { name: "E-mail" }));
  await sees(mia.card(other.subject).getByRole("img", { name: `Picture of ${plain.name}` }));
  const picture = mia.card(card.subject).getByRole("img", { name: `Picture of ${customer.name}` });
  await sees(picture);
  // The picture that was set has come and is drawn.
  const width = () =>
    picture.evaluate((found) => {
      const image = found instanceof HTMLImageElement ? found : found.querySelector("img");
      return image === null ? -1 : image.complete ? image.naturalWidth : 0;
    });
  await settles("to be a picture with pixels", width, (found) => found > 0);
});

row("card-5", async (stage) => {
  const customer = new Customer();
  const words = unique("The kettle came without its lid");
  const text = `${words}\n\nOn Monday, Acme Support wrote:\n> We sent it\n> on Friday.\n`;
  const card = await customer.writes({ text });
  const mia = await stage.open("mia");
  await says(mia.card(card.subject), words);
  assert.ok(!(await mia.card(card.subject).innerText()).includes("We sent it"), "no quoted text");
});

row("card-6", async (stage) => {
  const customer = new Customer(unique("Sandra Sender"));
  const card = await customer.writes();
  const mia = await stage.open("mia");
  await sees(mia.card(card.subject).getByRole("img", { name: "Received" }));
  // A colleague of hers answers the team's mail: the sender isn't the primary contact.
  await (await as("mia")).post("/v1/conversations/{id}/replies", {
    params: { path: { id: card.id } },
    body: { text: "On its way.", force: true },
  });
  await sees(mia.card(card.subject).getByRole("img", { name: "Sent" }));
  await says(mia.card(card.subject), /\bYou\b/);
  await customer.inbox();
  const colleague = new Customer(unique("Konrad Colleague"));
  const [last] = await customer.inbox();
  const message = there(last).headers["Message-ID"].replace(/[<>]/g, "");
  await colleague.send({
    subject: `Re: ${card.subject}`,
    text: "Thanks!",
    in_reply_to: message,
    references: [message],
  });
  await says(mia.card(card.subject), colleague.name);
  await sees(mia.card(card.subject).getByRole("img", { name: "Received" }));
});

row("card-active", async (stage) => {
  const [one, two] = await Promise.all([new Customer().writes(), new Customer().writes()]);
  const mia = await stage.open("mia");
  const link = (subject: string) => mia.card(subject).getByRole("link").first();
  await link(one.subject).click();
  await has(link(one.subject), "aria-current", "page");
  assert.ok(mia.page.url().endsWith(`/conversations/${one.id}`));
  await sees(mia.window.getByRole("heading", { level: 2, name: one.subject }));
  await link(two.subject).click();
  await has(link(two.subject), "aria-current", "page");
  assert.equal(await link(one.subject).getAttribute("aria-current"), null);
  // Pink: what is painted behind the card's words.
  const behind = await link(two.subject).evaluate((found) => {
    for (let at: Element | null = found; at !== null; at = at.parentElement) {
      const [red = 0, green = 0, blue = 0, alpha = 1] = (
        getComputedStyle(at).backgroundColor.match(/[\d.]+/g) ?? []
      ).map(Number);
      if (alpha > 0.02) return { red, green, blue };
    }
    return { red: 0, green: 0, blue: 0 };
  });
  assert.ok(behind.red > behind.green && behind.blue > behind.green, `pink, not ${JSON.stringify(behind)}`);
});

row("card-close", async (stage) => {
  const customer = new Customer();
  const card = await customer.writes();
  const other = await new Customer().writes();
  const mia = await stage.open("mia");
  const olga = await stage.open("olga");
  await sees(olga.card(card.subject));
  await mia.card(card.subject).hover();
  await mia
    .card(card.subject)
    .getByRole("button", { name: `Close ${card.subject}` })
    .click();
  await gone(mia.card(card.subject));
  await gone(olga.card(card.subject));
  const now = await (await as("olga")).get("/v1/conversations/{id}", { params: { path: { id: card.id } } });
  assert.equal(now.status, "closed");
  // By the keyboard alone.
  const button = mia.card(other.subject).getByRole("button", { name: `Close ${other.subject}` });
  await mia.card(other.subject).getByRole("link").first().focus();
  await mia.page.keyboard.press("Tab");
  await settles("to have the focus", () => button.evaluate((found) => found === document.activeElement), Boolean);
  await mia.page.keyboard.press("Enter");
  await gone(mia.card(other.subject));
  // A further mail opens it again, at the top.
  await customer.addsTo(card, "Are you there?");
  await sees(mia.card(card.subject));
});
