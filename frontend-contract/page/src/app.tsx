import { useEffect, useState } from "react";
import { type api, postroom } from "./api";
import { RequestAccess } from "./session/request-access";
import { SignIn } from "./session/sign-in";
import { MeContext } from "./shared/me";
import { words } from "./shared/words";
import { Shell } from "./shell";

/** Who was signed in before still is; else they sign in. */
export function App() {
  const [me, setMe] = useState<api.Me | "nobody" | "unknown">("unknown");
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    const end = postroom.session.onChange((who) => setMe(who ?? "nobody"));
    postroom.session.resume().then(
      (who) => setMe(who ?? "nobody"),
      (error) => setTrouble(words(error)),
    );
    return end;
  }, []);
  if (trouble !== undefined) {
    return (
      <div className="alone" role="alert">
        <p>{trouble}</p>
        <button type="button" className="primary" onClick={() => window.location.reload()}>
          Try again
        </button>
      </div>
    );
  }
  if (me === "unknown") return <div className="alone quiet" aria-busy="true" />;
  if (me === "nobody") return <SignIn />;
  return (
    <MeContext value={me}>
      {me.workspace.features.conversations === "enabled" ? <Shell key={`${me.id} ${me.role}`} /> : <RequestAccess />}
    </MeContext>
  );
}
