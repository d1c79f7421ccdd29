-- API keys: what programs come with. A key acts as its user, limited by its scope.

CREATE TABLE api_keys (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    user_id      uuid NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    scope        text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    -- The token's last characters, for people to tell keys apart.
    hint         text NOT NULL CHECK (length(hint) BETWEEN 1 AND 8),
    expires_at   timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    -- The row stays: the audit trail names it.
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);
CREATE INDEX api_keys_user ON api_keys (workspace_id, user_id, id);
SELECT postroom_wall('api_keys');

-- What a key is recognised by, read before anything of its workspace is: SHA-256 of the token, which itself is not kept.
-- The row goes when the key is revoked.
CREATE TABLE api_key_digests (
    digest       bytea PRIMARY KEY CHECK (length(digest) = 32),
    workspace_id uuid NOT NULL,
    key_id       uuid NOT NULL UNIQUE,
    -- As in api_keys; it never changes.
    expires_at   timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON api_key_digests TO postroom_app;
