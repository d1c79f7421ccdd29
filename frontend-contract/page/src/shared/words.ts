import { isProblem, NetworkError } from "@postroom/client";

/** What to tell the one at the page. */
export function words(error: unknown): string {
  if (error instanceof NetworkError) return "There is no connection to the server.";
  if (!isProblem(error)) return "Something went wrong.";
  switch (error.code) {
    case "validation_failed":
      return error.errors.map(({ detail }) => detail).join(" ");
    case "rate_limited":
      return `Too many tries. Wait ${Math.ceil((error.retryAfter ?? 1000) / 1000)} seconds.`;
    case "not_found":
      return "This isn't there any more, or not yours to see.";
    default:
      return error.detail;
  }
}

/** Whether somebody only stopped waiting. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
