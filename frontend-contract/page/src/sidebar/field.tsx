import type { Versioned } from "@postroom/client";
import { type KeyboardEvent, type ReactNode, useId } from "react";
import { Trouble } from "../shared/trouble";
import { type Editable, type Place, useEdit } from "./use-edit";

export type FieldKind = "text" | "long" | "number" | "date" | "url" | "email" | "tel" | "decimal";

interface FieldProps<T extends Versioned> extends Place<T> {
  readonly of: Editable<T>;
  readonly label: string;
  /** Whose it is, where another thing beside has a field of the same name. */
  readonly whose?: string | undefined;
  readonly required?: boolean | undefined;
}

/** A field to type in: saved when it is left or Enter is pressed, taken back by Escape. */
export function Field<T extends Versioned>({
  kind = "text",
  suggestions,
  ...field
}: FieldProps<T> & { readonly kind?: FieldKind; readonly suggestions?: readonly string[] }) {
  const edit = useEdit(field.of, field);
  const id = useId();

  function key(event: KeyboardEvent<HTMLInputElement | HTMLTextAreaElement>) {
    if (event.key === "Escape") edit.takeBack();
    else if (event.key === "Enter" && (kind !== "long" || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void edit.commit();
    }
  }

  const shared = {
    id,
    "aria-label": nameOf(field),
    "aria-invalid": edit.trouble !== undefined,
    "aria-describedby": `${id}-note`,
    "aria-required": field.required,
    placeholder: "–",
    value: edit.text,
    onBlur: () => void edit.commit(),
    onKeyDown: key,
  };
  return (
    <Frame id={id} field={field} edit={edit}>
      {kind === "long" ? (
        <textarea {...shared} rows={2} onChange={(event) => edit.type(event.target.value)} />
      ) : (
        <input
          {...shared}
          type={kind === "decimal" ? "text" : kind}
          inputMode={kind === "decimal" ? "decimal" : undefined}
          step={kind === "number" ? "any" : undefined}
          list={suggestions === undefined ? undefined : `${id}-list`}
          autoComplete="off"
          onChange={(event) => edit.type(event.target.value)}
        />
      )}
      {suggestions !== undefined && (
        <datalist id={`${id}-list`}>
          {suggestions.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
      )}
    </Frame>
  );
}

export interface Option {
  readonly value: string;
  readonly text: string;
}

/** A field to choose from: saved at once. */
export function ChoiceField<T extends Versioned>({
  options,
  ...field
}: FieldProps<T> & { readonly options: readonly Option[] }) {
  const edit = useEdit(field.of, field);
  const id = useId();
  return (
    <Frame id={id} field={field} edit={edit}>
      <select
        id={id}
        aria-label={nameOf(field)}
        value={edit.text}
        onChange={(event) => void edit.choose(event.target.value)}
      >
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

/** Yes or no: saved at once. Its text is "true", "false" or empty. */
export function CheckField<T extends Versioned>(field: FieldProps<T>) {
  const edit = useEdit(field.of, field);
  const id = useId();
  return (
    <Frame id={id} field={field} edit={edit}>
      <input
        id={id}
        type="checkbox"
        aria-label={nameOf(field)}
        checked={edit.text === "true"}
        onChange={(event) => void edit.choose(String(event.target.checked))}
      />
    </Frame>
  );
}

/** Several of some: saved at once. Its text is a JSON list. */
export function ManyField<T extends Versioned>({
  options,
  ...field
}: FieldProps<T> & { readonly options: readonly string[] }) {
  const edit = useEdit(field.of, field);
  const id = useId();
  const chosen = new Set(JSON.parse(edit.text) as string[]);

  function toggle(option: string, on: boolean) {
    const next = options.filter((one) => (one === option ? on : chosen.has(one)));
    void edit.choose(JSON.stringify(next));
  }

  return (
    <fieldset className="field many" aria-label={nameOf(field)}>
      <legend>{field.label}</legend>
      <div className="checks">
        {options.map((option) => (
          <label key={option}>
            <input
              type="checkbox"
              checked={chosen.has(option)}
              onChange={(event) => toggle(option, event.target.checked)}
            />
            {option}
          </label>
        ))}
      </div>
      <Notes id={id} field={field} edit={edit} />
    </fieldset>
  );
}

/** The accessible name begins with what is seen. */
function nameOf<T extends Versioned>({ label, whose }: FieldProps<T>): string {
  return whose === undefined ? label : `${label} of ${whose}`;
}

interface FrameProps<T extends Versioned> {
  readonly id: string;
  readonly field: FieldProps<T>;
  readonly edit: ReturnType<typeof useEdit<T>>;
}

function Frame<T extends Versioned>({ id, field, edit, children }: FrameProps<T> & { readonly children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>
        {field.label}
        {field.required && <span aria-hidden="true"> *</span>}
      </label>
      {children}
      <Notes id={id} field={field} edit={edit} />
    </div>
  );
}

/** What went wrong, and what to do about it. */
function Notes<T extends Versioned>({ id, field, edit }: FrameProps<T>) {
  const { conflict, trouble } = edit;
  return (
    <div id={`${id}-note`} className="note">
      {conflict !== undefined && (
        <div className="conflict" role="alert">
          <p>
            {field.of.changedBy ?? "Somebody"} changed this meanwhile: “{conflict.theirs || "empty"}”. You wrote “
            {conflict.mine || "nothing"}”.
          </p>
          <button type="button" className="link" onClick={edit.takeBack}>
            Keep theirs
          </button>
          <button type="button" className="link" onClick={() => void edit.insist()}>
            Save mine
          </button>
        </div>
      )}
      <Trouble of={trouble} />
    </div>
  );
}
