-- The global tables: what must be read before a workspace is known, and the workers' queues.
-- They are neither source nor target of foreign keys with a workspace's own tables.

CREATE TABLE workspaces (
    id                     uuid PRIMARY KEY,
    slug                   text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name                   text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- Unguessable part of the Message-IDs that this workspace issues.
    tag                    text NOT NULL UNIQUE CHECK (tag ~ '^[a-z0-9]{8,32}$'),
    -- CNV-1
    conversation_starts_on text NOT NULL DEFAULT 'reply' CHECK (conversation_starts_on IN ('reply', 'first_inbound')),
    -- RPL-5
    undo_send_seconds      smallint NOT NULL DEFAULT 10 CHECK (undo_send_seconds BETWEEN 0 AND 60),
    -- ACC-1
    conversations_feature  text NOT NULL DEFAULT 'disabled'
        CHECK (conversations_feature IN ('disabled', 'requested', 'enabled')),
    feature_requested_at   timestamptz,
    feature_requested_by   uuid,
    feature_request_note   text CHECK (length(feature_request_note) <= 2000),
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    CHECK ((feature_requested_at IS NULL) = (feature_requested_by IS NULL)),
    CHECK (conversations_feature <> 'requested' OR feature_requested_at IS NOT NULL)
);

-- Sign-in by address alone: which workspaces know it.
CREATE TABLE sign_ins (
    email        text NOT NULL CHECK (email = lower(email)),
    workspace_id uuid NOT NULL,
    user_id      uuid NOT NULL,
    PRIMARY KEY (email, workspace_id)
);

CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    user_id      uuid NOT NULL,
    -- Where the refresh token is kept: answered in the body, or set as a cookie.
    refresh_in   text NOT NULL CHECK (refresh_in IN ('body', 'cookie')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX sessions_user ON sessions (workspace_id, user_id) WHERE ended_at IS NULL;

-- One row per refresh token ever issued in a session ("family"); only digests are kept.
CREATE TABLE refresh_tokens (
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Ed25519 keys that sign access tokens. The private half is encrypted with the master key.
CREATE TABLE signing_keys (
    kid         text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_key  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);

-- The workers' queues. A row says only what is due when, and who holds it.
CREATE TABLE mailbox_queue (
    workspace_id uuid NOT NULL,
    mailbox_id   uuid NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),
    lease_token  uuid,
    leased_until timestamptz,
    PRIMARY KEY (workspace_id, mailbox_id),
    CHECK ((lease_token IS NULL) = (leased_until IS NULL))
);
CREATE INDEX mailbox_queue_due ON mailbox_queue (due_at);

CREATE TABLE outbox_queue (
    workspace_id uuid NOT NULL,
    message_id   uuid NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),
    lease_token  uuid,
    leased_until timestamptz,
    PRIMARY KEY (workspace_id, message_id),
    CHECK ((lease_token IS NULL) = (leased_until IS NULL))
);
CREATE INDEX outbox_queue_due ON outbox_queue (due_at);
