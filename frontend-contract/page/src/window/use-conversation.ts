/** One open conversation: its header and messages, right for as long as it is open. */
import { isProblem } from "@postroom/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { useLive } from "../shared/live";
import { openConversation } from "../shared/router";

export interface OpenConversation {
  readonly conversation: api.Conversation;
  /** Oldest first. */
  readonly messages: readonly api.Message[];
  /** Leads to older messages; null where all are shown. */
  readonly older: string | null;
}

type State = OpenConversation | "loading" | "gone";

export function useConversation(id: string) {
  const [state, setState] = useState<State>("loading");
  const [failure, setFailure] = useState<unknown>();
  const headerTimer = useRef<number>(undefined);
  /** Messages that were taken back: an answer from before that doesn't bring them in again. */
  const dropped = useRef(new Set<string>());

  const fail = useCallback((error: unknown) => {
    if (isProblem(error, "conversation_merged")) openConversation(error.body.merged_into, "replace");
    else if (isProblem(error, "not_found")) setState("gone");
    else setFailure(error);
  }, []);

  const load = useCallback(async () => {
    const params = { path: { id } };
    try {
      const [conversation, page] = await Promise.all([
        postroom.get("/v1/conversations/{id}", { params }),
        postroom.get("/v1/conversations/{id}/messages", { params }),
      ]);
      setFailure(undefined);
      setState({ conversation, messages: page.data, older: page.next_cursor });
    } catch (error) {
      fail(error);
    }
  }, [id, fail]);

  useEffect(() => {
    void load();
    return () => window.clearTimeout(headerTimer.current);
  }, [load]);

  const change = useCallback((how: (open: OpenConversation) => OpenConversation) => {
    setState((state) => (typeof state === "string" ? state : how(state)));
  }, []);

  /** Shows a message as an answer has it. */
  const putMessage = useCallback(
    (message: api.Message) => {
      if (dropped.current.has(message.id)) return;
      change((open) => ({ ...open, messages: withMessage(open, message) }));
    },
    [change],
  );

  const dropMessage = useCallback(
    (messageId: string) => {
      dropped.current.add(messageId);
      change((open) => ({ ...open, messages: open.messages.filter((message) => message.id !== messageId) }));
    },
    [change],
  );

  /** Reads one message anew, such as where the links in it have expired. */
  const readMessage = useCallback(
    async (messageId: string) => {
      try {
        putMessage(
          await postroom.get("/v1/conversations/{id}/messages/{message_id}", {
            params: { path: { id, message_id: messageId } },
          }),
        );
      } catch (error) {
        if (isProblem(error, "not_found")) dropMessage(messageId);
        else fail(error);
      }
    },
    [id, putMessage, dropMessage, fail],
  );

  /** Reads the header anew; several events in a row ask once. */
  const readHeader = useCallback(() => {
    window.clearTimeout(headerTimer.current);
    headerTimer.current = window.setTimeout(() => {
      postroom
        .get("/v1/conversations/{id}", { params: { path: { id } } })
        .then((conversation) => change((open) => ({ ...open, conversation })), fail);
    }, 150);
  }, [id, change, fail]);

  useLive((message) => {
    if (message.kind === "reload") void load();
    if (message.kind !== "event") return;
    const { event } = message;
    if (event.type === "contact.updated") {
      if (typeof state !== "string" && concerns(state.conversation, event.data.id)) readHeader();
      return;
    }
    if (event.conversation_id !== id) return;
    switch (event.type) {
      case "conversation.created":
      case "conversation.updated":
        // The card is in the event: status and owner change at once, the rest with the next answer.
        change((open) => ({ ...open, conversation: { ...open.conversation, ...event.data } }));
        readHeader();
        break;
      case "conversation.removed":
        // It is gone, not this user's any more, or goes on under another id: asking says which.
        void load();
        break;
      case "message.created":
      case "message.updated":
        void readMessage(event.data.id);
        break;
      case "message.removed":
        dropMessage(event.data.id);
        break;
      default:
    }
  });

  const showOlder = useCallback(async () => {
    if (typeof state === "string" || state.older === null) return;
    try {
      const query = { cursor: state.older };
      const page = await postroom.get("/v1/conversations/{id}/messages", { params: { path: { id }, query } });
      change((open) => ({ ...open, messages: [...page.data, ...open.messages], older: page.next_cursor }));
    } catch (error) {
      fail(error);
    }
  }, [id, state, change, fail]);

  /** Opens, closes, hands over. */
  const update = useCallback(
    async (body: api.ConversationRequest) => {
      try {
        const conversation = await postroom.patch("/v1/conversations/{id}", { params: { path: { id } }, body });
        change((open) => ({ ...open, conversation }));
      } catch (error) {
        fail(error);
      }
    },
    [id, change, fail],
  );

  return { state, failure, load, update, putMessage, dropMessage, readMessage, showOlder };
}

function concerns(conversation: api.Conversation, contactId: string): boolean {
  return conversation.primary_contact.id === contactId || conversation.participants.some((one) => one.id === contactId);
}

/** The messages with this one in its place: by when it came in. One from before what is shown isn't shown yet. */
function withMessage({ messages, older }: OpenConversation, message: api.Message): readonly api.Message[] {
  const at = messages.findIndex((one) => one.id === message.id);
  // The same version has other links; an older one was overtaken.
  if (at >= 0) return messages.map((one) => (one.id === message.id && one.version <= message.version ? message : one));
  const first = messages[0];
  if (older !== null && first !== undefined && message.received_at < first.received_at) return messages;
  return [...messages, message].sort((one, other) => (one.received_at < other.received_at ? -1 : 1));
}
