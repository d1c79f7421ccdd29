/** The one client of the page: everything it knows and does goes through here. */
import { Client } from "@postroom/client";

export type { api } from "@postroom/client";

/** On the page's own origin. */
export const postroom = new Client();
