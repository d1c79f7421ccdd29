import { useEffect } from "react";

/** Keys that count wherever nobody types: Escape goes back to the stream, the stream's own keys begin there. */
export function useEscape(): void {
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const typing =
        event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]");
      if (typing) return;
      const begins = event.target === document.body && ["j", "k", "ArrowDown", "ArrowUp"].includes(event.key);
      if (event.key !== "Escape" && !begins) return;
      const cards = document.querySelector(".cards");
      const card = cards?.querySelector<HTMLElement>("a[aria-current]") ?? cards?.querySelector<HTMLElement>("a");
      card?.focus();
      event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
}
