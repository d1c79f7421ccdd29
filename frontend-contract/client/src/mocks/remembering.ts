/** The operations that remember what is done. */
import type { CardQuery } from "../cards.js";
import type { Contact, Conversation, Me, Message } from "../generated/openapi.js";
import { answers, type OperationId } from "../generated/recorded.js";
import { type Call, json, nothing, page, problem, thing } from "./answers.js";
import type { State } from "./state.js";

type Handler = (call: Call) => Response;

export function remembering(state: State): Partial<Record<OperationId, Handler>> {
  const conversation = (use: (one: Conversation, call: Call) => Response) =>
    found((id) => state.conversation(id), use, "id");
  const message = (name: string) =>
    found(
      (id) => state.message(id),
      (one, call) => thing(one, call),
      name,
    );
  const begin = (answer: Session, call: Call): Response => {
    state.signedIn = true;
    // A browser keeps the refresh token in a cookie, which mocks can't set.
    return json(call.body["refresh"] === "cookie" ? { ...answer, refresh_token: null } : answer, call);
  };
  return {
    login: (call) =>
      call.body["email"] === state.me.email ? begin(session("login"), call) : problem("invalid_credentials", call),
    refresh: (call) => (state.signedIn ? begin(session("refresh"), call) : problem("invalid_refresh_token", call)),
    logout: () => {
      state.signedIn = false;
      return nothing();
    },
    list_conversations: (call) => json(page(state.cards(asked(call.query, state.me)), call.query), call),
    count_conversations: (call) => {
      const count = (view: CardQuery["view"]) => {
        const cards = state.cards({ view, status: "open", sort: "newest", userId: state.me.id });
        return { open: cards.length, unread: cards.filter((card) => card.unread).length };
      };
      return json({ mine: count("mine"), all: count("all") }, call);
    },
    get_conversation: conversation(thing),
    update_conversation: conversation((one, call) => {
      const present = stale(one, call);
      if (present !== undefined) return present;
      const owner = state.user(String(call.body["owner_id"] ?? one.owner.id)) ?? one.owner;
      const status =
        call.body["status"] === "closed" || call.body["status"] === "open" ? call.body["status"] : one.status;
      const moves = status !== one.status;
      // What it has already changes nothing (CNV-4).
      if (!moves && owner.id === one.owner.id) return thing(one, call);
      const after = state.change(one, { owner, status, version: one.version + 1 }, moves);
      return thing(after, call);
    }),
    mark_conversation_seen: conversation((one) => {
      if (one.unread || one.unseen_replies > 0) state.change(one, { unread: false, unseen_replies: 0 });
      return nothing();
    }),
    mark_conversation_unread: conversation((one) => {
      if (!one.unread) state.change(one, { unread: true });
      return nothing();
    }),
    list_conversation_messages: conversation((one, call) => {
      // Pages from the newest end, oldest first within a page.
      const { data, next_cursor } = page(state.messages(one.id).toReversed(), call.query);
      return json({ data: data.reverse(), next_cursor }, call);
    }),
    get_conversation_message: message("message_id"),
    get_message: message("id"),
    create_reply: conversation((one, call) => {
      const latest_message_id = state.messages(one.id).at(-1)?.id;
      const seen = call.body["last_seen_message_id"] ?? latest_message_id;
      if (seen !== latest_message_id && call.body["force"] !== true) {
        return problem("conversation_moved_on", call, { latest_message_id });
      }
      const html = typeof call.body["html"] === "string" ? call.body["html"] : null;
      const text = typeof call.body["text"] === "string" ? call.body["text"] : (html ?? "").replaceAll(/<[^>]*>/g, "");
      const written = state.reply(one, text, html);
      return json(written, call, { status: 201, version: written.version });
    }),
    cancel_message: found(
      (id) => state.message(id),
      (one: Message, call) => {
        if (one.delivery?.state !== "queued") return problem("already_sending", call);
        state.cancel(one);
        return json(one.html === null ? { text: one.text } : { html: one.html }, call);
      },
      "id",
    ),
    get_contact: found(
      (id) => state.contact(id),
      (one, call) => thing(one, call),
      "id",
    ),
    update_contact: found(
      (id) => state.contact(id),
      (one: Contact, call) => {
        const present = stale(one, call);
        if (present !== undefined) return present;
        const after = state.changeContact(one, merged(one, call.body) as Contact);
        return thing(after, call);
      },
      "id",
    ),
    list_events: (call) => {
      const after = Number(call.query.get("after"));
      const limit = Number(call.query.get("limit") ?? 25);
      const data = state.events.filter((event) => event.number > after).slice(0, limit);
      return json({ data, next_after: data.at(-1)?.number ?? state.latest, latest: state.latest }, call);
    },
  };
}

type Session = { readonly refresh_token: string | null };

function session(operation: "login" | "refresh"): Session {
  return answers[operation].body as Session;
}

function asked(query: URLSearchParams, me: Me): CardQuery {
  const { view = "all", status = "open", sort = "newest" } = Object.fromEntries(query) as Partial<CardQuery>;
  return { view, status, sort, userId: me.id };
}

/** The thing that a parameter names, or 404. */
function found<T>(find: (id: string) => T | undefined, use: (thing: T, call: Call) => Response, name: string): Handler {
  return (call) => {
    const one = find(call.params[name] ?? "");
    return one === undefined ? problem("not_found", call) : use(one, call);
  };
}

/** 412 with the present state, where somebody edits another one. */
function stale(current: { readonly version: number }, call: Call): Response | undefined {
  const expected = /^"(\d+)/.exec(call.request.headers.get("If-Match") ?? "")?.[1];
  const fits = expected === undefined || Number(expected) === current.version;
  return fits ? undefined : problem("stale_version", call, { current });
}

/** JSON Merge Patch (RFC 7396), but null stays as null: absent is null here. */
function merged(one: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const all: Record<string, unknown> = { ...(typeof one === "object" ? one : {}) };
  for (const [name, value] of Object.entries(patch)) all[name] = merged(all[name], value);
  return all;
}
