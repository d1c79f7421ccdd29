import type { CardQuery, CardStore } from "@postroom/client";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { postroom } from "../api";
import { useLive } from "../shared/live";

type Filters = Pick<CardQuery, "view" | "status" | "sort">;

/** The cards of one set of filters, right for as long as they are shown. */
export function useCards({ view, status, sort }: Filters) {
  const store: CardStore = useMemo(() => postroom.cards({ view, status, sort }), [view, status, sort]);
  const list = useSyncExternalStore(store.subscribe, store.snapshot);
  const [failure, setFailure] = useState<unknown>();
  useLive((message) => {
    store.receive(message).catch(setFailure);
  });
  useEffect(() => {
    setFailure(undefined);
    store.load().catch(setFailure);
  }, [store]);
  return { store, list, failure, setFailure };
}
