import type { Versioned } from "@postroom/client";
import type { api } from "../api";
import { Field, type FieldKind } from "./field";
import type { Editable } from "./use-edit";

interface WithAddress extends Versioned {
  readonly address: api.PostalAddress;
}

const PARTS = [
  ["street", "Street"],
  ["postal_code", "Postal code"],
  ["city", "City"],
  ["region", "Region"],
  ["country", "Country"],
] as const;

/** Where somebody is. */
export function PlaceFields<T extends WithAddress>({
  of,
  whose,
}: {
  readonly of: Editable<T>;
  readonly whose?: string;
}) {
  return PARTS.map(([part, label]) => (
    <Field
      key={part}
      of={of}
      label={label}
      whose={whose}
      read={(thing) => thing.address[part] ?? ""}
      patch={(text) => ({ address: { [part]: text || null } })}
    />
  ));
}

/** The names of a thing's fields that are texts, or nothing. */
type TextKey<T> = { [K in keyof T]: T[K] extends string | null ? K : never }[keyof T] & string;

interface TextFieldProps<T extends Versioned> {
  readonly of: Editable<T>;
  readonly name: TextKey<T>;
  readonly label: string;
  readonly whose?: string;
  readonly kind?: FieldKind;
  readonly suggestions?: readonly string[];
  readonly required?: boolean;
}

/** A field of the thing itself that is a text, or nothing. */
export function TextField<T extends Versioned>({ name, ...rest }: TextFieldProps<T>) {
  return (
    <Field
      {...rest}
      read={(thing: T) => (thing[name] as string | null) ?? ""}
      patch={(text) => ({ [name]: text.trim() || (rest.required ? "" : null) })}
    />
  );
}
