// Made from openapi/postroom.json by `npm run generate`; don't edit it.

/** The operations that take an `Idempotency-Key`. */
export const keyed: ReadonlySet<string> = new Set([
  "POST /v1/attachments",
  "POST /v1/companies",
  "POST /v1/contacts",
  "POST /v1/contacts/{id}/emails",
  "POST /v1/conversations/{id}/replies",
  "POST /v1/custom-fields",
  "POST /v1/deals",
  "POST /v1/mailboxes",
  "POST /v1/mailboxes/oauth",
  "POST /v1/messages",
  "POST /v1/threads/{id}/conversation",
  "POST /v1/users",
  "POST /v1/workspace/feature-requests",
]);

/** The operations that give something else than JSON. */
export const bytes: ReadonlySet<string> = new Set([
  "GET /v1/attachments/{id}/content",
  "GET /v1/avatars/{sha256}",
  "GET /v1/events/stream",
  "GET /v1/mailboxes/{id}/intake/{entry_id}/raw",
  "GET /v1/messages/{id}/raw",
]);
