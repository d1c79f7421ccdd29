import { useState } from "react";
import type { api } from "../api";
import { words } from "../shared/words";
import type { ContactState } from "./use-contact";

/** What is added to a contact or taken away from it: whether one is about to add, and what went wrong. */
export function useChange(put: ContactState["put"]) {
  const [adding, setAdding] = useState(false);
  const [trouble, setTrouble] = useState<string>();

  async function run(change: () => Promise<api.Contact>) {
    setTrouble(undefined);
    try {
      put(await change());
      setAdding(false);
    } catch (error) {
      setTrouble(words(error));
    }
  }

  return { adding, setAdding, trouble, run };
}
