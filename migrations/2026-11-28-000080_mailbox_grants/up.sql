-- Mailboxes that sign in through their provider (OAuth 2) instead of with passwords.

ALTER TABLE mailboxes
    ALTER COLUMN imap_secret DROP NOT NULL,
    ALTER COLUMN smtp_secret DROP NOT NULL,
    -- Both, or none and a row in mailbox_grants.
    ADD CONSTRAINT mailboxes_secrets CHECK ((imap_secret IS NULL) = (smtp_secret IS NULL));

CREATE TABLE mailbox_grants (
    workspace_id  uuid NOT NULL,
    mailbox_id    uuid NOT NULL,
    -- The operator's name for it.
    provider      text NOT NULL,
    -- Both sealed with the master key.
    refresh_token bytea NOT NULL,
    access_token  bytea,
    -- Counts the access tokens.
    number        bigint NOT NULL DEFAULT 1,
    -- The next access token is asked for from then on.
    renew_at      timestamptz,
    expires_at    timestamptz,
    -- Who asks the provider now, and how long the others wait for them.
    asking_token  uuid,
    asking_until  timestamptz,
    -- Asked in vain so often in a row; not again before retry_at.
    failures      integer NOT NULL DEFAULT 0,
    retry_at      timestamptz,
    fault         text CHECK (fault IN ('unavailable', 'registration')),
    -- The provider has ended it: somebody has to sign in again.
    revoked       boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, mailbox_id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id)
);
SELECT postroom_wall('mailbox_grants');
