-- A thread that the team works on. The row holds all that a card of the stream shows, but for the names of the primary
-- contact and the owner; the transaction that writes a message keeps it.

CREATE TABLE conversations (
    workspace_id           uuid NOT NULL,
    id                     uuid NOT NULL,
    -- CNV-9
    number                 bigint NOT NULL,
    thread_id              uuid NOT NULL,
    mailbox_id             uuid NOT NULL,
    subject                text NOT NULL,
    status                 text NOT NULL CHECK (status IN ('open', 'closed')),
    closed_at              timestamptz,
    owner_id               uuid NOT NULL,
    primary_contact_id     uuid NOT NULL,
    -- CNV-7
    unread                 boolean NOT NULL,
    unseen_replies         integer NOT NULL DEFAULT 0 CHECK (unseen_replies >= 0),
    -- The last message that was shown to somebody who opened it, by its place in time.
    seen_at                timestamptz,
    seen_message_id        uuid,
    -- CNV-6
    last_activity_at       timestamptz NOT NULL,
    message_count          integer NOT NULL,
    has_attachments        boolean NOT NULL,
    last_message_id        uuid NOT NULL,
    last_message_direction text NOT NULL CHECK (last_message_direction IN ('inbound', 'outbound')),
    last_message_automatic boolean NOT NULL,
    last_message_preview   text NOT NULL,
    last_message_at        timestamptz NOT NULL,
    last_sender_kind       text NOT NULL CHECK (last_sender_kind IN ('user', 'contact', 'mailbox')),
    last_sender_id         uuid,
    last_sender_name       text NOT NULL,
    last_sender_address    text NOT NULL,
    merged_into            uuid,
    -- Edits of status, owner and primary contact; new mail and opening make nobody's save stale.
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, number),
    UNIQUE (workspace_id, thread_id),
    FOREIGN KEY (workspace_id, thread_id) REFERENCES threads (workspace_id, id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, primary_contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, last_message_id) REFERENCES messages (workspace_id, id),
    FOREIGN KEY (workspace_id, merged_into) REFERENCES conversations (workspace_id, id),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((seen_at IS NULL) = (seen_message_id IS NULL))
);
-- The stream (STR-1): an index walk for every combination of view and status, in both directions.
CREATE INDEX stream_all_status ON conversations (workspace_id, status, last_activity_at, id) WHERE merged_into IS NULL;
CREATE INDEX stream_all ON conversations (workspace_id, last_activity_at, id) WHERE merged_into IS NULL;
CREATE INDEX stream_mine_status ON conversations (workspace_id, owner_id, status, last_activity_at, id)
    WHERE merged_into IS NULL;
CREATE INDEX stream_mine ON conversations (workspace_id, owner_id, last_activity_at, id) WHERE merged_into IS NULL;
-- The navigation badge (STR-4).
CREATE INDEX conversations_unread ON conversations (workspace_id, owner_id) WHERE unread AND merged_into IS NULL;
CREATE INDEX conversations_contact ON conversations (workspace_id, primary_contact_id);
CREATE INDEX conversations_mailbox ON conversations (workspace_id, mailbox_id);
CREATE INDEX conversations_last_message ON conversations (workspace_id, last_message_id);
CREATE INDEX conversations_merged ON conversations (workspace_id, merged_into) WHERE merged_into IS NOT NULL;
