-- MAIL-13: when mails alike came to a mailbox lately, so that a loop is found by one look at one row.

CREATE TABLE mail_bursts (
    workspace_id uuid NOT NULL,
    mailbox_id   uuid NOT NULL,
    -- Digest of the sender and of what makes the mails alike.
    likeness     bytea NOT NULL CHECK (length(likeness) = 32),
    -- When the last ones came, in the order of their reading; the domain keeps them few.
    times        timestamptz[] NOT NULL DEFAULT '{}',
    -- When the last one was read: for deleting what has served its time.
    seen_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, mailbox_id, likeness),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id)
);
CREATE INDEX mail_bursts_seen ON mail_bursts (workspace_id, seen_at);
SELECT postroom_wall('mail_bursts');
