/** Who else is in a conversation, and telling them of oneself. */
import { useEffect, useState } from "react";
import { type api, postroom } from "../api";
import { useLive } from "../shared/live";
import { useMe } from "../shared/me";
import { useCountdown } from "../shared/time";
import { useVisible } from "./use-seen";

/** It lasts 30 seconds: said again in time. */
const AGAIN = 20_000;
/** Who hasn't typed for so long doesn't write any more. */
const PAUSE = 8_000;

/** The others who have the conversation open now. */
export function usePresence(id: string): readonly api.Presence[] {
  const me = useMe();
  const now = useCountdown();
  const [present, setPresent] = useState<readonly api.Presence[]>([]);
  useEffect(() => {
    postroom
      .get("/v1/conversations/{id}/presence", { params: { path: { id } } })
      .then(({ data }) => setPresent(data))
      .catch(() => undefined);
  }, [id]);
  useLive((message) => {
    if (message.kind !== "presence" || message.presence.conversation_id !== id) return;
    const { presence } = message;
    setPresent((all) => [...all.filter((one) => one.user.id !== presence.user.id), presence]);
  });
  return present.filter((one) => one.user.id !== me.id && Date.parse(one.expires_at) > now);
}

/** Says that one has the conversation open, or writes. `typedAt` is when a key was last pressed. */
export function useTellPresence(id: string, typedAt: number): void {
  const visible = useVisible();
  const [writing, setWriting] = useState(false);
  useEffect(() => {
    if (typedAt === 0) {
      setWriting(false);
      return;
    }
    setWriting(true);
    const timer = window.setTimeout(() => setWriting(false), PAUSE);
    return () => window.clearTimeout(timer);
  }, [typedAt]);
  useEffect(() => {
    if (!visible) return;
    const tell = () =>
      postroom
        .put("/v1/conversations/{id}/presence", {
          params: { path: { id } },
          body: { state: writing ? "writing" : "viewing" },
        })
        .catch(() => undefined);
    void tell();
    const timer = window.setInterval(tell, AGAIN);
    return () => window.clearInterval(timer);
  }, [id, writing, visible]);
}
