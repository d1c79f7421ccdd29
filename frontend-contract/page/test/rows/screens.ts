/** Each screen: no serious fault of accessibility, and a picture of it in target/page-pictures. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { also } from "../row.js";
import { sees } from "../see.js";
import { directory, type Opening, type Seat, type Stage } from "../stage.js";
import { as, Customer, NAMES, unique, world } from "../world.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe calls serious or critical. */
async function inaccessible(seat: Seat): Promise<readonly string[]> {
  // By the browser itself, not as the page's script: the page allows none but its own.
  await seat.page.evaluate(AXE);
  const { violations } = await seat.page.evaluate(() => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return axe.run({ resultTypes: ["violations"], iframes: false });
  });
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return bad.flatMap(({ id, help, nodes }) => [
    `${id}: ${help}`,
    ...nodes.map(({ html, failureSummary }) => `  ${html}\n    ${failureSummary?.replaceAll("\n", "\n    ")}`),
  ]);
}

type Look = (seat: Seat, screen: string) => Promise<void>;

/** Keeps a picture of each screen that it looks at, and fails in the end where any was not accessible. */
async function looking(size: string, play: (look: Look) => Promise<void>) {
  const faults: string[] = [];
  await play(async (seat, screen) => {
    const name = `${screen}-${size.replace(" ", "-")}`;
    await seat.page.screenshot({ path: new URL(`${name}.png`, directory("page-pictures")).pathname });
    faults.push(...(await inaccessible(seat)).map((fault) => `${name}: ${fault}`));
  });
  if (faults.length > 0) throw new Error(`Not accessible:\n${faults.join("\n")}`);
}

const SIZES: Readonly<Record<string, Opening>> = {
  "1440 light": { viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  "1440 dark": { viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  "1000 light": { viewport: { width: 1000, height: 800 }, colorScheme: "light" },
  "390 light": { viewport: { width: 390, height: 844 }, colorScheme: "light" },
  "390 dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
};

for (const [size, opening] of Object.entries(SIZES)) {
  const screen = (name: string, play: (stage: Stage, look: Look) => Promise<void>) =>
    also(`screen: ${name} (${size})`, (stage) => looking(size, (look) => play(stage, look)));

  screen("sign-in", async (stage, look) => {
    const seat = await stage.open("mia", { ...opening, stranger: true });
    await sees(seat.page.getByRole("button", { name: "Sign in" }));
    await look(seat, "sign-in");
  });

  screen("request access", async (stage, look) => {
    const seat = await stage.open("wilma", opening);
    await sees(seat.page.getByRole("heading", { name: "Conversations" }));
    await look(seat, "access");
  });

  screen("stream", async (stage, look) => {
    const card = await new Customer("Selma Stream").writes();
    const seat = await stage.open("olga", opening);
    await sees(seat.card(card.subject));
    await look(seat, "stream");
  });

  screen("conversation", async (stage, look) => {
    const seat = await stage.open("olga", { ...opening, path: `/conversations/${await conversation()}` });
    await sees(seat.messages.nth(2));
    // Below this width it comes when it is asked for.
    if ((opening.viewport?.width ?? 0) >= 1100) await sees(seat.sidebar.getByLabel("First name", { exact: true }));
    await look(seat, "conversation");
    await seat.editor.getByRole("button", { name: "Edit recipients" }).click();
    await seat.editor.getByRole("textbox", { name: "Message" }).click();
    await seat.page.keyboard.type("Dear Clara, the lid is on its way.");
    await look(seat, "editor");
    await seat.window.getByRole("button", { name: /^Owner: / }).click();
    await sees(seat.page.getByRole("listbox", { name: "New owner" }).getByRole("option", { name: NAMES.tom }));
    await look(seat, "owners");
    await seat.page.keyboard.press("Escape");
    if (!(await seat.sidebar.isVisible())) await seat.window.getByRole("button", { name: "Customer" }).click();
    await sees(seat.sidebar.getByLabel("First name", { exact: true }));
    await look(seat, "customer");
  });
}

/** A conversation with all that one may have. */
async function conversation(): Promise<string> {
  const customer = new Customer("Clara Customer");
  const quoted =
    "\n\nOn Monday, 2 March 2026, Acme Support wrote:\n> Your kettle has left our house.\n> It comes on Friday.\n";
  const card = await customer.writes({
    subject: unique("The kettle came without its lid"),
    text: `Good morning,\n\nthe kettle has come, thank you. Its lid hasn't.${quoted}`,
    attachments: [{ filename: "Delivery note.txt", content_type: "text/plain", content: "1 kettle\r\n".repeat(90) }],
  });
  const client = await as("olga");
  const params = { path: { id: card.id } };
  await client.post("/v1/conversations/{id}/replies", {
    params,
    body: { html: "<p>Dear Clara,</p><p>we are <b>sorry</b>: it comes <i>tomorrow</i>.</p>", force: true },
  });
  await customer.inbox();
  const html =
    "<p>Wonderful. It looked like this:</p><p><img src='https://pictures.example/lid.png' width=200 height=90></p><p>Clara</p>";
  await customer.answers("Wonderful.", { html });
  const contact = { path: { id: card.primary_contact.id } };
  const { data } = await client.get("/v1/companies", { params: { query: { q: world.company } } });
  const [company] = data;
  if (company !== undefined)
    await client.put("/v1/contacts/{id}/company", { params: contact, body: { company_id: company.id } });
  const deals = await client.get("/v1/deals", { params: { query: { q: world.deal } } });
  const [deal] = deals.data;
  if (deal !== undefined)
    await client.put("/v1/contacts/{id}/deals/{deal_id}", { params: { path: { ...contact.path, deal_id: deal.id } } });
  return card.id;
}
