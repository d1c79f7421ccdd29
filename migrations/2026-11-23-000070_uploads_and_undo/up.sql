-- Files that were uploaded and are not used yet, and what has to be known of a mail to take it back or send it again.

-- From here the day counts after which an unused file is removed; a mail that is taken back gives its files another one.
ALTER TABLE attachments ADD COLUMN unused_since timestamptz;
-- The walls hold for their owner as well, unless they are told not to.
ALTER TABLE attachments NO FORCE ROW LEVEL SECURITY;
UPDATE attachments SET unused_since = created_at WHERE message_id IS NULL;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
ALTER TABLE attachments ADD CHECK ((message_id IS NULL) = (unused_since IS NOT NULL));
CREATE INDEX attachments_unused ON attachments (workspace_id, unused_since) WHERE message_id IS NULL;

ALTER TABLE outbox
    -- Sent again although it may have reached somebody: it can't be taken back any more.
    ADD COLUMN may_have_left boolean NOT NULL DEFAULT false;

-- "What have I sent, and what of it is not well": newest first.
CREATE INDEX messages_written ON messages (workspace_id, author_user_id, received_at DESC, id DESC) WHERE issued;
CREATE INDEX outbox_unwell ON outbox (workspace_id, state) WHERE state <> 'sent';
