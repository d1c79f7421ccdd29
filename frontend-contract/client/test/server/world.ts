/** The real server that the tests run against: `make client` starts it and says where it is. */
import { Client, type ClientOptions } from "@postroom/client";

export interface World {
  readonly base: string;
  readonly workspace: string;
  readonly password: string;
  /** The owner, and two who see only what is theirs. */
  readonly owner: string;
  readonly members: readonly [string, string];
}

const given = process.env["POSTROOM_CLIENT_WORLD"];
if (given === undefined) throw new Error("POSTROOM_CLIENT_WORLD is not set: `make client` runs these tests");
export const world = JSON.parse(given) as World;

export async function signedIn(email: string, options: ClientOptions = {}): Promise<Client> {
  const client = new Client({ baseUrl: world.base, ...options });
  await client.session.signIn({ workspace: world.workspace, email, password: world.password });
  return client;
}

/** The value, which is there. */
export function there<T>(value: T | null | undefined, what = "a value"): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
