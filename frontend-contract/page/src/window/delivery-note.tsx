import { useState } from "react";
import { type api, postroom } from "../api";
import { keepDraft, returnedDraft } from "../editor/draft";
import { Icon } from "../shared/icon";
import { useMe } from "../shared/me";
import { useCountdown } from "../shared/time";
import { words } from "../shared/words";

interface DeliveryNoteProps {
  readonly message: api.Message;
  readonly onPut: (message: api.Message) => void;
  readonly onDrop: (messageId: string) => void;
}

/** How a mail of ours fares, where there is something to say or to do. */
export function DeliveryNote({ message, onPut, onDrop }: DeliveryNoteProps) {
  const me = useMe();
  const { delivery } = message;
  if (delivery === null) return null;
  switch (delivery.state) {
    case "queued":
      if (delivery.can_cancel_until !== null && message.author.id === me.id) {
        return <Undo message={message} until={delivery.can_cancel_until} onDrop={onDrop} />;
      }
      return (
        <p className="delivery">{delivery.attempts > 0 ? "Not sent yet; it is tried again" : "Waiting to be sent"}</p>
      );
    case "sending":
      return <p className="delivery">Sending</p>;
    case "sent":
      return (
        <p className="delivery">
          <Icon of="check" /> Sent
        </p>
      );
    default:
      return <Failed message={message} delivery={delivery} onPut={onPut} />;
  }
}

interface UndoProps {
  readonly message: api.Message;
  readonly until: string;
  readonly onDrop: (messageId: string) => void;
}

/** For some seconds a reply can be taken back; its text goes back into the editor. */
function Undo({ message, until, onDrop }: UndoProps) {
  const now = useCountdown();
  const [trouble, setTrouble] = useState<string>();
  const seconds = Math.ceil((Date.parse(until) - now) / 1000);

  async function undo() {
    try {
      const request = await postroom.post("/v1/messages/{id}/cancel", { params: { path: { id: message.id } } });
      if (message.conversation_id !== null) {
        keepDraft(message.conversation_id, returnedDraft(request as api.ReplyRequest, message));
      }
      onDrop(message.id);
    } catch (error) {
      setTrouble(words(error));
    }
  }

  if (seconds <= 0) return <p className="delivery">Sending</p>;
  const text = `Sending in ${seconds} s`;
  return (
    <p className="delivery" role="status" aria-label={text}>
      <span aria-hidden="true">{text}</span>
      <button type="button" className="link" onClick={undo}>
        Undo
      </button>
      {trouble !== undefined && (
        <span className="trouble" role="alert">
          {trouble}
        </span>
      )}
    </p>
  );
}

interface FailedProps {
  readonly message: api.Message;
  readonly delivery: api.Delivery;
  readonly onPut: (message: api.Message) => void;
}

const HEADINGS: Record<string, string> = {
  failed: "This was not sent.",
  partial: "This was not sent to everybody.",
  unknown: "It is not known whether this arrived.",
  bounced: "This came back.",
};

function Failed({ message, delivery, onPut }: FailedProps) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const missed =
    delivery.state === "bounced" ? delivery.bounces : delivery.recipients.filter((one) => one.state !== "sent");
  const unknown = delivery.state === "unknown";

  async function retry() {
    setBusy(true);
    try {
      const params = { path: { id: message.id } };
      onPut(
        await postroom.post("/v1/messages/{id}/retry", { params, body: unknown ? { accept_duplicate: true } : {} }),
      );
    } catch (error) {
      setTrouble(words(error));
    }
    setBusy(false);
  }

  return (
    <div className="failed" role="alert">
      <p>
        <Icon of="warning" /> <strong>{HEADINGS[delivery.state] ?? "Something is wrong with this mail."}</strong>
      </p>
      <ul>
        {missed.map((one) => (
          <li key={one.address}>
            <span className="address">{one.address}</span> {one.error ?? delivery.error}
          </li>
        ))}
      </ul>
      {missed.length === 0 && delivery.error !== null && <p>{delivery.error}</p>}
      {delivery.state === "bounced" ? (
        <p>Write to another address.</p>
      ) : (
        <button type="button" disabled={busy} onClick={retry}>
          <Icon of="retry" /> {unknown ? "Send again; it may arrive twice" : "Try again"}
        </button>
      )}
      {trouble !== undefined && <p className="trouble">{trouble}</p>}
    </div>
  );
}
