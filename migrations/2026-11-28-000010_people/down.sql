DROP TABLE system_mail_queue;
DROP TABLE system_mails;
DROP TABLE password_reset_requests;
DROP TABLE account_links;
-- Nobody who has not accepted could ever sign in.
DROP INDEX users_everybody;
ALTER TABLE users DROP CONSTRAINT users_invited;
ALTER TABLE users DROP COLUMN invited;
