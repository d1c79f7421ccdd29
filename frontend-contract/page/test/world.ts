/** Where everything is: `make page-test` starts the server, the mail servers and the door to them, and says so. */
import { connect } from "node:net";
import { type api, Client } from "@postroom/client";

interface World {
  /** The server's address, which is the page's. */
  readonly base: string;
  readonly workspace: string;
  /** A workspace that hasn't paid for Conversations; its owner is Wilma. */
  readonly without: string;
  /** Everybody's. */
  readonly password: string;
  /** The team's mailbox. */
  readonly support: string;
  /** `@` and the domain of the team. */
  readonly ours: string;
  /** `@` and the domain of its customers. */
  readonly theirs: string;
  /** The port of the door to the mail servers (tests/page/door.rs). */
  readonly door: number;
  /** A company and a deal that nobody has yet, by their names. */
  readonly company: string;
  readonly deal: string;
}

const given = process.env["POSTROOM_PAGE_WORLD"];
if (given === undefined) throw new Error("POSTROOM_PAGE_WORLD is not set: `make page-test` runs these tests");
export const world = JSON.parse(given) as World;

/** The users: Olga owns the workspace, Mia is a manager, Tom and Tim see what is theirs alone. */
export const NAMES = {
  olga: "Olga Owner",
  mia: "Mia Manager",
  tom: "Tom Member",
  tim: "Tim Member",
  wilma: "Wilma Without",
} as const;
export type User = keyof typeof NAMES;

export function credentials(user: User): { workspace: string; email: string; password: string } {
  const workspace = user === "wilma" ? world.without : world.workspace;
  return { workspace, email: user + world.ours, password: world.password };
}

const clients = new Map<User, Promise<Client>>();

/** A user at another program, signed in once for all tests. */
export function as(user: User): Promise<Client> {
  let client = clients.get(user);
  if (client === undefined) {
    const made = new Client({ baseUrl: world.base });
    client = made.session.signIn(credentials(user)).then(() => made);
    clients.set(user, client);
  }
  return client;
}

/** A mail to be sent. */
export interface Letter {
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly in_reply_to?: string;
  readonly references?: readonly string[];
  /** Their lines end with CR LF, as mail has it. */
  readonly attachments?: readonly {
    readonly filename: string;
    readonly content_type: string;
    readonly content: string;
  }[];
}

/** A mail as its recipient's program sees it. */
export interface Received {
  readonly headers: Readonly<Record<"From" | "To" | "Cc" | "Bcc" | "Subject" | "Message-ID" | "References", string>>;
  readonly text: string | null;
  readonly html: string | null;
  readonly parts: readonly string[];
}

/** One question to the mail servers. */
function ask<T>(question: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.door, "127.0.0.1", () => socket.write(`${JSON.stringify(question)}\n`));
    let line = "";
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      line += piece;
    });
    socket.on("error", reject);
    socket.on("end", () => {
      const answer = JSON.parse(line) as { done?: T; error?: string };
      socket.end();
      if (answer.error === undefined) resolve(answer.done as T);
      else reject(new Error(answer.error));
    });
  });
}

let count = 0;

/** Words that no other test uses. */
export function unique(words: string): string {
  count += 1;
  return `${words} ${process.pid % 1000}-${count}`;
}

/** Somebody outside who writes mail; nobody has heard of them before. */
export class Customer {
  readonly name: string;
  readonly address: string;
  /** The Message-ID of what they sent last. */
  #last = "";

  constructor(name = "Anna Arden", address?: string) {
    this.name = name;
    this.address =
      address ??
      `${unique(name || "someone")
        .toLowerCase()
        .replaceAll(" ", ".")}${world.theirs}`;
  }

  /** Sends a mail by SMTP, and gives its Message-ID. */
  async send(letter: Letter): Promise<string> {
    const from = this.name === "" ? this.address : `${this.name} <${this.address}>`;
    const { message_id } = await ask<{ message_id: string }>({ send: { to: [world.support], ...letter, from } });
    this.#last = message_id;
    return message_id;
  }

  /** Writes to the team, and waits until it is in the stream. Without a subject it is one that nobody else has. */
  async writes(letter: Letter = {}): Promise<api.Card> {
    const subject = letter.subject ?? unique("Order");
    const message = await this.send({ text: "Where is it?", ...letter, subject });
    return conversationOf(this, subject, message);
  }

  /** Writes once more about what they wrote last. */
  async addsTo(card: api.Card, text: string, more: Letter = {}): Promise<void> {
    const headers = { in_reply_to: this.#last, references: [this.#last] };
    await this.send({ subject: `Re: ${card.subject}`, text, ...headers, ...more });
  }

  /** Answers what came last. */
  async answers(text: string, more: Letter = {}): Promise<void> {
    const last = (await this.inbox()).at(-1);
    if (last === undefined) throw new Error(`${this.address} has got no mail to answer`);
    const references = [last.headers.References, last.headers["Message-ID"]].join(" ").match(/[^<>\s]+/g) ?? [];
    const in_reply_to = references.at(-1) ?? "";
    await this.send({ subject: `Re: ${last.headers.Subject}`, text, in_reply_to, references, ...more });
  }

  /** The mails that came, when there are so many. */
  inbox(atLeast = 1): Promise<readonly Received[]> {
    return ask({ inbox: this.address, at_least: atLeast });
  }
}

async function conversationOf(customer: Customer, subject: string, message: string): Promise<api.Card> {
  const olga = await as("olga");
  return eventually(`the mail ${message} is in the stream`, async () => {
    const { data } = await olga.get("/v1/conversations", {
      params: { query: { view: "all", status: "all", limit: 50 } },
    });
    const found = data.find((card) => card.subject === subject && card.primary_contact.email === customer.address);
    return found;
  });
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks again and again until there is an answer. */
export async function eventually<T>(
  what: string,
  find: () => Promise<T | undefined | false>,
  limit = 15_000,
): Promise<T> {
  const until = Date.now() + limit;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`Not within ${limit} ms: ${what}`);
    await pause(50);
  }
}

/** The conversation is somebody's now; Olga did it. */
export async function handOver(card: api.Card, user: User): Promise<void> {
  const [olga, owner] = await Promise.all([as("olga"), as(user)]);
  const body = { owner_id: there(owner.me).id };
  await olga.patch("/v1/conversations/{id}", { params: { path: { id: card.id } }, body });
}

/** The value, which is there. */
export function there<T>(value: T | null | undefined, what = "a value"): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
