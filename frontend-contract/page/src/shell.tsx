import { useEffect, useState } from "react";
import { type api, postroom } from "./api";
import { Banner } from "./session/banner";
import { MainNavigation } from "./session/navigation";
import { CountsProvider } from "./shared/counts";
import { useEscape } from "./shared/keyboard";
import { Live } from "./shared/live";
import { conversationOf, useAddress } from "./shared/router";
import { words } from "./shared/words";
import { Sidebar } from "./sidebar/sidebar";
import { Stream } from "./stream/stream";
import { ConversationWindow } from "./window/window";

/** The page's three sections. On narrow screens one of them at a time. */
export function Shell() {
  const [start, setStart] = useState<{ readonly counts: api.Counts; readonly after: number }>();
  const [trouble, setTrouble] = useState<string>();
  const id = conversationOf(useAddress());
  const [contactId, setContactId] = useState<string>();
  const [customerShown, showCustomer] = useState(false);
  const [shownId, setShownId] = useState(id);
  if (shownId !== id) {
    // Another conversation begins with its window.
    setShownId(id);
    showCustomer(false);
  }
  useEscape();

  useEffect(() => {
    // The first answer says from where to follow; whatever is loaded later is at least as new.
    postroom.answers.get("/v1/conversations/counts").then(
      ({ data, event }) => setStart({ counts: data, after: event ?? 0 }),
      (error) => setTrouble(words(error)),
    );
  }, []);

  if (trouble !== undefined) {
    return (
      <div className="alone" role="alert">
        <p>{trouble}</p>
      </div>
    );
  }
  if (start === undefined) return <div className="alone quiet" aria-busy="true" />;
  const pane = id === undefined ? "stream" : customerShown ? "customer" : "window";
  return (
    <Live after={start.after}>
      <CountsProvider first={start.counts}>
        <div className="shell" data-pane={pane}>
          <MainNavigation />
          <Banner />
          <Stream />
          <ConversationWindow
            key={id}
            id={id}
            onContact={setContactId}
            customerShown={customerShown}
            onCustomer={() => showCustomer(!customerShown)}
          />
          <Sidebar contactId={id === undefined ? undefined : contactId} onClose={() => showCustomer(false)} />
        </div>
      </CountsProvider>
    </Live>
  );
}
