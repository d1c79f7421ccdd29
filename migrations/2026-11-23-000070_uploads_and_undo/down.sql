DROP INDEX outbox_unwell;
DROP INDEX messages_written;
ALTER TABLE outbox DROP COLUMN may_have_left;
DROP INDEX attachments_unused;
ALTER TABLE attachments DROP COLUMN unused_since;
