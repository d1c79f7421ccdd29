import { useState } from "react";
import { postroom } from "../api";
import { Icon } from "../shared/icon";
import { useMe } from "../shared/me";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";

/** Shown where the workspace doesn't have Conversations: anybody may ask for them. */
export function RequestAccess() {
  const me = useMe();
  const [requested, setRequested] = useState(me.workspace.features.conversations === "requested");
  const [trouble, setTrouble] = useState<string>();

  async function request() {
    try {
      await postroom.post("/v1/workspace/feature-requests", { body: { feature: "conversations" } });
      setRequested(true);
    } catch (error) {
      setTrouble(words(error));
    }
  }

  return (
    <main className="alone" aria-label="Request access">
      <div className="sign-in">
        <span className="emblem">
          <Icon of="chat" />
        </span>
        <h1>Conversations</h1>
        <p>
          One place for your team to read and answer what customers write. {me.workspace.name} doesn't have it yet; it
          is a paid feature.
        </p>
        {requested ? (
          <p role="status" aria-label="Requested" className="good">
            <Icon of="check" /> Requested. You can work with it as soon as it is switched on.
          </p>
        ) : (
          <button type="button" className="primary" onClick={request}>
            Request access
          </button>
        )}
        <Trouble of={trouble} />
        <button type="button" className="plain" onClick={() => postroom.session.signOut()}>
          Sign out
        </button>
      </div>
    </main>
  );
}
