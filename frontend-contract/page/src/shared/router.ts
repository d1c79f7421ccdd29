/** The page's addresses: `/` and `/conversations/ID`, with the stream's filters behind them. */
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

function go(to: string, how: "push" | "replace"): void {
  if (how === "push") window.history.pushState(null, "", to);
  else window.history.replaceState(null, "", to);
  for (const listener of listeners) listener();
}

const address = () => window.location.pathname + window.location.search;

/** The address as the page shows it. Draws anew where it changes. */
export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, address), window.location.origin);
}

/** The open conversation's id, if one is open. */
export function conversationOf(url: URL): string | undefined {
  return /^\/conversations\/([^/]+)$/.exec(url.pathname)?.[1];
}

/** A conversation's address, with the filters of now. */
export function pathOf(conversationId: string | undefined): string {
  const path = conversationId === undefined ? "/" : `/conversations/${conversationId}`;
  return path + window.location.search;
}

export function openConversation(id: string | undefined, how: "push" | "replace" = "push"): void {
  go(pathOf(id), how);
}

/** Sets a filter. What is the default doesn't stand in the address. */
export function setFilter(name: string, value: string, byDefault: string): void {
  const query = new URLSearchParams(window.location.search);
  if (value === byDefault) query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  go(window.location.pathname + (text === "" ? "" : `?${text}`), "replace");
}
