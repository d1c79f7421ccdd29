/** One field of a thing that others edit, too: what is typed, saved, refused, or in conflict. */
import { EditConflict, isProblem, type Versioned } from "@postroom/client";
import { useRef, useState } from "react";
import { words } from "../shared/words";

/** A thing whose fields are edited in place. */
export interface Editable<T extends Versioned> {
  readonly thing: T;
  /** Saves a patch on top of what was read, and gives what it is then; an `EditConflict` where others changed the same. */
  readonly save: (base: T, patch: object) => Promise<T>;
  /** Who changed it last, as far as events have said. */
  readonly changedBy: string | undefined;
}

/** Where a field's text stands in the thing, and how it is written. */
export interface Place<T> {
  readonly read: (thing: T) => string;
  readonly patch: (text: string, thing: T) => object;
}

interface Conflict<T> {
  readonly current: T;
  readonly theirs: string;
  readonly mine: string;
}

/** The last save of each thing that is being saved, by its id. */
const turns = new Map<string, Promise<unknown>>();

/** Saves of one thing go one after another, whichever fields they are of: at once they would only refuse each other. */
function inTurn(id: string, save: () => Promise<void>): Promise<void> {
  const saved = (turns.get(id) ?? Promise.resolve()).then(save);
  const over: Promise<void> = saved
    .catch(() => undefined)
    .then(() => {
      if (turns.get(id) === over) turns.delete(id);
    });
  turns.set(id, over);
  return saved;
}

export function useEdit<T extends Versioned>({ thing, save }: Editable<T>, { read, patch }: Place<T>) {
  /** What is typed, on top of what was read when that began. */
  const [draft, setDraft] = useState<{ readonly text: string; readonly base: T }>();
  const [conflict, setConflict] = useState<Conflict<T>>();
  const [trouble, setTrouble] = useState<string>();

  /** What the last save gave: what is chosen before that came is saved on top of it. */
  const last = useRef<T>(undefined);

  async function store(text: string, seen: T) {
    setTrouble(undefined);
    setConflict(undefined);
    const saved = inTurn(seen.id ?? "", async () => {
      const base = last.current !== undefined && last.current.version > seen.version ? last.current : seen;
      last.current = await save(base, patch(text, base));
    });
    try {
      await saved;
      // Unless it was typed on meanwhile.
      setDraft((now) => (now?.text === text ? undefined : now));
    } catch (error) {
      if (error instanceof EditConflict) {
        const current = error.current as T;
        setConflict({ current, theirs: read(current), mine: text });
      } else {
        setTrouble(isProblem(error, "validation_failed") ? (error.errors[0]?.detail ?? words(error)) : words(error));
      }
    }
  }

  function takeBack() {
    setDraft(undefined);
    setConflict(undefined);
    setTrouble(undefined);
  }

  return {
    text: draft?.text ?? read(thing),
    conflict,
    trouble,
    takeBack,
    type: (text: string) => setDraft({ text, base: draft?.base ?? thing }),
    /** Saves what was typed, if anything was. */
    commit: async () => {
      if (draft === undefined || conflict !== undefined) return;
      if (draft.text === read(draft.base)) takeBack();
      else await store(draft.text, draft.base);
    },
    /** Saves what was chosen. */
    choose: async (text: string) => {
      setDraft({ text, base: thing });
      await store(text, thing);
    },
    /** Saves one's own on top of theirs. */
    insist: async () => {
      if (conflict !== undefined) await store(conflict.mine, conflict.current);
    },
  };
}
