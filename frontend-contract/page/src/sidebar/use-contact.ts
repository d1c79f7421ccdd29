/** The customer of the open conversation, right for as long as they are shown. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { useLive } from "../shared/live";

export interface ContactState {
  readonly contact: api.Contact | undefined;
  readonly failure: unknown;
  /** Who changed it last, as far as events have said. */
  readonly changedBy: string | undefined;
  readonly load: () => void;
  /** Shows the contact as an answer has it. */
  readonly put: (contact: api.Contact) => void;
}

export function useContact(id: string): ContactState {
  const [contact, setContact] = useState<api.Contact>();
  const [failure, setFailure] = useState<unknown>();
  const [changedBy, setChangedBy] = useState<string>();
  /** Counts what was asked and put. */
  const turn = useRef(0);
  const asked = useRef(0);

  const put = useCallback((now: api.Contact) => {
    turn.current += 1;
    // An answer may come after a newer one.
    setContact((shown) => (shown !== undefined && shown.id === now.id && shown.version > now.version ? shown : now));
  }, []);

  const load = useCallback(() => {
    function ask() {
      turn.current += 1;
      const mine = turn.current;
      asked.current = mine;
      const unlessOvertaken = (show: () => void) => {
        if (mine === turn.current) show();
        // What was put meanwhile may be older than this answer, or newer.
        else if (mine === asked.current) ask();
      };
      postroom.get("/v1/contacts/{id}", { params: { path: { id } } }).then(
        (now) =>
          unlessOvertaken(() => {
            setFailure(undefined);
            setContact(now);
          }),
        (error) => unlessOvertaken(() => setFailure(error)),
      );
    }
    ask();
  }, [id]);

  useEffect(load, [load]);

  useLive((message) => {
    if (message.kind === "reload") load();
    if (message.kind !== "event") return;
    const { event } = message;
    const concerns =
      (event.type === "contact.updated" && event.data.id === id) ||
      (event.type === "company.updated" && event.data.id === contact?.company?.id) ||
      (event.type === "deal.updated" && contact?.deals.some((deal) => deal.id === event.data.id));
    if (!concerns) return;
    setChangedBy(event.actor?.name);
    load();
  });

  return { contact, failure, changedBy, load, put };
}
