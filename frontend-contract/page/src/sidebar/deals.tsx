import { type api, postroom } from "../api";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { CustomFields } from "./custom-fields";
import { ChoiceField, Field } from "./field";
import { LookUp } from "./look-up";
import { TextField } from "./place-fields";
import { useChange } from "./use-change";
import type { ContactState } from "./use-contact";
import type { Editable } from "./use-edit";

interface DealsProps extends Pick<ContactState, "put" | "changedBy"> {
  readonly contact: api.Contact;
}

/** The contact's deals; + adds one. */
export function DealsSection({ contact, put, changedBy }: DealsProps) {
  const { adding, setAdding, trouble, run } = useChange(put);
  const place = (dealId: string) => ({ params: { path: { id: contact.id, deal_id: dealId } } });

  const add = (dealId: string) => postroom.put("/v1/contacts/{id}/deals/{deal_id}", place(dealId));

  return (
    <section className="section" aria-label="Deals">
      <header>
        <h3>Deals</h3>
        <button type="button" className="plain" title="Add deal" onClick={() => setAdding(true)}>
          <Icon of="plus" name="Add deal" />
        </button>
      </header>
      {adding && (
        <LookUp
          label="Deal"
          search={async (q, signal) => {
            const query = { limit: 8, ...(q === "" ? {} : { q }) };
            const { data } = await postroom.get("/v1/deals", { params: { query }, signal });
            return data.map(({ id, name, status }) => ({ id, name, hint: status }));
          }}
          onPick={({ id }) => run(() => add(id))}
          onMake={(name) => run(async () => add((await postroom.post("/v1/deals", { body: { name } })).id))}
          onEnd={() => setAdding(false)}
        />
      )}
      <Trouble of={trouble} />
      {contact.deals.map((deal) => (
        <DealCard
          key={deal.id}
          of={{
            thing: deal,
            changedBy,
            save: async (base, patch) => {
              const saved = await postroom.edit("/v1/deals/{id}", base, patch);
              put({ ...contact, deals: contact.deals.map((one) => (one.id === saved.id ? saved : one)) });
              return saved;
            },
          }}
          onRemove={() => run(() => postroom.delete("/v1/contacts/{id}/deals/{deal_id}", place(deal.id)))}
        />
      ))}
    </section>
  );
}

const STATUSES = [
  { value: "open", text: "Open" },
  { value: "won", text: "Won" },
  { value: "lost", text: "Lost" },
];

function DealCard({ of, onRemove }: { readonly of: Editable<api.Deal>; readonly onRemove: () => void }) {
  const deal = of.thing;
  const whose = deal.name;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend can't stand in a line with its button
    <div className="deal" role="group" aria-label={`Deal ${deal.name}`} data-status={deal.status}>
      <header>
        <strong>{deal.name}</strong>
        <button type="button" className="plain" title="Remove" onClick={onRemove}>
          <Icon of="close" name={`Remove deal ${deal.name}`} />
        </button>
      </header>
      <TextField of={of} name="name" label="Name" whose={whose} required />
      <TextField of={of} name="stage" label="Stage" whose={whose} />
      <Field
        of={of}
        label="Amount"
        whose={whose}
        kind="decimal"
        read={({ amount }) => amount?.amount ?? ""}
        patch={(text, { amount }) => ({
          amount: text.trim() === "" ? null : { amount: text.trim(), currency: amount?.currency ?? "EUR" },
        })}
      />
      {deal.amount !== null && (
        <Field
          of={of}
          label="Currency"
          whose={whose}
          read={({ amount }) => amount?.currency ?? ""}
          patch={(text, { amount }) => ({
            amount: { amount: amount?.amount ?? "0", currency: text.trim().toUpperCase() },
          })}
        />
      )}
      <ChoiceField
        of={of}
        label="Status"
        whose={whose}
        options={STATUSES}
        read={({ status }) => status}
        patch={(status) => ({ status })}
      />
      <TextField of={of} name="expected_close_on" label="Expected" whose={whose} kind="date" />
      <CustomFields of={of} whose={whose} />
    </div>
  );
}
