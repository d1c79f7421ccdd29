/** What the mocks remember: conversations with their messages, contacts, who is signed in, and what happened. */
import { belongs, type CardQuery, order } from "../cards.js";
import type { Author, Card, Contact, Conversation, Event, Me, Message, Owner, User } from "../generated/openapi.js";
import { answers, type OperationId } from "../generated/recorded.js";

type List<T> = { readonly data: readonly T[] };
/** A part of an event: what happened to what. */
type Change = Event extends infer One ? (One extends Event ? Omit<One, "number" | "at" | "actor"> : never) : never;

export class State {
  readonly me = body<Me>("get_me");
  signedIn = false;
  readonly events: Event[] = [];
  /** Told of each event. */
  readonly listeners = new Set<(event: Event) => void>();
  readonly #users = body<List<User>>("list_users").data;
  readonly #conversations = new Map<string, Conversation>();
  readonly #messages = new Map<string, readonly Message[]>();
  readonly #contacts = new Map<string, Contact>();
  readonly #undo = body<{ readonly undo_send_seconds: number }>("update_workspace").undo_send_seconds * 1000;
  #clock = Date.now();

  /** All that was recorded, as it was. */
  constructor() {
    const shown = body<Conversation>("get_conversation");
    const message = body<Message>("get_conversation_message");
    const contact = body<Contact>("get_contact");
    for (const card of body<List<Card>>("list_conversations").data) {
      const one = card.id === shown.id;
      this.#conversations.set(card.id, one ? shown : inPlaceOf(shown, card));
      const { id, preview, sender, sent_at } = card.last_message;
      const first = {
        id,
        conversation_id: card.id,
        author: sender,
        from: { address: sender.email, name: sender.name },
      };
      const said = { preview, text: preview, segments: [{ kind: "new" as const, text: preview, html: null }] };
      const only = { ...message, ...first, ...said, subject: card.subject, received_at: sent_at, sent_at };
      this.#messages.set(card.id, one ? body<List<Message>>("list_conversation_messages").data : [only]);
      const { primary_contact } = card;
      this.#contacts.set(primary_contact.id, primary_contact.id === contact.id ? contact : stranger(contact, card));
    }
  }

  /** The last event's number. */
  get latest(): number {
    return this.events.at(-1)?.number ?? 0;
  }

