import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { addressText, splitLast } from "./addresses";

interface AddressFieldProps {
  readonly label: string;
  readonly value: string;
  readonly autoFocus?: boolean;
  readonly onChange: (value: string) => void;
}

/** Addresses with commas between them; whom one may mean is looked up while one types. */
export function AddressField({ label, value, autoFocus = false, onChange }: AddressFieldProps) {
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const [found, setFound] = useState<readonly api.Author[]>([]);
  const [at, setAt] = useState(0);
  const [typing, setTyping] = useState(false);
  const [before, last] = splitLast(value);

  useEffect(() => {
    if (autoFocus) input.current?.focus();
  }, [autoFocus]);

  useEffect(() => {
    if (!typing || last.length < 2 || last.includes("<")) {
      setFound([]);
      return;
    }
    const end = new AbortController();
    const timer = window.setTimeout(() => {
      postroom
        .get("/v1/recipients", { params: { query: { q: last, limit: 6 } }, signal: end.signal })
        .then(({ data }) => {
          setFound(data);
          setAt(0);
        })
        .catch(() => undefined);
    }, 150);
    return () => {
      end.abort();
      window.clearTimeout(timer);
    };
  }, [last, typing]);

  function choose({ name, email }: api.Author) {
    onChange(`${before}${before === "" ? "" : " "}${addressText([{ name, address: email }])}, `);
    setFound([]);
    input.current?.focus();
  }

  function key(event: KeyboardEvent) {
    const chosen = found[at];
    if (chosen === undefined) {
      // Enter ends an address; the mail is sent by its button.
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (last !== "") onChange(`${value.trimEnd()}, `);
      return;
    }
    if (event.key === "ArrowDown") setAt((at + 1) % found.length);
    else if (event.key === "ArrowUp") setAt((at + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(chosen);
    else if (event.key === "Escape") setFound([]);
    else return;
    event.preventDefault();
  }

  return (
    <div className="address-field">
      <label htmlFor={`${list}-input`}>{label}</label>
      <input
        id={`${list}-input`}
        ref={input}
        autoComplete="off"
        value={value}
        aria-controls={found.length > 0 ? list : undefined}
        aria-autocomplete="list"
        onChange={(event) => {
          setTyping(true);
          onChange(event.target.value);
        }}
        onBlur={() => setTyping(false)}
        onKeyDown={key}
      />
      {found.length > 0 && (
        <div id={list} role="listbox" aria-label={`Suggestions for ${label}`} className="popover options">
          {found.map((one, index) => (
            <div
              key={`${one.kind} ${one.email}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              className="option"
              data-at={index === at}
              // The field keeps the focus.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(one)}
              onKeyDown={key}
            >
              <span>{one.name}</span> <span className="address">{one.email}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
