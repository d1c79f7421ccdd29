import { isProblem } from "@postroom/client";
import { type FormEvent, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { Icon } from "../shared/icon";
import { useMe } from "../shared/me";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";
import type { OpenConversation } from "../window/use-conversation";
import { useTellPresence } from "../window/use-presence";
import { parseAddresses } from "./addresses";
import { type Draft, dropDraft, keepDraft, useDraft } from "./draft";
import { Files } from "./files";
import { RecipientsLine } from "./recipients";
import { SignatureSwitch } from "./signature";
import { TextBox } from "./text-box";
import { useUploads } from "./use-uploads";

interface EditorProps {
  readonly open: OpenConversation;
  readonly onSent: (message: api.Message) => void;
}

/** Where an answer is written. */
export function Editor({ open, onSent }: EditorProps) {
  const { conversation, messages } = open;
  const { id, reply_defaults: defaults } = conversation;
  const me = useMe();
  const draft = useDraft(id);
  const uploads = useUploads(id);
  const [typedAt, setTypedAt] = useState(0);
  const [sending, setSending] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const [movedOn, setMovedOn] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  /** The last try: the same text sent twice by mistake is one mail. */
  const tried = useRef({ body: "", key: "" });
  useTellPresence(id, typedAt);

  if (!conversation.can.reply) {
    return <p className="no-reply">There is no mailbox from which you could answer here.</p>;
  }
  const signature = draft.signature ?? defaults.include_signature;
  const empty = isEmpty(draft.html) && draft.files.length === 0;

  function type(html: string) {
    setTypedAt(Date.now());
    const lastSeen = isEmpty(html) ? undefined : (draft.lastSeen ?? messages.at(-1)?.id);
    keepDraft(id, { html, lastSeen });
  }

  async function send(force: boolean) {
    if (empty || sending || uploads.pending.length > 0) return;
    setSending(true);
    setTrouble(undefined);
    setMovedOn(false);
    const body = requestOf(draft, signature, force, messages.at(-1)?.id);
    const text = JSON.stringify(body);
    if (tried.current.body !== text) tried.current = { body: text, key: crypto.randomUUID() };
    try {
      const params = { path: { id }, header: { "Idempotency-Key": tried.current.key } };
      const message = await postroom.post("/v1/conversations/{id}/replies", { params, body });
      dropDraft(id);
      setTypedAt(0);
      onSent(message);
    } catch (error) {
      if (isProblem(error, "conversation_moved_on")) setMovedOn(true);
      else setTrouble(words(error));
    }
    setSending(false);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void send(false);
  }

  return (
    <form
      ref={form}
      className="editor"
      aria-label="Reply"
      onSubmit={submit}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        uploads.add(event.dataTransfer.files);
      }}
    >
      <RecipientsLine
        key={`recipients ${draft.revision}`}
        defaults={defaults}
        recipients={draft.recipients}
        onChange={(recipients) => keepDraft(id, { recipients })}
      />
      <p className="from">
        From {me.name}
        {defaults.from !== null && <span className="address">{defaults.from.address}</span>}
      </p>
      <TextBox
        key={draft.revision}
        html={draft.html}
        onType={type}
        onFiles={uploads.add}
        onSend={() => void send(false)}
        below={<SignatureSwitch.Shown on={signature} html={defaults.signature_html} />}
      />
      <Files
        files={draft.files}
        pending={uploads.pending}
        onRemove={(fileId) => keepDraft(id, { files: draft.files.filter((file) => file.id !== fileId) })}
      />
      {movedOn && (
        <p className="moved-on" role="alert">
          This conversation moved on while you wrote. Look at the newest message first.
          <button type="button" className="link" onClick={() => void send(true)}>
            Send anyway
          </button>
        </p>
      )}
      <Trouble of={trouble ?? uploads.trouble} />
      <div className="actions">
        <AttachButton onFiles={uploads.add} />
        <SignatureSwitch on={signature} onChange={(on) => keepDraft(id, { signature: on })} />
        <span className="stretch" />
        <button
          type="submit"
          className="primary"
          title="Ctrl+Enter"
          disabled={empty || sending || uploads.pending.length > 0}
        >
          Send
        </button>
      </div>
    </form>
  );
}

function AttachButton({ onFiles }: { readonly onFiles: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="plain" title="Attach files" onClick={() => input.current?.click()}>
        <Icon of="clip" name="Attach files" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </>
  );
}

function requestOf(draft: Draft, signature: boolean, force: boolean, newest: string | undefined): api.ReplyRequest {
  const { recipients } = draft;
  const lastSeen = draft.lastSeen ?? newest;
  return {
    html: draft.html,
    include_signature: signature,
    attachment_ids: draft.files.map((file) => file.id),
    ...(lastSeen === undefined ? {} : { last_seen_message_id: lastSeen }),
    ...(force ? { force } : {}),
    ...(recipients === undefined
      ? {}
      : {
          to: parseAddresses(recipients.to),
          cc: parseAddresses(recipients.cc),
          bcc: parseAddresses(recipients.bcc),
        }),
  };
}

function isEmpty(html: string): boolean {
  return html.replace(/<[^>]*>|&nbsp;|\s/g, "") === "";
}
