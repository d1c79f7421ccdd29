-- Threads and their messages. Bodies stand apart, so that lists don't read them; raw mail and attachments are blobs.

CREATE TABLE threads (
    workspace_id    uuid NOT NULL,
    id              uuid NOT NULL,
    -- The mailbox that its first message came to or left through.
    mailbox_id      uuid NOT NULL,
    -- The subject without Re:/Fwd:, folded (MAIL-10); '' where there is none.
    subject_key     text NOT NULL,
    -- Digest of the token in References of all that we send in this thread.
    token_digest    bytea CHECK (length(token_digest) = 32),
    first_message_at timestamptz NOT NULL,
    last_message_at timestamptz NOT NULL,
    -- Belongs to the same exchange, but must not be joined with it (MAIL-16).
    related_to      uuid,
    merged_into     uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id),
    FOREIGN KEY (workspace_id, related_to) REFERENCES threads (workspace_id, id),
    FOREIGN KEY (workspace_id, merged_into) REFERENCES threads (workspace_id, id)
);
CREATE INDEX threads_by_subject ON threads (workspace_id, mailbox_id, subject_key, last_message_at DESC)
    WHERE subject_key <> '' AND merged_into IS NULL;
CREATE UNIQUE INDEX threads_token ON threads (workspace_id, token_digest) WHERE token_digest IS NOT NULL;
CREATE INDEX threads_related ON threads (workspace_id, related_to) WHERE related_to IS NOT NULL;
CREATE INDEX threads_merged ON threads (workspace_id, merged_into) WHERE merged_into IS NOT NULL;

-- The external addresses that take part in a thread: who wrote to us in it, whom we wrote to, whom those copied in.
CREATE TABLE thread_parties (
    workspace_id uuid NOT NULL,
    thread_id    uuid NOT NULL,
    address      text NOT NULL,
    -- Only ever addressed in Bcc: known here, but nobody's default recipient, since nobody else may learn of them (RPL-2).
    hidden       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, thread_id, address),
    FOREIGN KEY (workspace_id, thread_id) REFERENCES threads (workspace_id, id)
);

-- Every Message-ID that was seen or named. Ingestion locks its own and those it names, in order, and then decides:
-- two mails of one thread that arrive at once can't split it.
CREATE TABLE message_refs (
    workspace_id uuid NOT NULL,
    message_id   text NOT NULL CHECK (length(message_id) BETWEEN 1 AND 998),
    thread_id    uuid,
    -- False while it was only named by others.
    seen         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, thread_id) REFERENCES threads (workspace_id, id)
);
CREATE INDEX message_refs_thread ON message_refs (workspace_id, thread_id);

CREATE TABLE messages (
    workspace_id      uuid NOT NULL,
    id                uuid NOT NULL,
    thread_id         uuid NOT NULL,
    -- The mailbox that it was first read from, or is sent through.
    mailbox_id        uuid NOT NULL,
    kind              text NOT NULL DEFAULT 'email' CHECK (kind IN ('email')),
    direction         text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    -- Whether Postroom itself issued it (SND-1), or read it from a folder.
    issued            boolean NOT NULL,
    rfc_message_id    text NOT NULL CHECK (length(rfc_message_id) BETWEEN 1 AND 998),
    -- MAIL-3; NULL on an issued one until its bytes are rendered.
    content_digest    bytea CHECK (length(content_digest) = 32),
    raw_sha256        bytea,
    subject           text NOT NULL,
    from_name         text,
    from_address      text NOT NULL,
    author_kind       text NOT NULL CHECK (author_kind IN ('user', 'contact', 'mailbox')),
    author_user_id    uuid,
    author_contact_id uuid,
    sent_at           timestamptz,
    received_at       timestamptz NOT NULL,
    preview           text NOT NULL,
    automatic         boolean NOT NULL DEFAULT false,
    has_attachments   boolean NOT NULL DEFAULT false,
    -- Brought by a backfill, a rescan or an import: no notification, not unread (CNV-10).
    imported          boolean NOT NULL DEFAULT false,
    variant_of        uuid,
    -- MAIL-11
    threading_rule    text NOT NULL CHECK (threading_rule IN ('reference', 'conversation_token', 'subject_and_party',
                                                              'new_thread', 'late_parent')),
    threading_matched text,
    sender_known      boolean NOT NULL,
    sender_verified   boolean NOT NULL,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, thread_id) REFERENCES threads (workspace_id, id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id),
    FOREIGN KEY (workspace_id, raw_sha256) REFERENCES blobs (workspace_id, sha256),
    FOREIGN KEY (workspace_id, author_user_id) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, author_contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, variant_of) REFERENCES messages (workspace_id, id),
    CHECK ((author_kind = 'user') = (author_user_id IS NOT NULL)),
    CHECK (author_kind = 'contact' OR author_contact_id IS NULL),
    CHECK (issued OR content_digest IS NOT NULL),
    CHECK (direction = 'outbound' OR NOT issued)
);
CREATE UNIQUE INDEX messages_once ON messages (workspace_id, rfc_message_id, content_digest);
CREATE UNIQUE INDEX messages_issued_once ON messages (workspace_id, rfc_message_id) WHERE issued;
CREATE INDEX messages_window ON messages (workspace_id, thread_id, received_at, id);
CREATE INDEX messages_mailbox ON messages (workspace_id, mailbox_id);
CREATE INDEX messages_raw ON messages (workspace_id, raw_sha256) WHERE raw_sha256 IS NOT NULL;
CREATE INDEX messages_author_user ON messages (workspace_id, author_user_id) WHERE author_user_id IS NOT NULL;
CREATE INDEX messages_author_contact ON messages (workspace_id, author_contact_id) WHERE author_contact_id IS NOT NULL;
CREATE INDEX messages_variants ON messages (workspace_id, variant_of) WHERE variant_of IS NOT NULL;

