import { useEffect, useState } from "react";
import { type api, postroom } from "../api";
import { useLive } from "./live";

/** Everybody who works here, by name; read once, and again when somebody changes. */
let known: Promise<readonly api.User[]> | undefined;

async function read(): Promise<readonly api.User[]> {
  const all: api.User[] = [];
  for await (const user of postroom.all("/v1/users", { params: { query: { status: "active" } } })) all.push(user);
  return all.sort((one, other) => one.name.localeCompare(other.name));
}

function users(): Promise<readonly api.User[]> {
  known ??= read().catch((error) => {
    known = undefined;
    throw error;
  });
  return known;
}

postroom.session.onChange(() => {
  known = undefined;
});

export function useUsers(): { readonly users: readonly api.User[]; readonly failure: unknown } {
  const [all, setAll] = useState<readonly api.User[]>([]);
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    users().then(setAll, setFailure);
  }, []);
  useLive((message) => {
    const concerns = message.kind === "reload" || (message.kind === "event" && message.event.type === "user.updated");
    if (!concerns) return;
    known = undefined;
    users().then(setAll, setFailure);
  });
  return { users: all, failure };
}
