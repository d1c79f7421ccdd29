/** Server-Sent Events, as they come from a socket. */

export interface SseMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Takes pieces of a stream, wherever they are cut, and gives the messages that are whole. */
export class SseParser {
  #rest = "";
  #event = "";
  #id: string | undefined;
  #data: string[] = [];
  #afterReturn = false;

  push(text: string): SseMessage[] {
    const messages: SseMessage[] = [];
    if (text === "") return messages;
    this.#rest += this.#afterReturn && text.startsWith("\n") ? text.slice(1) : text;
    this.#afterReturn = this.#rest.endsWith("\r");
    const lines = this.#rest.split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") this.#end(messages);
      else this.#field(line);
    }
    return messages;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "id") this.#id = value;
    else if (name === "data") this.#data.push(value);
  }

  #end(messages: SseMessage[]): void {
    if (this.#data.length > 0) {
      messages.push({ event: this.#event || "message", id: this.#id, data: this.#data.join("\n") });
    }
    this.#event = "";
    this.#id = undefined;
    this.#data = [];
  }
}
