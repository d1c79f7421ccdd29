import { useEffect, useState } from "react";
import { postroom } from "../api";
import { useLive, useLiveState } from "../shared/live";

/** Says when what is shown may be old. */
export function Banner() {
  const live = useLiveState();
  const [lost, setLost] = useState(false);
  // While a new connection is tried the banner stays; the first one needs none.
  if (live.state === "waiting" && !lost) setLost(true);
  if (live.state === "live" && lost) setLost(false);
  // Another role sees other things: the session says which.
  useLive((message) => {
    if (message.kind === "reload" && message.reason === "role_changed") void postroom.session.resume();
  });
  useEffect(() => {
    // It is refused for good: renewing says whether somebody is signed in still, and what they may.
    if (live.state === "ended") postroom.session.resume().catch(() => undefined);
  }, [live.state]);
  if (!lost && live.state !== "ended") return null;
  const text =
    live.state === "ended"
      ? "Offline: reload the page to see what happens."
      : "Offline: what you see may be old. It catches up by itself.";
  return (
    <p className="banner" role="status" aria-label={text}>
      {text}
    </p>
  );
}
