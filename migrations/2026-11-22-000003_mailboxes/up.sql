-- E-mail accounts that are read by IMAP and sent through by SMTP, and the folders' positions.

CREATE TABLE mailboxes (
    workspace_id           uuid NOT NULL,
    id                     uuid NOT NULL,
    address                text NOT NULL CHECK (address = lower(address) AND length(address) <= 254),
    display_name           text NOT NULL DEFAULT '',
    kind                   text NOT NULL CHECK (kind IN ('personal', 'shared')),
    -- Whose it is, where it is personal.
    user_id                uuid,
    -- CNV-2, where it is shared.
    default_owner_id       uuid,
    -- CNV-1 for this mailbox; NULL: as the workspace says.
    conversation_starts_on text CHECK (conversation_starts_on IN ('reply', 'first_inbound')),
    imap_host              text NOT NULL,
    imap_port              integer NOT NULL CHECK (imap_port BETWEEN 1 AND 65535),
    imap_security          text NOT NULL CHECK (imap_security IN ('tls', 'starttls', 'none')),
    imap_username          text NOT NULL,
    -- Sealed with the master key; the key's id stands in the sealed bytes.
    imap_secret            bytea NOT NULL,
    smtp_host              text NOT NULL,
    smtp_port              integer NOT NULL CHECK (smtp_port BETWEEN 1 AND 65535),
    smtp_security          text NOT NULL CHECK (smtp_security IN ('tls', 'starttls', 'none')),
    smtp_username          text NOT NULL,
    smtp_secret            bytea NOT NULL,
    -- MAIL-15: whose Authentication-Results are believed.
    authserv_id            text,
    -- SND-4
    sent_copy              text NOT NULL DEFAULT 'auto' CHECK (sent_copy IN ('auto', 'append', 'server')),
    backfill_days          integer NOT NULL DEFAULT 30 CHECK (backfill_days BETWEEN 0 AND 3650),
    -- Nothing older than this is read, also when a folder has to be scanned again.
    read_since             timestamptz NOT NULL,
    state                  text NOT NULL DEFAULT 'new'
        CHECK (state IN ('new', 'reading', 'failing', 'refused')),
    last_error             text,
    last_synced_at         timestamptz,
    -- Refused logins in a row; at 5 no further one is tried until the credentials change.
    login_refusals         integer NOT NULL DEFAULT 0,
    -- Changes with the credentials, so that a worker knows that it holds old ones.
    credentials_version    bigint NOT NULL DEFAULT 1,
    -- A deleted mailbox is deactivated: its messages and what is still to be sent stay.
    active                 boolean NOT NULL DEFAULT true,
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, default_owner_id) REFERENCES users (workspace_id, id),
    CHECK ((kind = 'personal') = (user_id IS NOT NULL)),
    CHECK (kind = 'shared' OR default_owner_id IS NULL)
);
CREATE UNIQUE INDEX mailboxes_address ON mailboxes (workspace_id, address) WHERE active;
CREATE INDEX mailboxes_user ON mailboxes (workspace_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX mailboxes_default_owner ON mailboxes (workspace_id, default_owner_id) WHERE default_owner_id IS NOT NULL;

-- MAIL-1. Two positions: everything from live_uid on is new mail; the backfill goes upward through the window below
-- backfill_end. Both move only together with the message that they pass.
CREATE TABLE folders (
    workspace_id   uuid NOT NULL,
    id             uuid NOT NULL,
    mailbox_id     uuid NOT NULL,
    -- As the server writes it (modified UTF-7).
    name           text NOT NULL,
    role           text NOT NULL CHECK (role IN ('inbox', 'sent', 'other')),
    uid_validity   bigint NOT NULL CHECK (uid_validity >= 0),
    -- The next UID to read of new mail.
    live_uid       bigint NOT NULL CHECK (live_uid >= 1),
    -- The next UID to read of the backfill.
    backfill_uid   bigint NOT NULL CHECK (backfill_uid >= 1),
    -- The backfill is done when backfill_uid has reached this.
    backfill_end   bigint NOT NULL CHECK (backfill_end >= 1),
    -- For people: how many messages the window had, and how many of them are read.
    backfill_total integer NOT NULL DEFAULT 0,
    backfill_done  integer NOT NULL DEFAULT 0,
    -- How often the message at the position has failed (MAIL-1: three times, then it is passed).
    failed_uid     bigint,
    failures       integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, mailbox_id, name),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id)
);
