import type { CardStore, LiveState } from "@postroom/client";
import { postroom } from "./page.js";

/** The stream: open conversations, newest first, right for as long as the page is open. */
export async function openStream(
  draw: (store: CardStore) => void,
  banner: (state: LiveState) => void,
  signal: AbortSignal,
) {
  const store = postroom.cards({ status: "open" });
  store.subscribe(() => draw(store)); // store.snapshot()?.cards, and store.more() at the end of what is shown
  const after = await store.load();
  for await (const message of postroom.follow({ after, signal, onState: banner })) {
    await store.receive(message);
    if (message.kind === "event") console.log(message.event.type); // an open conversation's window looks at these as well
    if (message.kind === "presence") console.log(`${message.presence.user.name} is ${message.presence.state}`);
  }
}

/** The checkmark on a card: it is gone at once, and the event of it changes nothing any more. */
export async function close(store: CardStore, id: string): Promise<void> {
  store.show(await postroom.patch("/v1/conversations/{id}", { params: { path: { id } }, body: { status: "closed" } }));
}
