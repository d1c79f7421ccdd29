DROP TABLE mailbox_grants;
ALTER TABLE mailboxes DROP CONSTRAINT mailboxes_secrets;
-- Without their grant these mailboxes have nothing to sign in with: an empty secret opens as none, and says so.
ALTER TABLE mailboxes NO FORCE ROW LEVEL SECURITY;
UPDATE mailboxes SET imap_secret = '', smtp_secret = '' WHERE imap_secret IS NULL;
ALTER TABLE mailboxes FORCE ROW LEVEL SECURITY;
ALTER TABLE mailboxes ALTER COLUMN imap_secret SET NOT NULL, ALTER COLUMN smtp_secret SET NOT NULL;
