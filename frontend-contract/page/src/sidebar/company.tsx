import { type api, postroom } from "../api";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { CustomFields } from "./custom-fields";
import { LookUp } from "./look-up";
import { PlaceFields, TextField } from "./place-fields";
import { useChange } from "./use-change";
import type { ContactState } from "./use-contact";
import type { Editable } from "./use-edit";

interface CompanyProps extends Pick<ContactState, "put" | "changedBy"> {
  readonly contact: api.Contact;
}

/** The contact's company; + chooses one where there is none. */
export function CompanySection({ contact, put, changedBy }: CompanyProps) {
  const { adding, setAdding, trouble, run } = useChange(put);
  const { company } = contact;
  const params = { path: { id: contact.id } };

  const choose = (companyId: string) =>
    postroom.put("/v1/contacts/{id}/company", { params, body: { company_id: companyId } });

  return (
    <section className="section" aria-label="Company">
      <header>
        <h3>Company</h3>
        {company === null ? (
          <button type="button" className="plain" title="Add company" onClick={() => setAdding(true)}>
            <Icon of="plus" name="Add company" />
          </button>
        ) : (
          <button
            type="button"
            className="plain"
            title="Remove company"
            onClick={() => run(() => postroom.delete("/v1/contacts/{id}/company", { params }))}
          >
            <Icon of="close" name="Remove company" />
          </button>
        )}
      </header>
      {adding && company === null && (
        <LookUp
          label="Company"
          search={async (q, signal) => {
            const query = { limit: 8, ...(q === "" ? {} : { q }) };
            const { data } = await postroom.get("/v1/companies", { params: { query }, signal });
            return data.map(({ id, name, domain }) => ({ id, name, hint: domain }));
          }}
          onPick={({ id }) => run(() => choose(id))}
          onMake={(name) => run(async () => choose((await postroom.post("/v1/companies", { body: { name } })).id))}
          onEnd={() => setAdding(false)}
        />
      )}
      <Trouble of={trouble} />
      {company !== null && (
        <CompanyFields
          of={{
            thing: company,
            changedBy,
            save: async (base, patch) => {
              const saved = await postroom.edit("/v1/companies/{id}", base, patch);
              put({ ...contact, company: saved });
              return saved;
            },
          }}
        />
      )}
    </section>
  );
}

function CompanyFields({ of }: { readonly of: Editable<api.Company> }) {
  const whose = "company";
  return (
    <>
      <TextField of={of} name="name" label="Name" whose={whose} required />
      <TextField of={of} name="domain" label="Domain" />
      <TextField of={of} name="website" label="Website" whose={whose} kind="url" />
      <TextField of={of} name="phone" label="Phone" whose={whose} kind="tel" />
      <TextField of={of} name="industry" label="Industry" />
      <TextField of={of} name="size" label="Size" />
      <PlaceFields of={of} whose={whose} />
      <TextField of={of} name="description" label="About" whose={whose} kind="long" />
      <CustomFields of={of} whose={whose} />
    </>
  );
}
