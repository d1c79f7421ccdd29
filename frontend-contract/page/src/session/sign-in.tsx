import { isProblem } from "@postroom/client";
import { type FormEvent, useState } from "react";
import { postroom } from "../api";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";

const WORKSPACE = "postroom.workspace";

export function SignIn() {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const workspace = text("workspace");
    setBusy(true);
    setTrouble(undefined);
    try {
      await postroom.session.signIn({
        email: text("email"),
        password: String(form.get("password") ?? ""),
        ...(workspace === "" ? {} : { workspace }),
      });
      window.localStorage.setItem(WORKSPACE, workspace);
    } catch (error) {
      const wrong = isProblem(error, "invalid_credentials");
      setTrouble(wrong ? "Workspace, address and password don't belong together." : words(error));
      setBusy(false);
    }
  }

  return (
    <main className="alone" aria-label="Sign in">
      <form className="sign-in" onSubmit={signIn}>
        <span className="emblem">
          <Icon of="chat" />
        </span>
        <h1>Conversations</h1>
        <p className="quiet">Sign in to your team's post.</p>
        <label>
          Workspace
          <input
            name="workspace"
            autoComplete="organization"
            autoCapitalize="none"
            defaultValue={window.localStorage.getItem(WORKSPACE) ?? ""}
          />
        </label>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <Trouble of={trouble} />
        <button type="submit" className="primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
