/** The badge's numbers: asked for again after conversations' events, once a second at most. */
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { useLive } from "./live";

const Counts = createContext<api.Counts | undefined>(undefined);

export function useCounts(): api.Counts | undefined {
  return useContext(Counts);
}

export function CountsProvider({ first, children }: { readonly first: api.Counts; readonly children: ReactNode }) {
  const [counts, setCounts] = useState(first);
  const timer = useRef<number>(undefined);
  useLive((message) => {
    const concerns =
      message.kind === "reload" || (message.kind === "event" && message.event.type.startsWith("conversation."));
    if (!concerns || timer.current !== undefined) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      // Where it fails, the next event asks again.
      postroom.get("/v1/conversations/counts").then(setCounts, () => undefined);
    }, 1000);
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return <Counts value={counts}>{children}</Counts>;
}
