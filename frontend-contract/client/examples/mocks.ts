import { mockPostroom } from "@postroom/client/mocks";
import { setupWorker } from "msw/browser";

/** A server in the page. It answers where the client believes the server to be: `baseUrl` is the client's. */
export const mock = mockPostroom({ baseUrl: "https://postroom.example.com" });

/** Before the page is drawn. Sign in as olga@acme.example at the workspace acme, with any password. */
export async function mocked(): Promise<void> {
  await setupWorker(...mock.handlers).start({ onUnhandledRequest: "bypass", quiet: true });
}

/** In the browser's console, or at the press of a key: what is hard to make happen with a server. */
export function trouble(conversationId: string): void {
  mock.receive(conversationId, "One more thing …"); // the customer writes, and the stream tells it
  mock.problem("create_reply", "conversation_moved_on"); // the next reply is refused so
  mock.problem("update_contact", "stale_version");
  mock.cut(); // the live streams break, and come back
}
