import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import type { api } from "../api";
import { Avatar } from "../shared/avatar";
import { Trouble } from "../shared/trouble";
import { useUsers } from "../shared/users";
import { words } from "../shared/words";

interface OwnerPickerProps {
  readonly owner: api.Owner;
  readonly disabled: boolean;
  readonly onChoose: (ownerId: string) => void;
}

/** The owner's avatar; a click shows who else could be it. */
export function OwnerPicker({ owner, disabled, onChoose }: OwnerPickerProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const elsewhere = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);

  function end() {
    setOpen(false);
    button.current?.focus();
  }

  return (
    <div className="owner-picker" ref={box}>
      <button
        ref={button}
        type="button"
        className="owner"
        aria-label={`Owner: ${owner.name}`}
        aria-expanded={open}
        aria-haspopup="listbox"
        title={`Owner: ${owner.name}`}
        disabled={disabled}
        onClick={() => setOpen(!open)}
      >
        <Avatar name={owner.name} url={owner.avatar_url} ornament />
      </button>
      {open && (
        <Choices
          owner={owner}
          onEnd={end}
          onChoose={(id) => {
            end();
            if (id !== owner.id) onChoose(id);
          }}
        />
      )}
    </div>
  );
}

interface ChoicesProps {
  readonly owner: api.Owner;
  readonly onEnd: () => void;
  readonly onChoose: (id: string) => void;
}

function Choices({ owner, onEnd, onChoose }: ChoicesProps) {
  const list = useId();
  const { users, failure } = useUsers();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const search = useRef<HTMLInputElement>(null);

  useEffect(() => search.current?.focus(), []);

  const wanted = text.trim().toLocaleLowerCase();
  const found = users.filter((user) => `${user.name} ${user.email}`.toLocaleLowerCase().includes(wanted));

  function key(event: KeyboardEvent) {
    if (event.key === "Escape") onEnd();
    else if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && found[at] !== undefined) onChoose(found[at].id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div className="popover">
      <input
        ref={search}
        type="search"
        placeholder="Find somebody"
        aria-label="Find somebody"
        aria-controls={list}
        aria-activedescendant={found[at] === undefined ? undefined : `${list}-${found[at].id}`}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <Trouble of={failure === undefined ? undefined : words(failure)} />
      <div id={list} role="listbox" aria-label="New owner" className="options">
        {found.map((user, index) => (
          <div
            key={user.id}
            id={`${list}-${user.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={user.id === owner.id}
            aria-label={user.name}
            className="option"
            data-at={index === at}
            onClick={() => onChoose(user.id)}
            onKeyDown={key}
          >
            <Avatar name={user.name} url={user.avatar_url} size="small" ornament />
            <span>{user.name}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
