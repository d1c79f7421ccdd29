/** The primary contact's sidebar. */
import assert from "node:assert/strict";
import type { api } from "@postroom/client";
import { also, row } from "../row.js";
import { gone, holds, says, sees, settles } from "../see.js";
import type { Seat, Stage } from "../stage.js";
import { as, Customer, NAMES, type User, unique, world } from "../world.js";

function at(stage: Stage, user: User, card: { readonly id: string }): Promise<Seat> {
  return stage.open(user, { path: `/conversations/${card.id}` });
}

async function contactOf(card: api.Card): Promise<api.Contact> {
  return (await as("olga")).get("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } } });
}

function field(seat: Seat, label: string) {
  return seat.sidebar.getByLabel(label, { exact: true });
}

/** Writes into a field and leaves it. */
async function edit(seat: Seat, label: string, value: string): Promise<void> {
  await field(seat, label).fill(value);
  await field(seat, label).blur();
}

row("sidebar-1", async (stage) => {
  const customer = new Customer(unique("Paula Primary"));
  const card = await customer.writes();
  const [mia, olga] = [await at(stage, "mia", card), await at(stage, "olga", card)];
  // The name that stands in the mail; its last word is taken for the family's.
  const words = customer.name.split(" ");
  await holds(field(mia, "Last name"), words.pop() ?? "");
  await holds(field(mia, "First name"), words.join(" "));
  await holds(field(mia, "E-mail"), customer.address);
  await sees(mia.sidebar.getByRole("img", { name: `Picture of ${customer.name}` }));
  const title = unique("Head of tea");
  for (const [label, value] of [
    ["Title", title],
    ["Phone", "+49 30 123456"],
    ["City", "Bremen"],
  ] as const)
    await edit(mia, label, value);
  await settles(
    "to be saved",
    () => contactOf(card),
    (now) => now.title === title && now.address.city === "Bremen",
  );
  // The other one sees it without doing anything.
  await holds(field(olga, "Title"), title);
  await holds(field(olga, "Phone"), "+49 30 123456");
  // Escape takes back.
  await field(mia, "Title").fill("Nonsense");
  await field(mia, "Title").press("Escape");
  await holds(field(mia, "Title"), title);
  await edit(mia, "First name", "Paulina");
  await says(olga.card(card.subject), "Paulina");
  assert.equal((await contactOf(card)).title, title);
});

row("sidebar-2", async (stage) => {
  const card = await new Customer().writes();
  const mia = await at(stage, "mia", card);
  await edit(mia, "Nickname", "Tea-Anna");
  await edit(mia, "Story", "First line\nsecond line");
  await edit(mia, "Cups a day", "4.5");
  await edit(mia, "Customer since", "2021-03-04");
  await edit(mia, "Shop", "https://tea.example/shop");
  await edit(mia, "Invoices to", "invoices@tea.example");
  await edit(mia, "Fax", "+49 30 99");
  await field(mia, "Plan").selectOption("Pro");
  await field(mia, "Likes milk").click();
  const teas = mia.sidebar.getByRole("group", { name: "Teas" });
  for (const tea of ["Assam", "Sencha"]) await teas.getByLabel(tea).click();
  const wanted = {
    text: "Tea-Anna",
    long_text: "First line\nsecond line",
    date: "2021-03-04",
    boolean: true,
    select: "Pro",
    multi_select: ["Assam", "Sencha"],
    url: "https://tea.example/shop",
    email: "invoices@tea.example",
    phone: "+49 30 99",
  };
  const ofTypes = async () => {
    const fields = (await contactOf(card)).custom_fields as Record<string, unknown>;
    return {
      ...Object.fromEntries(Object.keys(wanted).map((key) => [key, fields[key]])),
      number: Number(fields["number"]),
    };
  };
  const expected = JSON.stringify({ ...wanted, number: 4.5 });
  await settles("to be saved", ofTypes, (found) => JSON.stringify(found) === expected);
  // Somebody else's change comes; what is no date or address is refused, with words.
  const body = { custom_fields: { text: "Anna of the teas" } };
  await (await as("olga")).patch("/v1/contacts/{id}", { params: { path: { id: card.primary_contact.id } }, body });
  await holds(field(mia, "Nickname"), "Anna of the teas");
  await edit(mia, "Invoices to", "no address");
  await sees(mia.sidebar.getByRole("alert"));
  assert.equal(((await contactOf(card)).custom_fields as Record<string, unknown>)["email"], "invoices@tea.example");
});

row("sidebar-3", async (stage) => {
  const card = await new Customer().writes();
  const [mia, olga] = [await at(stage, "mia", card), await at(stage, "olga", card)];
  await mia.sidebar.getByRole("button", { name: "Add company" }).click();
  // With an error in typing.
  await mia.page.getByRole("combobox", { name: "Company" }).fill("Nortwind");
  await mia.page.getByRole("option", { name: world.company }).first().click();
  const company = () => contactOf(card).then((contact) => contact.company);
  await settles("to be associated", company, (now) => now?.name === world.company);
  // Its fields are edited in place.
  const industry = unique("Tea and more");
  await edit(mia, "Industry", industry);
  await settles("to be saved", company, (now) => now?.industry === industry);
  await holds(field(olga, "Industry"), industry);
  await mia.sidebar.getByRole("button", { name: "Remove company" }).click();
  await settles("to be taken off", company, (now) => now === null);
  await sees(olga.sidebar.getByRole("button", { name: "Add company" }));
});

row("sidebar-4", async (stage) => {
  const card = await new Customer().writes();
  const [mia, olga] = [await at(stage, "mia", card), await at(stage, "olga", card)];
  await mia.sidebar.getByRole("button", { name: "Add deal" }).click();
  await mia.page.getByRole("combobox", { name: "Deal", exact: true }).fill("Tea for a");
  await mia.page.getByRole("option", { name: world.deal }).first().click();
  const remove = (seat: Seat) => seat.sidebar.getByRole("button", { name: `Remove deal ${world.deal}` });
  await sees(remove(mia));
  await sees(remove(olga));
  const values = async (seat: Seat) =>
    `${await seat.sidebar.innerText()} ${(await seat.sidebar.locator("input, select, textarea").evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value))).join(" ")}`;
  await settles(
    "to show stage and amount",
    () => values(olga),
    (text) => text.includes("Negotiation") && /1[.,]?250/.test(text),
  );
  await remove(mia).click();
  await settles(
    "to be taken off",
    async () => (await contactOf(card)).deals.length,
    (count) => count === 0,
  );
  await gone(remove(olga));
});

also("two who edit the same field: nothing is overwritten, and the second one is told", async (stage) => {
  const card = await new Customer().writes();
  const mia = await at(stage, "mia", card);
  await sees(field(mia, "Title"));
  await field(mia, "Title").fill("What Mia thinks");
  await (await as("olga")).patch("/v1/contacts/{id}", {
    params: { path: { id: card.primary_contact.id } },
    body: { title: "What Olga thinks" },
  });
  await settles(
    "to be saved by the other",
    () => contactOf(card),
    (now) => now.title === "What Olga thinks",
  );
  await field(mia, "Title").blur();
  const alert = mia.sidebar.getByRole("alert");
  for (const words of [NAMES.olga, "What Olga thinks", "What Mia thinks"]) await says(alert, words);
  assert.equal((await contactOf(card)).title, "What Olga thinks");
  await alert.getByRole("button", { name: "Save mine" }).click();
  await settles(
    "to be saved in the end",
    () => contactOf(card),
    (now) => now.title === "What Mia thinks",
  );
  await gone(alert);
});
