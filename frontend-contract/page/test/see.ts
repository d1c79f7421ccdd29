/** Looking at the page: each waits until it is so, or fails saying what there was instead. */
import type { Locator } from "playwright-core";
import { pause } from "./world.js";

/** How long anything may take to show, in milliseconds. Where a field is missing and it can't come, waiting is all there is. */
export const LIMIT = process.env["BREAK"] ? 8_000 : 10_000;

/** It is there to see. */
export async function sees(what: Locator): Promise<void> {
  await what.first().waitFor({ state: "visible" });
}

/** It is not, or not any more. */
export async function gone(what: Locator): Promise<void> {
  await what.first().waitFor({ state: "hidden" });
}

/** What one reads there, mails' HTML in its frames as well. */
export async function textOf(what: Locator): Promise<string> {
  const texts = [await what.innerText()];
  for (const frame of await what.locator("iframe").all())
    texts.push(
      await frame
        .contentFrame()
        .locator("body")
        .innerText({ timeout: 1000 })
        .catch(() => ""),
    );
  return texts.join("\n");
}

/** What it says has this in it. */
export function says(what: Locator, words: string | RegExp): Promise<void> {
  const fits = (text: string) => (typeof words === "string" ? text.includes(words) : words.test(text));
  return settles(`to say ${words}`, () => textOf(what), fits);
}

/** It doesn't say this any more. */
export function silent(what: Locator, words: string): Promise<void> {
  return settles(
    `not to say ${words}`,
    () => textOf(what),
    (text) => !text.includes(words),
  );
}

/** A field of a form holds this. */
export function holds(what: Locator, value: string): Promise<void> {
  return settles(
    `to hold ${value}`,
    () => what.inputValue(),
    (found) => found === value,
  );
}

export function has(what: Locator, attribute: string, value: string | RegExp): Promise<void> {
  const fits = (found: string | null) =>
    typeof value === "string" ? found === value : found !== null && value.test(found);
  return settles(`to have ${attribute} ${value}`, () => what.getAttribute(attribute), fits);
}

/** Asks until the answer is right. */
export async function settles<T>(
  what: string,
  ask: () => Promise<T>,
  right: (found: T) => boolean,
  limit = LIMIT,
): Promise<void> {
  const until = Date.now() + limit;
  for (;;) {
    const found = await ask();
    if (right(found)) return;
    if (Date.now() > until) throw new Error(`Waited ${limit} ms for it ${what}; it is ${JSON.stringify(found)}`);
    await pause(30);
  }
}
