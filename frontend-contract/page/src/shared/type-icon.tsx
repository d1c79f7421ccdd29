import type { api } from "../api";
import { Icon, type IconName } from "./icon";

/** What there is in conversations; the API has mail today. */
const TYPES: Record<api.MessageType, { readonly of: IconName; readonly name: string }> = {
  email: { of: "mail", name: "E-mail" },
};

/** A message's type as a picture. */
export function TypeIcon({ type }: { readonly type: api.MessageType }) {
  // One that this page doesn't know yet has no picture.
  const look = TYPES[type] as (typeof TYPES)[api.MessageType] | undefined;
  return look === undefined ? null : <Icon {...look} />;
}
