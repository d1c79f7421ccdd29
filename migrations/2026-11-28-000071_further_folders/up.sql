-- Folders that are read beside the inbox and that of sent mail, by the names that people gave.
CREATE TABLE further_folders (
    workspace_id uuid NOT NULL,
    mailbox_id   uuid NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    -- What is in the folder from before is old; what comes to it later is news.
    named_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, mailbox_id, name),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id)
);
SELECT postroom_wall('further_folders');

-- What people call a folder; `name` is as the server writes it.
ALTER TABLE folders ADD COLUMN label text;
-- The walls hold for their owner as well, unless they are told not to.
ALTER TABLE folders NO FORCE ROW LEVEL SECURITY;
UPDATE folders SET label = name;
ALTER TABLE folders FORCE ROW LEVEL SECURITY;
ALTER TABLE folders ALTER COLUMN label SET NOT NULL;
