import { isProblem, NetworkError } from "@postroom/client";

/** What to tell the one at the page. */
export function words(error: unknown): string {
  if (error instanceof NetworkError) return "There is no connection.";
  if (!isProblem(error)) return "Something went wrong.";
  switch (error.code) {
    case "stale_version":
      return "Somebody else has changed it."; // error.body.current is the thing as it is now
    case "conversation_merged":
      return `It goes on as ${error.body.merged_into}.`;
    case "feature_not_enabled":
      return `Ask for it: ${error.body.request_access}`;
    case "validation_failed":
      return error.errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n");
    default:
      return `${error.detail} (${error.requestId})`; // whatever codes are added
  }
}
