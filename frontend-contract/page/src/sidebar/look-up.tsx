import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Trouble } from "../shared/trouble";
import { isAbort, words } from "../shared/words";

export interface Found {
  readonly id: string;
  readonly name: string;
  readonly hint?: string | null;
}

interface LookUpProps {
  readonly label: string;
  readonly search: (text: string, signal: AbortSignal) => Promise<readonly Found[]>;
  readonly onPick: (found: Found) => void;
  /** Makes a new one by this name. */
  readonly onMake: (name: string) => void;
  readonly onEnd: () => void;
}

/** Finds something while its name is typed; what isn't there can be made. */
export function LookUp({ label, search, onPick, onMake, onEnd }: LookUpProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly Found[]>([]);
  const [at, setAt] = useState(0);
  const [trouble, setTrouble] = useState<string>();
  const look = useRef(search);

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    const end = new AbortController();
    const timer = window.setTimeout(() => {
      look.current(text.trim(), end.signal).then(
        (all) => {
          setFound(all);
          setAt(0);
        },
        (error) => !isAbort(error) && setTrouble(words(error)),
      );
    }, 150);
    return () => {
      end.abort();
      window.clearTimeout(timer);
    };
  }, [text]);

  const name = text.trim();
  const makes = name !== "" && !found.some((one) => one.name.toLocaleLowerCase() === name.toLocaleLowerCase());
  const count = found.length + (makes ? 1 : 0);

  // What is found stands below the field, which may be the last thing in sight.
  useEffect(() => {
    if (count > 0) box.current?.scrollIntoView({ block: "nearest" });
  }, [count]);

  function take(index: number) {
    const chosen = found[index];
    if (chosen !== undefined) onPick(chosen);
    else if (makes) onMake(name);
  }

  function key(event: KeyboardEvent) {
    if (event.key === "Escape") onEnd();
    else if (event.key === "ArrowDown") setAt((at + 1) % Math.max(count, 1));
    else if (event.key === "ArrowUp") setAt((at + count - 1) % Math.max(count, 1));
    else if (event.key === "Enter") take(at);
    else return;
    event.preventDefault();
  }

  const option = (index: number) => ({
    id: `${id}-${index}`,
    role: "option",
    tabIndex: -1,
    "aria-selected": index === at,
    className: "option",
    "data-at": index === at,
    onMouseDown: (event: { preventDefault(): void }) => event.preventDefault(),
    onClick: () => take(index),
    onKeyDown: key,
  });

  return (
    <div ref={box} className="look-up">
      <input
        ref={input}
        role="combobox"
        aria-label={label}
        aria-expanded={count > 0}
        aria-controls={count > 0 ? id : undefined}
        aria-autocomplete="list"
        aria-activedescendant={count > 0 ? `${id}-${at}` : undefined}
        placeholder="Type a name"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={key}
        onBlur={onEnd}
      />
      <Trouble of={trouble} />
      {count > 0 && (
        <div id={id} role="listbox" aria-label={`${label}: found`} className="options">
          {found.map((one, index) => (
            <div key={one.id} {...option(index)}>
              <span>{one.name}</span>
              {one.hint && <span className="address">{one.hint}</span>}
            </div>
          ))}
          {makes && <div {...option(found.length)}>Make “{name}”</div>}
        </div>
      )}
    </div>
  );
}
