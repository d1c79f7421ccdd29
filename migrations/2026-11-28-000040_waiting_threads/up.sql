-- Threads that wait for a reply (CNV-1): listed mailbox by mailbox, each an index walk.

ALTER TABLE threads
    -- No conversation yet. The transaction that makes one says so.
    ADD COLUMN waiting boolean NOT NULL DEFAULT true;
-- The walls hold for their owner as well, unless they are told not to.
ALTER TABLE threads NO FORCE ROW LEVEL SECURITY;
ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY;
UPDATE threads t SET waiting = false FROM conversations c
    WHERE c.workspace_id = t.workspace_id AND c.thread_id = t.id;
ALTER TABLE threads FORCE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
CREATE INDEX threads_waiting ON threads (workspace_id, mailbox_id, last_message_at, id)
    WHERE waiting AND merged_into IS NULL;
