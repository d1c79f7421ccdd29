/**
 * What somebody has begun to write, by conversation: it stays while they look at others, and when they reload the page.
 * The API keeps no drafts; this browser's tab does, until whoever wrote them signs out.
 */
import { useSyncExternalStore } from "react";
import { type api, postroom } from "../api";
import { addressText } from "./addresses";

export interface DraftFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
}

export interface Recipients {
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
}

export interface Draft {
  readonly html: string;
  /** As somebody has edited them; undefined as the API would have them. */
  readonly recipients?: Recipients | undefined;
  /** As somebody has switched it; undefined as their settings say. */
  readonly signature?: boolean | undefined;
  readonly files: readonly DraftFile[];
  /** The newest message there was when the first word was written. */
  readonly lastSeen?: string | undefined;
  /** Counts what didn't come from the keyboard: the editor takes it over. */
  readonly revision: number;
}

const EMPTY: Draft = { html: "", files: [], revision: 0 };
const PREFIX = "postroom.draft.";
const kept = new Map<string, Draft>();
const listeners = new Set<() => void>();

export function draftOf(conversationId: string): Draft {
  const known = kept.get(conversationId);
  if (known !== undefined) return known;
  const text = window.sessionStorage.getItem(PREFIX + conversationId);
  const draft = text === null ? EMPTY : (JSON.parse(text) as Draft);
  kept.set(conversationId, draft);
  return draft;
}

export function keepDraft(conversationId: string, change: Partial<Draft>): void {
  const draft = { ...draftOf(conversationId), ...change };
  kept.set(conversationId, draft);
  window.sessionStorage.setItem(PREFIX + conversationId, JSON.stringify(draft));
  tell();
}

export function dropDraft(conversationId: string): void {
  const { revision } = draftOf(conversationId);
  kept.set(conversationId, { ...EMPTY, revision: revision + 1 });
  window.sessionStorage.removeItem(PREFIX + conversationId);
  tell();
}

export function useDraft(conversationId: string): Draft {
  return useSyncExternalStore(subscribe, () => draftOf(conversationId));
}

/** The draft that a message was, which was taken back. */
export function returnedDraft(request: api.ReplyRequest, message: api.Message): Partial<Draft> {
  const { html, text, to, cc, bcc, include_signature: signature } = request;
  const files = message.attachments.filter((file) => request.attachment_ids?.includes(file.id));
  return {
    html: html ?? htmlOf(text ?? ""),
    recipients:
      to == null ? undefined : { to: addressText(to), cc: addressText(cc ?? []), bcc: addressText(bcc ?? []) },
    signature: signature ?? undefined,
    files: files.map(({ id, filename, size }) => ({ id, name: filename ?? "File", size })),
    lastSeen: request.last_seen_message_id ?? undefined,
    revision: draftOf(message.conversation_id ?? "").revision + 1,
  };
}

function htmlOf(text: string): string {
  const box = document.createElement("div");
  box.textContent = text;
  return box.innerHTML.replaceAll("\n", "<br>");
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}

postroom.session.onChange((me) => {
  if (me !== undefined) return;
  kept.clear();
  for (const key of Object.keys(window.sessionStorage))
    if (key.startsWith(PREFIX)) window.sessionStorage.removeItem(key);
});
