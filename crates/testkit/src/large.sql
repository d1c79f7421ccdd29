-- A workspace that has been at work for years: $CONVERSATIONS conversations, a tenth as many contacts, 19 users beside the
-- owner. Made with references unchecked (they hold by construction), and in the order of ids, while activity is shuffled:
-- a page of the stream lies all over the table, as it does in life. Conversation 1 has 30 messages. The first 1,001 can be
-- opened and answered; of the others there is what the stream shows.

SET session_replication_role = replica;

CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (kind || lpad(to_hex(n), 6, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
-- When conversation n was last active: every minute of the past has one, in no order.
CREATE FUNCTION pg_temp.active(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT timestamptz '2026-01-01' - ((n * 7919) % $CONVERSATIONS) * interval '1 minute' $$;

CREATE TEMP TABLE here AS
    SELECT w.id AS workspace_id, u.id AS owner_id FROM workspaces w JOIN users u ON u.workspace_id = w.id AND u.role = 'owner'
    WHERE w.slug = '$SLUG';
CREATE TEMP TABLE team AS
    SELECT seat, CASE seat WHEN 0 THEN (SELECT owner_id FROM here) ELSE pg_temp.id('a0', seat) END AS id
    FROM generate_series(0, 19) AS seat;

INSERT INTO users (workspace_id, id, email, name, role)
    SELECT workspace_id, id, 'member' || seat || '@large.example', 'Member ' || seat, 'team_member'
    FROM here, team WHERE seat > 0;
INSERT INTO mailboxes (workspace_id, id, address, kind, imap_host, imap_port, imap_security, imap_username, imap_secret,
                       smtp_host, smtp_port, smtp_security, smtp_username, smtp_secret, read_since)
    SELECT workspace_id, pg_temp.id('b0', 1), 'support@large.example', 'shared', 'mail.large.example', 993, 'tls', 'support', '',
           'mail.large.example', 587, 'starttls', 'support', '', timestamptz '2020-01-01' FROM here;
INSERT INTO contacts (workspace_id, id, first_name, last_name, owner_id)
    SELECT workspace_id, pg_temp.id('c0', n), 'Given' || n, 'Family' || n % 997, owner_id
    FROM here, generate_series(0, $CONVERSATIONS / 10) AS n;
INSERT INTO contact_emails (workspace_id, id, contact_id, address, is_primary)
    SELECT workspace_id, pg_temp.id('d0', n), pg_temp.id('c0', n), 'person' || n || '@customer' || n % 100 || '.example', true
    FROM here, generate_series(0, $CONVERSATIONS / 10) AS n;
INSERT INTO threads (workspace_id, id, mailbox_id, subject_key, first_message_at, last_message_at, waiting)
    SELECT workspace_id, pg_temp.id('e0', n), pg_temp.id('b0', 1), 'question ' || n, pg_temp.active(n), pg_temp.active(n), false
    FROM here, generate_series(1, $CONVERSATIONS) AS n;
INSERT INTO thread_parties (workspace_id, thread_id, address)
    SELECT workspace_id, pg_temp.id('e0', n), 'person' || n / 10 || '@customer' || (n / 10) % 100 || '.example'
    FROM here, generate_series(1, $CONVERSATIONS) AS n;
INSERT INTO messages (workspace_id, id, thread_id, mailbox_id, direction, issued, rfc_message_id, content_digest, subject,
                      from_name, from_address, author_kind, author_contact_id, sent_at, received_at, preview, threading_rule,
                      sender_known, sender_verified)
    SELECT workspace_id, pg_temp.id('f0', n), pg_temp.id('e0', n), pg_temp.id('b0', 1), 'inbound', false, n || '@large.example',
           decode(lpad(to_hex(n), 64, '0'), 'hex'), 'Question ' || n, 'Given' || n / 10 || ' Family',
           'person' || n / 10 || '@customer' || (n / 10) % 100 || '.example', 'contact', pg_temp.id('c0', n / 10),
           pg_temp.active(n), pg_temp.active(n), $PREVIEW, 'new_thread', true, true
    FROM here, generate_series(1, $CONVERSATIONS) AS n;
-- The long one.
INSERT INTO messages (workspace_id, id, thread_id, mailbox_id, direction, issued, rfc_message_id, content_digest, subject,
                      from_name, from_address, author_kind, author_contact_id, sent_at, received_at, preview, threading_rule,
                      sender_known, sender_verified)
    SELECT workspace_id, pg_temp.id('f1', n), pg_temp.id('e0', 1), pg_temp.id('b0', 1), 'inbound', false, n || '.long@large.example',
           decode(lpad(to_hex(n), 64, 'f'), 'hex'), 'Question 1', 'Given0 Family', 'person0@customer0.example', 'contact',
           pg_temp.id('c0', 0), pg_temp.active(1) - n * interval '1 minute', pg_temp.active(1) - n * interval '1 minute',
           $PREVIEW, 'reference', true, true
    FROM here, generate_series(1, 29) AS n;
INSERT INTO message_bodies (workspace_id, message_id, text, html, segments)
    SELECT workspace_id, id, repeat($PREVIEW || E'\n', 10), '<p>' || repeat($PREVIEW || '<br>', 10) || '</p>',
           jsonb_build_array(jsonb_build_object('kind', 'new', 'text', repeat($PREVIEW || E'\n', 10),
                                                'html', '<p>' || repeat($PREVIEW || '<br>', 10) || '</p>'))
    FROM messages WHERE thread_id <= pg_temp.id('e0', 1001);
INSERT INTO message_recipients (workspace_id, message_id, field, position, name, address)
    SELECT workspace_id, id, 'to', 0, 'Support', 'support@large.example' FROM messages
    WHERE thread_id <= pg_temp.id('e0', 1001);
INSERT INTO conversations (workspace_id, id, number, thread_id, mailbox_id, subject, status, closed_at, owner_id,
                           primary_contact_id, unread, last_activity_at, message_count, has_attachments, last_message_id,
                           last_message_direction, last_message_automatic, last_message_preview, last_message_at,
                           last_sender_kind, last_sender_id, last_sender_name, last_sender_address)
    SELECT workspace_id, pg_temp.id('e1', n), n, pg_temp.id('e0', n), pg_temp.id('b0', 1), 'Question ' || n,
           CASE WHEN n % 3 = 0 THEN 'closed' ELSE 'open' END, CASE WHEN n % 3 = 0 THEN pg_temp.active(n) END,
           team.id, pg_temp.id('c0', n / 10), n % 50 = 0, pg_temp.active(n), CASE n WHEN 1 THEN 30 ELSE 1 END, n % 5 = 0,
           pg_temp.id('f0', n), 'inbound', false, $PREVIEW, pg_temp.active(n), 'contact', pg_temp.id('c0', n / 10),
           'Given' || n / 10 || ' Family', 'person' || n / 10 || '@customer' || (n / 10) % 100 || '.example'
    FROM here, generate_series(1, $CONVERSATIONS) AS n JOIN team ON seat = (n * 31) % 20;
UPDATE workspace_counters SET conversation_no = $CONVERSATIONS FROM here
    WHERE workspace_counters.workspace_id = here.workspace_id;

SET session_replication_role = origin;
