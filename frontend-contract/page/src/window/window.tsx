import { useEffect } from "react";
import { Editor } from "../editor/editor";
import { Icon } from "../shared/icon";
import { openConversation } from "../shared/router";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";
import { WindowHeader } from "./header";
import { MessageList } from "./message-list";
import { PresenceLine } from "./presence-line";
import { useConversation } from "./use-conversation";
import { useSeen } from "./use-seen";

interface WindowProps {
  readonly id: string | undefined;
  /** Tells whose sidebar is shown. */
  readonly onContact: (contactId: string | undefined) => void;
  readonly customerShown: boolean;
  readonly onCustomer: () => void;
}

export function ConversationWindow({ id, ...rest }: WindowProps) {
  return (
    <main className="window" aria-label="Conversation">
      {id === undefined ? (
        <p className="empty">
          <Icon of="chat" />
          Choose a conversation from the stream.
        </p>
      ) : (
        <Open id={id} {...rest} />
      )}
    </main>
  );
}

function Open({ id, onContact, customerShown, onCustomer }: WindowProps & { readonly id: string }) {
  const { state, failure, load, update, putMessage, dropMessage, readMessage, showOlder } = useConversation(id);
  const open = typeof state === "string" ? undefined : state;
  const contactId = open?.conversation.primary_contact.id;
  useSeen(id, open?.messages.at(-1)?.id);
  useEffect(() => onContact(contactId), [contactId, onContact]);

  if (state === "gone") {
    return (
      <div className="empty" role="status" aria-label="This conversation isn't there any more">
        This conversation isn't there any more, or not yours to see.
        <button type="button" className="primary" onClick={() => openConversation(undefined)}>
          Back to the stream
        </button>
      </div>
    );
  }
  return (
    <>
      {open !== undefined && (
        <WindowHeader
          conversation={open.conversation}
          onUpdate={update}
          customerShown={customerShown}
          onCustomer={onCustomer}
        />
      )}
      <Trouble of={failure === undefined ? undefined : words(failure)} onRetry={load} />
      {open === undefined ? (
        <div className="messages" aria-busy="true" />
      ) : (
        <MessageList open={open} onOlder={showOlder} onRead={readMessage} onPut={putMessage} onDrop={dropMessage} />
      )}
      <PresenceLine id={id} />
      {open !== undefined && <Editor open={open} onSent={putMessage} />}
    </>
  );
}