CREATE TABLE message_bodies (
    workspace_id uuid NOT NULL,
    message_id   uuid NOT NULL,
    -- The Message-IDs that its headers name, without <>.
    in_reply_to  text[] NOT NULL DEFAULT '{}',
    refs         text[] NOT NULL DEFAULT '{}',
    -- What was odd about it, for people.
    notices      jsonb NOT NULL DEFAULT '[]',
    text         text NOT NULL,
    -- Sanitised; cid: links as they came.
    html         text,
    segments     jsonb NOT NULL,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);

CREATE TABLE message_recipients (
    workspace_id uuid NOT NULL,
    message_id   uuid NOT NULL,
    field        text NOT NULL CHECK (field IN ('to', 'cc', 'bcc', 'reply_to')),
    position     integer NOT NULL,
    name         text,
    address      text NOT NULL,
    PRIMARY KEY (workspace_id, message_id, field, position),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);

CREATE TABLE attachments (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    -- NULL: uploaded and not used yet.
    message_id   uuid,
    uploaded_by  uuid,
    position     integer NOT NULL DEFAULT 0,
    filename     text,
    content_type text NOT NULL,
    size         bigint NOT NULL CHECK (size >= 0),
    sha256       bytea NOT NULL,
    content_id   text,
    is_inline    boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id),
    FOREIGN KEY (workspace_id, uploaded_by) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, sha256) REFERENCES blobs (workspace_id, sha256),
    CHECK (message_id IS NOT NULL OR uploaded_by IS NOT NULL)
);
CREATE INDEX attachments_message ON attachments (workspace_id, message_id, position);
CREATE INDEX attachments_uploader ON attachments (workspace_id, uploaded_by) WHERE uploaded_by IS NOT NULL;
CREATE INDEX attachments_blob ON attachments (workspace_id, sha256);

-- MAIL-12: what was read and did not become a message in the usual way.
CREATE TABLE intake (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    mailbox_id   uuid NOT NULL,
    folder_id    uuid,
    uid          bigint,
    reason       text NOT NULL CHECK (reason IN ('failed', 'unparseable', 'too_large', 'automatic', 'bounce',
                                                 'unmatched_bounce', 'loop', 'ignored_sender', 'variant')),
    detail       text NOT NULL DEFAULT '',
    raw_sha256   bytea,
    message_id   uuid,
    received_at  timestamptz NOT NULL,
    replayed_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id),
    FOREIGN KEY (workspace_id, folder_id) REFERENCES folders (workspace_id, id),
    FOREIGN KEY (workspace_id, raw_sha256) REFERENCES blobs (workspace_id, sha256),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX intake_mailbox ON intake (workspace_id, mailbox_id, id);
CREATE INDEX intake_folder ON intake (workspace_id, folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX intake_raw ON intake (workspace_id, raw_sha256) WHERE raw_sha256 IS NOT NULL;
CREATE INDEX intake_message ON intake (workspace_id, message_id) WHERE message_id IS NOT NULL;
