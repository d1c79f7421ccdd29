import type { FormEvent } from "react";
import { type api, postroom } from "../api";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { Field } from "./field";
import { useChange } from "./use-change";
import type { ContactState } from "./use-contact";

interface EmailsProps extends Pick<ContactState, "put" | "changedBy"> {
  readonly contact: api.Contact;
}

/** The contact's addresses, the first of which is the primary one. */
export function Emails({ contact, put, changedBy }: EmailsProps) {
  const { adding, setAdding, trouble, run } = useChange(put);
  const place = (email: api.ContactEmail) => ({ params: { path: { id: contact.id, email_id: email.id } } });

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const address = String(new FormData(event.currentTarget).get("address") ?? "");
    const params = { path: { id: contact.id } };
    void run(() => postroom.post("/v1/contacts/{id}/emails", { params, body: { address } }));
  }

  return (
    <div className="emails">
      {contact.emails.map((email) => (
        <div key={email.id} className="email">
          <Field
            of={{
              // An address has no version of its own: it is judged by the contact's.
              thing: contact,
              changedBy,
              save: async (base, patch) => {
                const path = { id: contact.id, email_id: email.id };
                const saved = await postroom.edit("/v1/contacts/{id}/emails/{email_id}", base, patch, { path });
                put(saved);
                return saved;
              },
            }}
            label="E-mail"
            kind="email"
            read={({ emails }) => emails.find((one) => one.id === email.id)?.address ?? ""}
            patch={(address) => ({ address: address.trim() })}
          />
          {!email.primary && (
            <>
              <button
                type="button"
                className="plain"
                title="Make it the primary address"
                onClick={() =>
                  run(() =>
                    postroom.patch("/v1/contacts/{id}/emails/{email_id}", { ...place(email), body: { primary: true } }),
                  )
                }
              >
                <Icon of="check" name={`Make ${email.address} the primary address`} />
              </button>
              <button
                type="button"
                className="plain"
                title="Remove"
                onClick={() => run(() => postroom.delete("/v1/contacts/{id}/emails/{email_id}", place(email)))}
              >
                <Icon of="close" name={`Remove ${email.address}`} />
              </button>
            </>
          )}
        </div>
      ))}
      {adding ? (
        <form className="add-email" onSubmit={add}>
          <input
            name="address"
            type="email"
            aria-label="New e-mail address"
            placeholder="name@company.example"
            required
          />
          <button type="submit">Add</button>
        </form>
      ) : (
        <button type="button" className="link add" onClick={() => setAdding(true)}>
          Add address
        </button>
      )}
      <Trouble of={trouble} />
    </div>
  );
}
