import { type api, postroom } from "../api";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { useUsers } from "../shared/users";
import { words } from "../shared/words";
import { CompanySection } from "./company";
import { CustomFields } from "./custom-fields";
import { DealsSection } from "./deals";
import { Emails } from "./emails";
import { ChoiceField } from "./field";
import { Picture } from "./picture";
import { PlaceFields, TextField } from "./place-fields";
import { type ContactState, useContact } from "./use-contact";
import type { Editable } from "./use-edit";

interface SidebarProps {
  readonly contactId: string | undefined;
  readonly onClose: () => void;
}

/** Who the customer is: all of it can be edited in place. */
export function Sidebar({ contactId, onClose }: SidebarProps) {
  return (
    <aside className="sidebar" aria-label="Customer">
      <button type="button" className="plain close-customer" onClick={onClose}>
        <Icon of="back" name="Back to the conversation" />
      </button>
      {contactId !== undefined && <Customer key={contactId} id={contactId} />}
    </aside>
  );
}

function Customer({ id }: { readonly id: string }) {
  const state = useContact(id);
  const { contact, failure, load } = state;
  return (
    <>
      <Trouble of={failure === undefined ? undefined : words(failure)} onRetry={load} />
      {contact !== undefined && <Details {...state} contact={contact} />}
    </>
  );
}

function Details({ contact, put, changedBy }: ContactState & { readonly contact: api.Contact }) {
  const of: Editable<api.Contact> = {
    thing: contact,
    changedBy,
    save: async (base, patch) => {
      const saved = await postroom.edit("/v1/contacts/{id}", base, patch);
      put(saved);
      return saved;
    },
  };
  return (
    <>
      <header className="who">
        <Picture contact={contact} onPut={put} />
        <h2>{contact.name}</h2>
        {contact.title !== null && <p className="quiet">{contact.title}</p>}
      </header>
      <section className="section" aria-label="Contact">
        <TextField of={of} name="first_name" label="First name" />
        <TextField of={of} name="last_name" label="Last name" />
        <Emails contact={contact} put={put} changedBy={changedBy} />
        <TextField of={of} name="title" label="Title" />
        <TextField of={of} name="phone" label="Phone" kind="tel" />
        <TextField of={of} name="website" label="Website" kind="url" />
        <TextField of={of} name="time_zone" label="Time zone" suggestions={ZONES} />
        <PlaceFields of={of} />
        <TextField of={of} name="description" label="About" kind="long" />
        <OwnerField of={of} />
        <CustomFields of={of} />
      </section>
      <CompanySection contact={contact} put={put} changedBy={changedBy} />
      <DealsSection contact={contact} put={put} changedBy={changedBy} />
    </>
  );
}

const ZONES = Intl.supportedValuesOf("timeZone");

/** Whose the contact is; not whose the conversation is. */
function OwnerField({ of }: { readonly of: Editable<api.Contact> }) {
  const { users } = useUsers();
  const { owner } = of.thing;
  const others = users.filter((user) => user.id !== owner.id);
  const options = [owner, ...others].map(({ id, name }) => ({ value: id, text: name }));
  return (
    <ChoiceField
      of={of}
      label="Contact owner"
      options={options}
      read={(contact) => contact.owner.id}
      patch={(id) => ({ owner_id: id })}
    />
  );
}
