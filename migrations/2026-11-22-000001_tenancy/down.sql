DROP TABLE outbox_queue;
DROP TABLE mailbox_queue;
DROP TABLE signing_keys;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE sign_ins;
DROP TABLE workspaces;
