/** Addresses as people write them: `Lina Berg <lina@customer.example>, info@customer.example`. */
import type { api } from "../api";

/** Commas and semicolons part them, but in quotation marks and angles. */
const PARTS = /(?:"[^"]*"|<[^>]*>|[^,;"<])+/g;

export function parseAddresses(text: string): api.NamedAddressRequest[] {
  const parts = text.match(PARTS) ?? [];
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const named = /^(.*)<([^>]*)>$/.exec(part);
      if (named === null) return { address: part };
      const name = (named[1] ?? "").trim().replace(/^"|"$/g, "");
      const address = (named[2] ?? "").trim();
      return name === "" ? { address } : { name, address };
    });
}

export function addressText(addresses: readonly (api.MailAddressRequest | api.MailAddress)[]): string {
  return addresses.map(one).join(", ");
}

function one(given: api.MailAddressRequest | api.MailAddress): string {
  if (typeof given === "string") return given;
  const { name, address } = given;
  if (name == null || name === "") return address;
  return `${/[,;"<>]/.test(name) ? `"${name.replaceAll('"', "")}"` : name} <${address}>`;
}

/** The last address in a list that is being typed, and what stands before it. */
export function splitLast(text: string): readonly [before: string, last: string] {
  const at = Math.max(text.lastIndexOf(","), text.lastIndexOf(";")) + 1;
  return [text.slice(0, at), text.slice(at).trim()];
}
