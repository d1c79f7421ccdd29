/** Sending one request: with the caller's token, again where that is safe, and not for ever. */
import { NetworkError, retryAfter } from "./problems.js";

/** Who sends: gives the `Authorization` header's value, and a new one for one that is not good any more. */
export interface Credentials {
  /** The header's value; nothing where nobody is signed in. */
  authorization(): Promise<string | undefined>;
  /** A better one than this, which was refused; nothing where there is none. */
  renewed(refused: string): Promise<string | undefined>;
}

/** How often to try again, and how long to wait. */
export interface RetryPolicy {
  /** Tries after the first one. */
  readonly retries: number;
  /** The first wait in milliseconds; it doubles each time. */
  readonly base: number;
  /** The longest wait in milliseconds, also where the server asks for a longer one: then the refusal is told at once. */
  readonly longest: number;
}

/** Three more tries within some seconds. */
export const DEFAULT_RETRY: RetryPolicy = { retries: 3, base: 300, longest: 20_000 };

/** A request that can be sent any number of times. */
export interface Sending {
  /** Sends it once. */
  send(authorization: string | undefined): Promise<Response>;
  /** Whether a second time does no harm although the first one may have been carried out. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | null | undefined;
}

/** Sends until there is an answer that trying again can't better. */
export async function send(
  sending: Sending,
  credentials: Credentials | undefined,
  policy: RetryPolicy,
): Promise<Response> {
  let authorization = await credentials?.authorization();
  let renewed = false;
  for (let tries = 0; ; tries += 1) {
    let response: Response;
    try {
      response = await sending.send(authorization);
    } catch (error) {
      if (sending.signal?.aborted || isAbort(error)) throw error;
      if (!sending.repeatable || tries >= policy.retries)
        throw new NetworkError("There was no answer", { cause: error });
      await pause(backoff(policy, tries), sending.signal);
      continue;
    }
    if (response.status === 401 && authorization !== undefined && !renewed) {
      renewed = true;
      const better = await credentials?.renewed(authorization);
      if (better !== undefined) {
        await response.body?.cancel();
        authorization = better;
        tries -= 1;
        continue;
      }
    }
    const wait = await again(response, sending.repeatable, policy, tries);
    if (wait === undefined) return response;
    await response.body?.cancel();
    await pause(wait, sending.signal);
  }
}

/** How long to wait before the next try; nothing where there shouldn't be one. */
async function again(
  response: Response,
  repeatable: boolean,
  policy: RetryPolicy,
  tries: number,
): Promise<number | undefined> {
  if (tries >= policy.retries) return undefined;
  const later =
    // Refused before anything was done, whatever it was.
    response.status === 429 ||
    (repeatable && [502, 503, 504].includes(response.status)) ||
    // The first one with this key is still running: its answer comes.
    (repeatable && response.status === 409 && (await code(response)) === "idempotency_in_progress");
  if (!later) return undefined;
  const wait = retryAfter(response.headers) ?? backoff(policy, tries);
  return wait > policy.longest ? undefined : wait;
}

async function code(response: Response): Promise<string | undefined> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return typeof body === "object" && body !== null && "code" in body ? String(body.code) : undefined;
}

/** Half of the doubled wait is chance, so that pages that lost the server together don't come back together. */
export function backoff(policy: Pick<RetryPolicy, "base" | "longest">, tries: number): number {
  const whole = Math.min(policy.longest, policy.base * 2 ** tries);
  return whole / 2 + (Math.random() * whole) / 2;
}

/** Waits; ends early with the signal's reason. */
export function pause(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Whether somebody called it off. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
