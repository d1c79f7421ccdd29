import { type api, EditConflict } from "@postroom/client";
import { postroom } from "./page.js";

/** Saves one field of the sidebar, on top of whatever others changed meanwhile, but not over the same field. */
export async function saveTitle(contact: api.Contact, title: string): Promise<api.Contact> {
  try {
    return await postroom.edit("/v1/contacts/{id}", contact, { title });
  } catch (error) {
    if (!(error instanceof EditConflict)) throw error;
    const current = error.current as api.Contact;
    console.log(`Somebody wrote ${current.title} meanwhile: ${error.fields.join(", ")}`);
    return current;
  }
}

/** The company in the sidebar has a version of its own: it is edited without another read. */
export async function saveWebsite(contact: api.Contact, website: string): Promise<api.Company | undefined> {
  return contact.company ? postroom.edit("/v1/companies/{id}", contact.company, { website }) : undefined;
}
