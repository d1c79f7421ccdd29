/**
 * What can go wrong, as classes. A refusal of the API is a {@link Problem} with a `code` to branch on; an answer that
 * never came is a {@link NetworkError}; an answer that is none of the API's is an {@link UnexpectedAnswer}.
 */
import type { FieldError, Problem as ProblemBody, ProblemCode } from "./generated/openapi.js";

/** What single codes tell besides what all tell. */
export interface ProblemMembers {
  /** The thing as it is now. */
  stale_version: { readonly current: unknown };
  /** Where to ask for the feature. */
  feature_not_enabled: { readonly feature: string; readonly request_access: string };
  /** The newest message: show it, and send again with its id, or with `force`. */
  conversation_moved_on: { readonly latest_message_id: string };
  /** The conversation under which it goes on. */
  conversation_merged: { readonly merged_into: string };
  /** The earliest position that can still be asked for. */
  events_expired: { readonly oldest_after: number };
}

/** A refusal with this code. */
export type ProblemOf<Code extends ProblemCode> = ApiProblem<Code> &
  (Code extends keyof ProblemMembers ? { readonly body: ProblemMembers[Code] } : unknown);

/** Any refusal: `switch (problem.code)` tells them apart. */
export type Problem = { [Code in ProblemCode]: ProblemOf<Code> }[ProblemCode];

/** A refusal (RFC 9457). Caught as `unknown`, {@link isProblem} tells what it is. */
export class ApiProblem<Code extends ProblemCode = ProblemCode> extends Error {
  override readonly name = "ApiProblem";
  /** What to branch on. */
  readonly code: Code;
  /** HTTP status. */
  readonly status: number;
  /** What happened this time, for people. */
  readonly detail: string;
  /** The id under which the operator finds it in the log. */
  readonly requestId: string;
  /** Every wrong field, for `validation_failed`; else empty. */
  readonly errors: readonly FieldError[];
  /** When to try again, in milliseconds from now, where the answer says so. */
  readonly retryAfter: number | undefined;
  /** The whole, with what single codes tell. */
  readonly body: ProblemBody;

  constructor(body: ProblemBody & { readonly code: Code }, retryAfter?: number) {
    super(`${body.code}: ${body.detail}`);
    this.body = body;
    this.code = body.code;
    this.status = body.status;
    this.detail = body.detail;
    this.requestId = body.request_id;
    this.errors = body.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** What is wrong with a field: `error.field("/to/0/address")`. */
  field(pointer: string): FieldError | undefined {
    return this.errors.find((error) => error.pointer === pointer);
  }
}

/** Nothing was answered: no network, no server, or an answer that was cut off. Whether it was carried out is not known. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

/** An answer that is none of the API's, such as a proxy's page. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
  /** HTTP status. */
  readonly status: number;
  /** The start of what came. */
  readonly text: string;

  constructor(status: number, text: string) {
    super(`HTTP ${status}, which is no answer of the API's`);
    this.status = status;
    this.text = text.slice(0, 1000);
  }
}

/** Whether it is a refusal, with one of these codes where there are any. */
export function isProblem(error: unknown): error is Problem;
export function isProblem<Code extends ProblemCode>(
  error: unknown,
  ...codes: readonly [Code, ...Code[]]
): error is ProblemOf<Code>;
export function isProblem(error: unknown, ...codes: readonly ProblemCode[]): boolean {
  return error instanceof ApiProblem && (codes.length === 0 || codes.includes(error.code));
}

/** The seconds or the date of `Retry-After`, as milliseconds from now. */
export function retryAfter(headers: Headers, now = Date.now()): number | undefined {
  const text = headers.get("Retry-After");
  if (text === null || text.trim() === "") return undefined;
  const wait = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** What a refusal says. Reads the answer's body. */
export async function problemOf(response: Response): Promise<ApiProblem | UnexpectedAnswer> {
  const text = await response.text().catch(() => "");
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    try {
      return new ApiProblem(JSON.parse(text) as ProblemBody, retryAfter(response.headers));
    } catch {
      // Cut off: not the API's whole answer.
    }
  }
  return new UnexpectedAnswer(response.status, text);
}
