-- People who are asked to join, the one-time links that are mailed to people, and these mails.

-- Asked to join and not there yet; active when they accept.
ALTER TABLE users ADD COLUMN invited boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD CONSTRAINT users_invited CHECK (NOT (invited AND active));
-- For who manages users: also those who are not active.
CREATE INDEX users_everybody ON users (workspace_id, name, id);

-- Who holds such a link may do one thing once. Only the digest of its token is kept. One of a kind for a user: a new
-- one makes the old one void. Global, since a link is looked up before its workspace is known.
CREATE TABLE account_links (
    digest       bytea PRIMARY KEY CHECK (length(digest) = 32),
    workspace_id uuid NOT NULL,
    user_id      uuid NOT NULL,
    purpose      text NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    UNIQUE (workspace_id, user_id, purpose)
);

-- Somebody says that they have forgotten their password. Whether there is such an account is looked up later, by a
-- worker: who asks learns nothing, also not by the time that it takes.
CREATE TABLE password_reset_requests (
    id         uuid PRIMARY KEY,
    email      text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
    -- The workspace's slug, where one was named.
    workspace  text CHECK (length(workspace) <= 63),
    -- Where the request came from, and the id under which it stands in the log.
    address    text,
    request_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX password_reset_requests_age ON password_reset_requests (created_at);

-- Mails of Postroom's own that have not left yet.
CREATE TABLE system_mails (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    -- Whom it is for.
    user_id      uuid NOT NULL,
    purpose      text NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    -- The link's token, sealed with the master key.
    token        bytea NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);
CREATE INDEX system_mails_user ON system_mails (workspace_id, user_id);
SELECT postroom_wall('system_mails');

CREATE TABLE system_mail_queue (
    workspace_id uuid NOT NULL,
    mail_id      uuid NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),
    lease_token  uuid,
    leased_until timestamptz,
    PRIMARY KEY (workspace_id, mail_id),
    CHECK ((lease_token IS NULL) = (leased_until IS NULL))
);
CREATE INDEX system_mail_queue_due ON system_mail_queue (due_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON account_links, password_reset_requests, system_mail_queue TO postroom_app;
