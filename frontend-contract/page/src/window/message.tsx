import { useState } from "react";
import type { api } from "../api";
import { Avatar } from "../shared/avatar";
import { clockTime, fullTime } from "../shared/time";
import { Attachments } from "./attachments";
import { DeliveryNote } from "./delivery-note";
import { holdsPictures, MailBody, parts } from "./mail-body";

interface MessageItemProps {
  readonly message: api.Message;
  /** Its links have expired: it is read anew. */
  readonly onRead: (messageId: string) => void;
  readonly onPut: (message: api.Message) => void;
  readonly onDrop: (messageId: string) => void;
}

/** One mail: users' on the right, others' on the left. */
export function MessageItem({ message, onRead, onPut, onDrop }: MessageItemProps) {
  const [pictures, showPictures] = useState(false);
  const side = message.side === "internal" ? "right" : "left";
  const { author } = message;
  const name = author.name || author.email;
  return (
    <article className="message" data-side={side} aria-label={`${name}, ${fullTime(message.received_at)}`}>
      <Avatar name={name} url={author.avatar_url} />
      <div className="bubble">
        <header>
          <strong>{name}</strong>
          {message.automatic && <span className="tag">Automatic</span>}
          <time dateTime={message.received_at} title={fullTime(message.received_at)}>
            {clockTime(message.received_at)}
          </time>
        </header>
        <p className="recipients">{recipients(message)}</p>
        {!message.threading.sender_verified && !message.threading.sender_known && side === "left" && (
          <p className="caution">This sender is new here, and not proven to be who they say.</p>
        )}
        {message.notices.map((notice) => (
          <p key={notice} className="caution">
            {notice}
          </p>
        ))}
        {parts(message).map((part, index) => (
          <MailBody
            // biome-ignore lint/suspicious/noArrayIndexKey: a message's parts stay where they are
            key={index}
            part={part}
            title={`Message of ${name}`}
            pictures={pictures}
            onBroken={() => onRead(message.id)}
          />
        ))}
        {!pictures && holdsPictures(message) && (
          <button type="button" className="fold" onClick={() => showPictures(true)}>
            Show pictures
          </button>
        )}
        <Attachments attachments={message.attachments} />
        <DeliveryNote message={message} onPut={onPut} onDrop={onDrop} />
      </div>
    </article>
  );
}

function recipients({ to, cc, bcc }: api.Message): string {
  const names = (addresses: readonly api.MailAddress[]) => addresses.map((one) => one.name ?? one.address).join(", ");
  return [
    to.length > 0 ? `to ${names(to)}` : "",
    cc.length > 0 ? `cc ${names(cc)}` : "",
    bcc.length > 0 ? `bcc ${names(bcc)}` : "",
  ]
    .filter((part) => part !== "")
    .join(" · ");
}
