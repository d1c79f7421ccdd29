-- What changed, in the order of the commits, and the answers that were given under an idempotency key.

CREATE TABLE events (
    workspace_id    uuid NOT NULL,
    -- 1, 2, 3, … without gaps.
    number          bigint NOT NULL,
    type            text NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    -- NULL: the system (mail that came in, delivery).
    actor_user_id   uuid,
    conversation_id uuid,
    -- The thing that changed, where it is no conversation.
    subject_id      uuid,
    -- Who may see it is decided at delivery; these say whose it was before and after.
    owner_before    uuid,
    owner_after     uuid,
    data            jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (workspace_id, number)
);
CREATE INDEX events_by_time ON events (workspace_id, at);
CREATE INDEX events_by_conversation ON events (workspace_id, conversation_id, number) WHERE conversation_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL,
    user_id      uuid NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 over method, path and body.
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),
    status       smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    location     text,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id, key),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (workspace_id, created_at);
