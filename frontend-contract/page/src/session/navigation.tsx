import { postroom } from "../api";
import { Avatar } from "../shared/avatar";
import { useCounts } from "../shared/counts";
import { Icon } from "../shared/icon";
import { useMe } from "../shared/me";
import { openConversation } from "../shared/router";
import { useTheme } from "../shared/theme";

export function MainNavigation() {
  const me = useMe();
  const counts = useCounts();
  const [theme, choose] = useTheme();
  const unread = (counts?.all ?? counts?.mine)?.unread ?? 0;
  const other = theme === "dark" ? "light" : "dark";
  return (
    <nav className="main-navigation" aria-label="Main">
      <a
        className="emblem"
        href="/"
        aria-label={unread > 0 ? `Conversations, ${unread} unread` : "Conversations"}
        title="Conversations"
        onClick={(event) => {
          event.preventDefault();
          openConversation(undefined);
        }}
      >
        <Icon of="chat" />
        {unread > 0 && (
          <span className="badge" aria-hidden="true">
            {unread > 99 ? "99+" : unread}
          </span>
        )}
      </a>
      <span className="stretch" />
      <button type="button" className="plain" title={`Make it ${other}`} onClick={() => choose(other)}>
        <Icon of={theme === "dark" ? "sun" : "moon"} name={`Make it ${other}`} />
      </button>
      <button type="button" className="plain" title="Sign out" onClick={() => postroom.session.signOut()}>
        <Icon of="leave" name="Sign out" />
      </button>
      <span className="signed-in" title={`${me.name}, ${me.email}`}>
        <Avatar name={me.name} url={me.avatar_url} />
      </span>
    </nav>
  );
}
