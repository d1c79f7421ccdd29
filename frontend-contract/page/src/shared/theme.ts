/** Light or dark: as the system has it, until somebody chooses. */
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const KEY = "postroom.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function theme(): Theme {
  const chosen = window.localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
apply();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): readonly [Theme, (chosen: Theme) => void] {
  return [useSyncExternalStore(subscribe, theme), choose];
}

function choose(chosen: Theme): void {
  window.localStorage.setItem(KEY, chosen);
  apply();
}
