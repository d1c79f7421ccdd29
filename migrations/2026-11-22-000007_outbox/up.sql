-- What is to be sent, and how it fares (SND-1 to SND-4).

CREATE TABLE outbox (
    workspace_id     uuid NOT NULL,
    message_id       uuid NOT NULL,
    mailbox_id       uuid NOT NULL,
    state            text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'partial', 'failed', 'unknown', 'bounced')),
    -- The request as it came, for the editor when the mail is taken back.
    request          jsonb NOT NULL,
    -- RPL-5: not sent before this.
    cancel_until     timestamptz,
    attempts         integer NOT NULL DEFAULT 0,
    -- From here the day counts after which it is given up (SND-2).
    first_attempt_at timestamptz,
    next_attempt_at  timestamptz,
    -- SND-3: every attempt sends these same bytes.
    rendered_sha256  bytea,
    -- The lease under which the running attempt was begun, and when it began to send the body. Not NULL without a
    -- recorded answer means: it may have been sent.
    attempt_token    uuid,
    data_started_at  timestamptz,
    -- Why it is not well, for people.
    error            text,
    -- SND-4: the Sent folder has it.
    sent_copy_at     timestamptz,
    finished_at      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id),
    FOREIGN KEY (workspace_id, mailbox_id) REFERENCES mailboxes (workspace_id, id),
    FOREIGN KEY (workspace_id, rendered_sha256) REFERENCES blobs (workspace_id, sha256),
    CHECK (state <> 'sending' OR attempt_token IS NOT NULL)
);
CREATE INDEX outbox_mailbox ON outbox (workspace_id, mailbox_id);
CREATE INDEX outbox_rendered ON outbox (workspace_id, rendered_sha256) WHERE rendered_sha256 IS NOT NULL;

CREATE TABLE delivery_recipients (
    workspace_id uuid NOT NULL,
    message_id   uuid NOT NULL,
    address      text NOT NULL,
    state        text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'bounced')),
    -- The server's answer: its reply code, and its words.
    code         integer,
    error        text,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, message_id, address),
    FOREIGN KEY (workspace_id, message_id) REFERENCES outbox (workspace_id, message_id)
);
