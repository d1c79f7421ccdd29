/**
 * The rows of the page: what feeds each, as PAGE.md has it. A row's test has the row's name, and fails where the field is
 * taken out of the operation's answers: `make page-test BREAK=all` tries that.
 */

/** An operation of the document, and the place of a field in its answers: `data[].unread`. */
export type Source = readonly [operation: string, field: string];

/** What cards show comes with the list, with events, and with answers to what one does oneself. */
function card(field: string): readonly Source[] {
  return [
    ["list_conversations", `data[].${field}`],
    ["follow_events", `data.${field}`],
    ["get_conversation", field],
    ["update_conversation", field],
  ];
}

/** What the window's header and editor show; what cards have as well comes with events, too. */
function conversation(field: string): readonly Source[] {
  return [
    ["get_conversation", field],
    ["update_conversation", field],
    ["follow_events", `data.${field}`],
  ];
}

function message(field: string): readonly Source[] {
  return [
    ["list_conversation_messages", `data[].${field}`],
    ["get_conversation_message", field],
    ["get_message", field],
    ["create_reply", field],
  ];
}

function contact(field: string): readonly Source[] {
  return [
    ["get_contact", field],
    ["update_contact", field],
    ["set_contact_company", field],
    ["add_contact_deal", field],
  ];
}

/** Who is signed in comes with every way of signing in. */
function me(field: string): readonly Source[] {
  return [
    ["get_me", field],
    ["login", `user.${field}`],
    ["refresh", `user.${field}`],
  ];
}

/** The first source of each is the one that PAGE.md names. */
export const ROWS = {
  "stream-1": me("can.view_all"),
  "stream-2": card("status"),
  "stream-3": card("last_activity_at"),
  "stream-4": [["list_conversations", "next_cursor"]],
  "stream-5": card("unread"),
  "card-1": card("primary_contact.name"),
  "card-2": card("subject"),
  "card-3": card("last_message.sent_at"),
  "card-4": card("primary_contact.avatar_url"),
  "card-5": card("last_message.preview"),
  "card-6": card("last_message.sender"),
  "card-active": card("id"),
  "card-close": card("status"),
  "window-1": conversation("type"),
  "window-2": conversation("primary_contact"),
  "window-3": conversation("subject"),
  "window-4": conversation("status"),
  "window-5": [["list_users", "data[].name"]],
  "window-6": message("side"),
  "window-7": message("segments"),
  "window-7b": message("segments[].html"),
  "window-7c": message("attachments"),
  "window-8": conversation("reply_defaults.to"),
  "window-9": [["list_recipients", "data[].email"]],
  "window-10": conversation("reply_defaults.from"),
  "window-11": conversation("reply_defaults.signature_html"),
  "window-12": conversation("can.reply"),
  "window-send": [["create_reply", "delivery.can_cancel_until"], ...message("delivery.can_cancel_until")],
  "window-failed": message("delivery"),
  "window-presence": [["follow_events", "user.name"]],
  "window-moved-on": [["create_reply", "code"]],
  "sidebar-1": contact("first_name"),
  "sidebar-2": contact("custom_field_definitions"),
  "sidebar-3": contact("company"),
  "sidebar-4": contact("deals"),
  "access-1": me("workspace.features.conversations"),
  "sign-in": [
    ["login", "user"],
    ["login", "code"],
  ],
  "live-1": [["follow_events", "type"]],
  "live-2": [["follow_events", "conversation_id"]],
  "offline-1": [["follow_events", "type"]],
} as const satisfies Record<string, readonly Source[]>;

export type Row = keyof typeof ROWS;
