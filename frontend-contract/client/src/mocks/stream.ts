/** The live stream of the mocks. */
import type { Event } from "../generated/openapi.js";
import { type Call, here } from "./answers.js";
import { type State, unref } from "./state.js";

/** As often as the server. */
const HEARTBEAT = 15_000;

export class Streams {
  readonly #state: State;
  readonly #open = new Set<() => void>();

  constructor(state: State) {
    this.#state = state;
  }

  /** Server-Sent Events behind a number, as they come. */
  open(call: Call): Response {
    const state = this.#state;
    const after = Number(call.query.get("after") ?? state.latest);
    let end = (): void => undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const encoder = new TextEncoder();
        const write = (event: string, id: number, data: unknown): void => {
          const text = `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
          controller.enqueue(encoder.encode(here(text, call)));
        };
        const tell = (event: Event): void => write(event.type, event.number, event);
        write("heartbeat", after, {});
        for (const event of state.events) if (event.number > after) tell(event);
        state.listeners.add(tell);
        const beat = setInterval(() => write("heartbeat", state.latest, {}), HEARTBEAT);
        end = () => {
          clearInterval(beat);
          state.listeners.delete(tell);
          this.#open.delete(close);
        };
        const close = (): void => {
          end();
          controller.close();
        };
        this.#open.add(close);
        call.request.signal.addEventListener("abort", () => end());
        unref(beat);
      },
      cancel: () => end(),
    });
    const headers = { "Content-Type": "text/event-stream", "Postroom-Event": String(after) };
    return new Response(body, { headers });
  }

  /** All connections are lost. */
  cut(): void {
    for (const close of [...this.#open]) close();
  }
}
