-- What a workspace's bytes and numbers hang on, and its users.

-- Events' and conversations' numbers come from this one row, taken as a transaction's last lock.
CREATE TABLE workspace_counters (
    workspace_id    uuid PRIMARY KEY,
    event_no        bigint NOT NULL DEFAULT 0,
    conversation_no bigint NOT NULL DEFAULT 0
);

-- Every object in the blob store. The row is committed before the object is written, so that no object is unknown.
CREATE TABLE blobs (
    workspace_id uuid NOT NULL,
    sha256       bytea NOT NULL CHECK (length(sha256) = 32),
    size         bigint NOT NULL CHECK (size >= 0),
    touched_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, sha256)
);
CREATE INDEX blobs_touched ON blobs (workspace_id, touched_at);

CREATE TABLE users (
    workspace_id      uuid NOT NULL,
    id                uuid NOT NULL,
    email             text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
    name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    role              text NOT NULL CHECK (role IN ('owner', 'administrator', 'manager', 'team_member')),
    active            boolean NOT NULL DEFAULT true,
    -- NULL until an invitation is accepted.
    password_hash     text,
    signature_html    text NOT NULL DEFAULT '',
    signature_enabled boolean NOT NULL DEFAULT true,
    time_zone         text NOT NULL DEFAULT 'UTC',
    avatar_sha256     bytea,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email),
    FOREIGN KEY (workspace_id, avatar_sha256) REFERENCES blobs (workspace_id, sha256),
    CHECK (role <> 'owner' OR active)
);
CREATE INDEX users_avatar ON users (workspace_id, avatar_sha256) WHERE avatar_sha256 IS NOT NULL;
CREATE UNIQUE INDEX users_one_owner ON users (workspace_id) WHERE role = 'owner';
CREATE INDEX users_by_name ON users (workspace_id, name, id) WHERE active;