  cards(query: CardQuery): Card[] {
    return [...this.#conversations.values()]
      .filter((card) => belongs(card, query))
      .sort(order(query))
      .map(cardOf);
  }

  conversation(id: string): Conversation | undefined {
    return this.#conversations.get(id);
  }

  /** A conversation's messages, oldest first. */
  messages(conversation: string): readonly Message[] {
    return this.#messages.get(conversation) ?? [];
  }

  message(id: string): Message | undefined {
    return [...this.#messages.values()].flat().find((message) => message.id === id);
  }

  contact(id: string): Contact | undefined {
    return this.#contacts.get(id);
  }

  user(id: string): Owner | undefined {
    const user = this.#users.find((user) => user.id === id);
    return user && { id, name: user.name, avatar_url: user.avatar_url };
  }

  /** Changes a conversation, and tells it. What `moves` it takes it to the top (CNV-6). */
  change(before: Conversation, changes: Partial<Conversation>, moves = false): Conversation {
    const now = this.#now();
    const after = { ...before, ...changes, updated_at: now, ...(moves ? { last_activity_at: now } : {}) };
    this.#conversations.set(after.id, after);
    this.#tell({ type: "conversation.updated", conversation_id: after.id, data: cardOf(after) });
    return after;
  }

  changeContact(before: Contact, changes: Partial<Contact>): Contact {
    const after = { ...before, ...changes, version: before.version + 1, updated_at: this.#now() };
    after.name = [after.first_name, after.last_name].filter(Boolean).join(" ") || before.name;
    this.#contacts.set(after.id, after);
    const email = after.emails.find((one) => one.primary)?.address ?? null;
    const shown = { id: after.id, name: after.name, email, avatar_url: after.avatar_url };
    for (const [id, one] of this.#conversations) {
      if (one.primary_contact.id === after.id) this.#conversations.set(id, { ...one, primary_contact: shown });
    }
    this.#tell({ type: "contact.updated", conversation_id: null, data: shown });
    return after;
  }

  /** The signed-in user answers. It waits until it can't be taken back any more, and is sent then. */
  reply(conversation: Conversation, text: string, html: string | null): Message {
    const template = body<Message>("create_reply");
    const until = new Date(this.#clock + this.#undo).toISOString();
    const delivery = template.delivery && { ...template.delivery, can_cancel_until: until, next_attempt_at: until };
    const to = conversation.reply_defaults.to.map((one) => ({ address: one.address, name: one.name }));
    const subject = conversation.reply_defaults.subject;
    const message = this.#add(conversation, { ...template, delivery, to, subject, attachments: [] }, text, html);
    unref(setTimeout(() => this.#sent(message), this.#undo));
    return message;
  }

  /** The customer writes. */
  receive(conversation: Conversation, text: string): Message {
    const { id, name, email, avatar_url } = conversation.primary_contact;
    const author: Author = { kind: "contact", id, name, email: email ?? "", avatar_url };
    const from = { address: author.email, name };
    const subject = conversation.reply_defaults.subject;
    return this.#add(conversation, { ...body<Message>("get_conversation_message"), author, from, subject }, text, null);
  }

  /** Takes a message back. */
  cancel(message: Message): void {
    const conversation = this.#conversations.get(message.conversation_id ?? "");
    if (conversation === undefined) return;
    const left = this.messages(conversation.id).filter((one) => one !== message);
    this.#messages.set(conversation.id, left);
    const data = { id: message.id, thread_id: null, delivery_state: null };
    this.#tell({ type: "message.removed", conversation_id: conversation.id, data });
    const last = left.at(-1);
    this.change(conversation, { message_count: left.length, ...(last ? { last_message: lastOf(last) } : {}) });
  }

  #add(conversation: Conversation, template: Message, text: string, html: string | null): Message {
    const now = this.#now();
    const message: Message = {
      ...template,
      id: crypto.randomUUID(),
      conversation_id: conversation.id,
      text,
      html,
      segments: [{ kind: "new", text, html }],
      preview: text.trim().slice(0, 200),
      sent_at: now,
      received_at: now,
      created_at: now,
      updated_at: now,
    };
    const all = [...this.messages(conversation.id), message];
    this.#messages.set(conversation.id, all);
    this.#tellMessage("message.created", message);
    const inbound = message.direction === "inbound";
    const changes = {
      last_message: lastOf(message),
      message_count: all.length,
      // A new message opens a closed one (CNV-5).
      status: "open" as const,
      ...(inbound ? { unseen_replies: conversation.unseen_replies + 1 } : {}),
    };
    this.change(conversation, changes, true);
    return message;
  }

  #sent(message: Message): void {
    const all = this.messages(message.conversation_id ?? "");
    if (message.delivery === null || !all.includes(message)) return;
    const recipients = message.delivery.recipients.map((one) => ({ ...one, state: "sent" as const }));
    const done = { state: "sent" as const, attempts: 1, can_cancel_until: null, next_attempt_at: null, recipients };
    const sent = { ...message, delivery: { ...message.delivery, ...done }, updated_at: this.#now() };
    this.#messages.set(
      message.conversation_id ?? "",
      all.map((one) => (one === message ? sent : one)),
    );
    this.#tellMessage("message.updated", sent);
  }

  #tellMessage(type: "message.created" | "message.updated", message: Message): void {
    const { id, thread_id, delivery, conversation_id } = message;
    this.#tell({ type, conversation_id, data: { id, thread_id, delivery_state: delivery?.state ?? null } });
  }

  #tell(change: Change): void {
    const { id, name, email, avatar_url } = this.me;
    const actor: Author = { kind: "user", id, name, email, avatar_url };
    const event: Event = { number: this.latest + 1, at: this.#now(), actor, ...change };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  /** Later than anything before. */
  #now(): string {
    this.#clock = Math.max(this.#clock + 1, Date.now());
    return new Date(this.#clock).toISOString();
  }
}

/** In Node a timer of the mocks keeps no program running. */
export function unref(timer: unknown): void {
  if (typeof timer === "object") (timer as { unref?(): void }).unref?.();
}

function body<T>(operation: OperationId): T {
  return structuredClone(answers[operation].body) as T;
}

/** A conversation of which only the card was recorded. */
function inPlaceOf(shown: Conversation, card: Card): Conversation {
  const { id, name, email, avatar_url } = card.primary_contact;
  const address = email ?? "";
  const participant: Author = { kind: "contact", id, name, email: address, avatar_url };
  const reply_defaults = { ...shown.reply_defaults, subject: `Re: ${card.subject}`, to: [{ address, name }] };
  return { ...shown, ...card, participants: [participant], reply_defaults };
}

/** A contact of whom only name and address were recorded. */
function stranger(contact: Contact, { primary_contact: { id, name, email, avatar_url } }: Card): Contact {
  const [first_name = "", last_name = ""] = name.split(" ");
  const emails = contact.emails.slice(0, 1).map((one) => ({ ...one, address: email ?? "" }));
  const blank = { company: null, deals: [], custom_fields: {}, phone: null, title: null, version: 1 };
  return { ...contact, ...blank, id, name, first_name, last_name, emails, avatar_url };
}

function lastOf({ id, type, direction, automatic, preview, received_at, author }: Message): Card["last_message"] {
  return { id, type, direction, automatic, preview, sent_at: received_at, sender: author };
}

/** What of a conversation is its card. */
function cardOf({ can, mailbox, participants, reply_defaults, ...card }: Conversation): Card {
  return card;
}
