/** One live stream for the whole page: each part is told of each message, and looks for what is its own. */
import type { LiveMessage, LiveState } from "@postroom/client";
import { createContext, type ReactNode, useContext, useEffect, useEffectEvent, useState } from "react";
import { postroom } from "../api";

type Listener = (message: LiveMessage) => void;

const Listeners = createContext<Set<Listener>>(new Set());
const State = createContext<LiveState>({ state: "connecting" });

/** Tells of each message as long as the part is shown. */
export function useLive(listener: Listener): void {
  const listeners = useContext(Listeners);
  const tell = useEffectEvent(listener);
  useEffect(() => {
    const told: Listener = (message) => tell(message);
    listeners.add(told);
    return () => {
      listeners.delete(told);
    };
  }, [listeners]);
}

export function useLiveState(): LiveState {
  return useContext(State);
}

interface LiveProps {
  /** Behind which event to follow: nothing that is loaded later is older. */
  readonly after: number;
  readonly children: ReactNode;
}

export function Live({ after, children }: LiveProps) {
  const [listeners] = useState(() => new Set<Listener>());
  const [state, setState] = useState<LiveState>({ state: "connecting" });
  useEffect(() => {
    const end = new AbortController();
    const follow = async () => {
      for await (const message of postroom.follow({ after, signal: end.signal, onState: setState })) {
        for (const listener of listeners) listener(message);
      }
    };
    // It throws where nothing can be followed any more: whoever signed out is told by the session.
    follow().catch(() => setState({ state: "ended" }));
    return () => end.abort();
  }, [after, listeners]);
  return (
    <Listeners value={listeners}>
      <State value={state}>{children}</State>
    </Listeners>
  );
}
