import type { api } from "../api";
import { Avatar } from "../shared/avatar";
import { Icon } from "../shared/icon";
import { openConversation } from "../shared/router";
import { TypeIcon } from "../shared/type-icon";
import { OwnerPicker } from "./owner-picker";

interface HeaderProps {
  readonly conversation: api.Conversation;
  readonly onUpdate: (body: api.ConversationRequest) => void;
  readonly customerShown: boolean;
  readonly onCustomer: () => void;
}

export function WindowHeader({ conversation, onUpdate, customerShown, onCustomer }: HeaderProps) {
  const { primary_contact: contact, status, can } = conversation;
  const open = status === "open";
  const name = contact.name || contact.email || "Unknown";
  return (
    <header className="window-header">
      <button type="button" className="plain only-narrow" onClick={() => openConversation(undefined)}>
        <Icon of="back" name="Back to the stream" />
      </button>
      <Avatar name={name} url={contact.avatar_url} />
      <div className="titles">
        <h2>{conversation.subject || "(no subject)"}</h2>
        <p>
          <TypeIcon type={conversation.type} />
          <span className="with">{name}</span>
          {contact.email !== null && contact.email !== name && <span className="address">{contact.email}</span>}
          <span className="number">#{conversation.number}</span>
        </p>
      </div>
      <button
        type="button"
        className="status"
        data-status={status}
        disabled={!can.change_status}
        aria-description={open ? "click to close" : "click to open again"}
        title={open ? "Click to close" : "Click to open again"}
        onClick={() => onUpdate({ status: open ? "closed" : "open" })}
      >
        {open ? "Open" : "Closed"}
      </button>
      <OwnerPicker
        owner={conversation.owner}
        disabled={!can.change_owner}
        onChoose={(ownerId) => onUpdate({ owner_id: ownerId })}
      />
      <button type="button" className="plain show-customer" aria-pressed={customerShown} onClick={onCustomer}>
        <Icon of="person" name="Customer" />
      </button>
    </header>
  );
}
