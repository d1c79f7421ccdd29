import type { Versioned } from "@postroom/client";
import type { api } from "../api";
import { CheckField, ChoiceField, Field, type FieldKind, ManyField } from "./field";
import type { Editable } from "./use-edit";

interface WithCustomFields extends Versioned {
  readonly custom_fields: Readonly<Record<string, unknown>>;
  readonly custom_field_definitions: readonly api.FieldDefinition[];
}

interface CustomFieldsProps<T extends WithCustomFields> {
  readonly of: Editable<T>;
  readonly whose?: string;
}

/** All custom fields, each with the control that its type asks for. */
export function CustomFields<T extends WithCustomFields>({ of, whose }: CustomFieldsProps<T>) {
  return of.thing.custom_field_definitions.map((definition) => (
    <CustomField key={definition.key} of={of} whose={whose} definition={definition} />
  ));
}

const KINDS: Partial<Record<api.CustomFieldType, FieldKind>> = {
  text: "text",
  long_text: "long",
  number: "number",
  date: "date",
  url: "url",
  email: "email",
  phone: "tel",
};

interface CustomFieldProps<T extends WithCustomFields> {
  readonly of: Editable<T>;
  readonly whose: string | undefined;
  readonly definition: api.FieldDefinition;
}

function CustomField<T extends WithCustomFields>({ of, whose, definition }: CustomFieldProps<T>) {
  const { key, label, options, required, type } = definition;
  const value = (thing: T) => thing.custom_fields[key];
  const text = (thing: T) => String(value(thing) ?? "");
  const patch = (to: unknown) => ({ custom_fields: { [key]: to } });
  const shared = { of, label, whose, required };
  switch (type) {
    case "boolean":
      return <CheckField {...shared} read={text} patch={(now) => patch(now === "true")} />;
    case "select": {
      const choices = [
        ...(required ? [] : [{ value: "", text: "–" }]),
        ...options.map((one) => ({ value: one, text: one })),
      ];
      return <ChoiceField {...shared} options={choices} read={text} patch={(now) => patch(now || null)} />;
    }
    case "multi_select":
      return (
        <ManyField
          {...shared}
          options={options}
          read={(thing) => JSON.stringify(value(thing) ?? [])}
          patch={(now) => patch(now === "[]" ? null : JSON.parse(now))}
        />
      );
    case "number":
      return <Field {...shared} kind="number" read={text} patch={(now) => patch(now === "" ? null : Number(now))} />;
    default:
      return <Field {...shared} kind={KINDS[type] ?? "text"} read={text} patch={(now) => patch(now || null)} />;
  }
}
