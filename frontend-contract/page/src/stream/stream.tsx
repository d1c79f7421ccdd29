import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type api, postroom } from "../api";
import { conversationOf, useAddress } from "../shared/router";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";
import { StreamCard } from "./card";
import { FilterBar, useFilters } from "./filters";
import { useCards } from "./use-cards";

/** The conversations stream: filters, and cards that come and go by themselves. */
export function Stream() {
  const filters = useFilters();
  const { store, list, failure, setFailure } = useCards(filters);
  const active = conversationOf(useAddress());
  const [busy, setBusy] = useState(false);
  const cards = useRef<HTMLUListElement>(null);

  async function more() {
    setBusy(true);
    await store.more().catch(setFailure);
    setBusy(false);
  }

  async function close(card: api.Card) {
    try {
      const path = { id: card.id };
      store.show(await postroom.patch("/v1/conversations/{id}", { params: { path }, body: { status: "closed" } }));
    } catch (error) {
      setFailure(error);
    }
  }

  return (
    <section className="stream" aria-label="Stream">
      <FilterBar {...filters} />
      <Trouble
        of={failure === undefined ? undefined : words(failure)}
        onRetry={() => store.load().then(() => setFailure(undefined), setFailure)}
      />
      <ul ref={cards} className="cards" aria-label="Conversations" aria-busy={list === undefined} onKeyDown={moveFocus}>
        {list?.cards.map((card) => (
          <StreamCard key={card.id} card={card} active={card.id === active} onClose={close} />
        ))}
      </ul>
      {list?.cards.length === 0 && <p className="empty">Nothing here. Enjoy the quiet.</p>}
      {list?.nextCursor != null && <ShowMore busy={busy} onMore={more} />}
    </section>
  );
}

/** The next page: by the button, and by itself where it comes into sight. */
function ShowMore({ busy, onMore }: { readonly busy: boolean; readonly onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const ask = useRef(onMore);
  ask.current = onMore;
  useEffect(() => {
    if (busy || button.current === null) return;
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) ask.current();
    });
    seen.observe(button.current);
    return () => seen.disconnect();
  }, [busy]);
  return (
    <button ref={button} type="button" className="more" disabled={busy} onClick={onMore}>
      Show more
    </button>
  );
}

const STEPS: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

/** Arrow keys, and j and k, go from card to card. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const step = STEPS[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>("a")];
  const at = links.findIndex((link) => link.closest("li")?.contains(document.activeElement));
  const next = links[at + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
