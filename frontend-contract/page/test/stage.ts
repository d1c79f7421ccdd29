/** One test's browsers: each user at their own, with their own cookies. What went wrong is kept. */
import { mkdirSync, writeFileSync } from "node:fs";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { removeFrom } from "./broken.js";
import { chromiumPath } from "./chromium.js";
import type { Source } from "./table.js";
import { credentials, type User, world } from "./world.js";

const TARGET = new URL("../../../../target/", import.meta.url);

let starting: Promise<Browser> | undefined;

/** One browser for all tests. Chromium's own sandbox is not to be had as root. */
function browser(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  starting ??= chromium.launch({ executablePath: chromiumPath(), args: [...args, "--disable-dev-shm-usage"] });
  return starting;
}

export async function closeBrowser(): Promise<void> {
  await (await starting)?.close();
}

export function directory(name: string): URL {
  const url = new URL(`${name}/`, TARGET);
  mkdirSync(url, { recursive: true });
  return url;
}

export interface Opening extends BrowserContextOptions {
  /** Where to go; the page's beginning. */
  readonly path?: string;
  /** Not signed in. */
  readonly stranger?: boolean;
}

/** Somebody at the page. */
export class Seat {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page and its console said and asked for. */
  readonly log: string[] = [];
  readonly removed: () => number;

  constructor(context: BrowserContext, page: Page, removed: () => number) {
    this.context = context;
    this.page = page;
    this.removed = removed;
    page.on("console", (message) => this.log.push(`console ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => this.log.push(`error: ${error.stack ?? error.message}`));
    page.on("requestfailed", (request) =>
      this.log.push(`${request.method()} ${request.url()} failed: ${request.failure()?.errorText}`),
    );
    page.on("response", (response) => {
      this.log.push(`${response.request().method()} ${response.url()} ${response.status()}`);
    });
  }

  get stream(): Locator {
    return this.page.getByRole("region", { name: "Stream" });
  }

  get window(): Locator {
    return this.page.getByRole("main", { name: "Conversation" });
  }

  get sidebar(): Locator {
    return this.page.getByRole("complementary", { name: "Customer" });
  }

  get editor(): Locator {
    return this.window.getByRole("form", { name: "Reply" });
  }

  get cards(): Locator {
    return this.stream.getByRole("list", { name: "Conversations" }).getByRole("listitem");
  }

  /** The card of a subject, in the stream. */
  card(subject: string): Locator {
    return this.cards.filter({ has: this.page.getByRole("link", { name: startsWith(subject) }) });
  }

  /** The messages in the window. */
  get messages(): Locator {
    return this.window.getByRole("list", { name: "Messages" }).getByRole("article");
  }
}

export function startsWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}

export class Stage {
  readonly #broken: readonly Source[];
  readonly #limit: number;
  readonly #seats: { readonly user: string; readonly seat: Seat }[] = [];

  /** `limit`: how long anything may take to show, in milliseconds. */
  constructor(broken: readonly Source[], limit: number) {
    this.#broken = broken;
    this.#limit = limit;
  }

  /** A browser at the page, signed in by the cookie that signing in leaves. */
  async open(user: User, { path = "/", stranger = false, ...options }: Opening = {}): Promise<Seat> {
    const context = await (await browser()).newContext({
      baseURL: world.base,
      viewport: { width: 1440, height: 900 },
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(this.#limit);
    const removed = this.#broken.length > 0 ? await removeFrom(context, this.#broken) : () => 0;
    const page = await context.newPage();
    const seat = new Seat(context, page, removed);
    this.#seats.push({ user, seat });
    if (!stranger) {
      const data = { ...credentials(user), refresh: "cookie" };
      const answer = await context.request.post("/v1/auth/login", { data });
      if (!answer.ok()) throw new Error(`${user} can't sign in: ${answer.status()} ${await answer.text()}`);
    }
    await page.goto(path);
    return seat;
  }

  /** How many fields were taken out of what the pages read. */
  get removed(): number {
    return this.#seats.reduce((sum, { seat }) => sum + seat.removed(), 0);
  }

  /** Keeps pictures, trees and logs of all pages of a test that failed; says where. */
  async keep(test: string): Promise<string> {
    const into = directory(`page-failures/${test.replaceAll(/[^\w-]+/g, "-")}`);
    for (const [number, { user, seat }] of this.#seats.entries()) {
      const name = `${number + 1}-${user}`;
      const picture = await seat.page.screenshot({ timeout: 5000 }).catch(() => undefined);
      if (picture !== undefined) writeFileSync(new URL(`${name}.png`, into), picture);
      const tree = await seat.page.locator("body").ariaSnapshot({ timeout: 5000 }).catch(String);
      writeFileSync(new URL(`${name}.tree.txt`, into), `${seat.page.url()}\n${tree}\n`);
      writeFileSync(new URL(`${name}.log`, into), `${seat.log.join("\n")}\n`);
    }
    return into.pathname;
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map(({ seat }) => seat.context.close()));
  }
}
