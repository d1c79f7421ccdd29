import { useEffect, useState } from "react";
import { postroom } from "../api";

/** Says that the messages up to the last one were shown, as long as somebody looks. */
export function useSeen(id: string, lastMessageId: string | undefined): void {
  const visible = useVisible();
  useEffect(() => {
    if (!visible || lastMessageId === undefined) return;
    // Where it fails, the conversation stays unread, and the next message says it again.
    postroom
      .put("/v1/conversations/{id}/seen", { params: { path: { id } }, body: { message_id: lastMessageId } })
      .catch(() => undefined);
  }, [id, lastMessageId, visible]);
}

/** Whether the page is in sight. */
export function useVisible(): boolean {
  const [visible, setVisible] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    const look = () => setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return visible;
}
