import type { MouseEvent } from "react";
import type { api } from "../api";
import { Avatar } from "../shared/avatar";
import { Icon } from "../shared/icon";
import { useMe } from "../shared/me";
import { openConversation, pathOf } from "../shared/router";
import { TypeIcon } from "../shared/type-icon";
import { When } from "../shared/when";

interface StreamCardProps {
  readonly card: api.Card;
  readonly active: boolean;
  readonly onClose: (card: api.Card) => void;
}

export function StreamCard({ card, active, onClose }: StreamCardProps) {
  const me = useMe();
  const subject = card.subject || "(no subject)";
  const contact = card.primary_contact.name || card.primary_contact.email || "Unknown";
  const { last_message: last } = card;

  function open(event: MouseEvent) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    openConversation(card.id);
  }

  return (
    <li className="card" data-active={active} data-unread={card.unread}>
      <span className="faces">
        <Avatar name={contact} url={card.primary_contact.avatar_url} />
        <span className="kind">
          <TypeIcon type={card.type} />
        </span>
      </span>
      <div className="lines">
        <div className="line">
          <span className="contact">{contact}</span>
          <span className="since">
            {card.unread && <span className="unread" role="img" aria-label="Unread" />}
            <When time={last.sent_at} />
          </span>
        </div>
        <a
          className="subject"
          href={pathOf(card.id)}
          onClick={open}
          aria-current={active ? "page" : undefined}
          aria-label={`${subject}, ${contact}${card.unread ? ", unread" : ""}`}
        >
          {subject}
        </a>
        <p className="preview">{last.preview}</p>
        <p className="last">
          <Icon
            of={last.direction === "inbound" ? "received" : "sent"}
            name={last.direction === "inbound" ? "Received" : "Sent"}
          />
          <span>{last.sender.id === me.id ? "You" : last.sender.name}</span>
          {!card.unread && card.unseen_replies > 0 && <span className="tag new">{card.unseen_replies} new</span>}
          {card.status === "closed" && <span className="tag">Closed</span>}
        </p>
      </div>
      {card.status === "open" && (
        <button type="button" className="close-card" title="Close" onClick={() => onClose(card)}>
          <Icon of="check" name={`Close ${subject}`} />
        </button>
      )}
    </li>
  );
}
