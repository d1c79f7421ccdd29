import { isProblem } from "@postroom/client";
import { postroom } from "./page.js";

/** A conversation's window: its header, its newest messages, and that somebody has opened it. */
export async function open(id: string) {
  const params = { path: { id } };
  const [conversation, messages] = await Promise.all([
    postroom.get("/v1/conversations/{id}", { params }),
    postroom.get("/v1/conversations/{id}/messages", { params }), // oldest first; `next_cursor` leads to older ones
  ]);
  const last = messages.data.at(-1);
  await postroom.put("/v1/conversations/{id}/seen", { params, body: last ? { message_id: last.id } : {} });
  return { conversation, messages: messages.data };
}

/** A reply. Sending it twice by mistake is one mail: an idempotency key goes along, and lost answers are asked for again. */
export async function reply(id: string, html: string, lastSeen: string, files: readonly File[]): Promise<string> {
  const uploads = await Promise.all(
    files.map((file) =>
      postroom.upload(file, { onProgress: ({ sent, total }) => console.log(file.name, sent / total) }),
    ),
  );
  try {
    const message = await postroom.post("/v1/conversations/{id}/replies", {
      params: { path: { id } },
      body: { html, last_seen_message_id: lastSeen, attachment_ids: uploads.map((upload) => upload.id) },
    });
    return `${message.delivery?.state}: to be taken back until ${message.delivery?.can_cancel_until}`;
  } catch (error) {
    if (isProblem(error, "conversation_moved_on")) return `Look at ${error.body.latest_message_id} first.`;
    if (isProblem(error, "validation_failed"))
      return error.errors.map((one) => `${one.pointer}: ${one.detail}`).join("\n");
    throw error;
  }
}
