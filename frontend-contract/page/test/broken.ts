/** Fields that are missing: answers reach the page without them. */
import { readFileSync } from "node:fs";
import type { BrowserContext } from "playwright-core";
import type { Source } from "./table.js";

interface Rule {
  readonly method: string;
  readonly path: string;
  readonly steps: readonly string[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>;
}

const DOCUMENT = new URL("../../../../openapi/postroom.json", import.meta.url);
const document = JSON.parse(readFileSync(DOCUMENT, "utf8")) as Document;

/** Throws where the document has no such operation. */
function rule([operation, field]: Source): Rule {
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, { operationId }] of Object.entries(methods))
      if (operationId === operation) {
        const pattern = `^${path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`;
        return { method: method.toUpperCase(), path: pattern, steps: field.replaceAll("[]", ".[]").split(".") };
      }
  throw new Error(`The document has no operation ${operation}`);
}

/**
 * Takes the fields out of what the page reads. It is done where the page calls `fetch`, since a live stream is one answer
 * without an end, which can't be held back as a whole.
 */
export async function removeFrom(context: BrowserContext, sources: readonly Source[]): Promise<() => number> {
  let removed = 0;
  await context.exposeFunction("testRemoved", () => {
    removed += 1;
  });
  await context.addInitScript(intercept, sources.map(rule));
  return () => removed;
}

/** Runs in the page. */
function intercept(rules: readonly Rule[]): void {
  const real = window.fetch;
  const removed = (window as unknown as { testRemoved(): void }).testRemoved;
  const without = (value: unknown, steps: readonly string[]): void => {
    const [step, ...rest] = steps;
    if (step === undefined || typeof value !== "object" || value === null) return;
    if (step === "[]") {
      if (Array.isArray(value)) for (const one of value) without(one, rest);
    } else if (rest.length > 0) {
      without((value as Record<string, unknown>)[step], rest);
    } else if (step in value) {
      delete (value as Record<string, unknown>)[step];
      removed();
    }
  };
  const changed = (text: string, applying: readonly Rule[]): string => {
    try {
      const value: unknown = JSON.parse(text);
      for (const { steps } of applying) without(value, steps);
      return JSON.stringify(value);
    } catch {
      return text;
    }
  };
  window.fetch = async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    const { pathname } = new URL(request?.url ?? String(input), location.href);
    const applying = rules.filter((one) => one.method === method && new RegExp(one.path).test(pathname));
    const response = await real(input, init);
    if (applying.length === 0 || response.body === null) return response;
    const { status, statusText, headers } = response;
    const type = headers.get("Content-Type") ?? "";
    if (!type.startsWith("text/event-stream"))
      return new Response(changed(await response.text(), applying), { status, statusText, headers });
    let rest = "";
    const lines = new TransformStream<string, string>({
      transform(piece, controller) {
        const complete = (rest + piece).split("\n");
        rest = complete.pop() ?? "";
        for (const line of complete) {
          const data = /^data: ?(.*)$/.exec(line)?.[1];
          controller.enqueue(`${data === undefined ? line : `data: ${changed(data, applying)}`}\n`);
        }
      },
    });
    const body = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(lines)
      .pipeThrough(new TextEncoderStream());
    return new Response(body, { status, statusText, headers });
  };
}
