import { Fragment, useLayoutEffect, useRef } from "react";
import type { api } from "../api";
import { dayName, sameDay, useNow } from "../shared/time";
import { MessageItem } from "./message";
import type { OpenConversation } from "./use-conversation";

interface MessageListProps {
  readonly open: OpenConversation;
  readonly onOlder: () => void;
  readonly onRead: (messageId: string) => void;
  readonly onPut: (message: api.Message) => void;
  readonly onDrop: (messageId: string) => void;
}

/** The back and forth, oldest first. */
export function MessageList({ open, onOlder, onRead, onPut, onDrop }: MessageListProps) {
  const now = useNow();
  const { box, content } = useBottom(open.messages.at(-1)?.id);
  return (
    <div className="messages" ref={box}>
      <div ref={content}>
        {open.older !== null && (
          <button type="button" className="more" onClick={onOlder}>
            Show older messages
          </button>
        )}
        <ol aria-label="Messages">
          {open.messages.map((message, index) => {
            const before = open.messages[index - 1];
            const newDay =
              before === undefined || !sameDay(new Date(before.received_at), new Date(message.received_at));
            return (
              <Fragment key={message.id}>
                {newDay && (
                  <li className="day" aria-hidden="true">
                    {dayName(message.received_at, now)}
                  </li>
                )}
                <li>
                  <MessageItem message={message} onRead={onRead} onPut={onPut} onDrop={onDrop} />
                </li>
              </Fragment>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

/** Stays at the bottom while what is shown grows, unless somebody has scrolled up; a new message goes there again. */
function useBottom(lastId: string | undefined) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  useLayoutEffect(() => {
    const scroller = box.current;
    if (scroller === null || content.current === null) return;
    const toBottom = () => {
      if (sticks.current) scroller.scrollTop = scroller.scrollHeight;
    };
    let before = scroller.scrollTop;
    const look = () => {
      // Only a hand scrolls up: what grows leaves the place as it is, or brings it further down.
      if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60) sticks.current = true;
      else if (scroller.scrollTop < before) sticks.current = false;
      before = scroller.scrollTop;
    };
    const grows = new ResizeObserver(toBottom);
    grows.observe(content.current);
    grows.observe(scroller);
    scroller.addEventListener("scroll", look, { passive: true });
    return () => {
      grows.disconnect();
      scroller.removeEventListener("scroll", look);
    };
  }, []);
  useLayoutEffect(() => {
    if (lastId === undefined || box.current === null) return;
    sticks.current = true;
    box.current.scrollTop = box.current.scrollHeight;
  }, [lastId]);
  return { box, content };
}
