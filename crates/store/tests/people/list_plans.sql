-- Beside the conversations of a large workspace: companies, deals, a long trail, an intake list, people, and mail to be
-- sent. One colleague, a0000008-…, has but a few conversations, contacts and deals; their address is c3000064-…
SET session_replication_role = replica;

CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (kind || lpad(to_hex(n), 6, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE TEMP TABLE here AS
    SELECT w.id AS workspace_id, u.id AS owner_id FROM workspaces w JOIN users u ON u.workspace_id = w.id AND u.role = 'owner';

UPDATE conversations SET owner_id = (SELECT owner_id FROM here)
    WHERE owner_id = pg_temp.id('a0', 8) AND number % 1000 <> 8;
INSERT INTO companies (workspace_id, id, name, domain)
    SELECT workspace_id, pg_temp.id('c1', n), 'Company ' || md5(n::text), 'company' || n || '.example'
    FROM here, generate_series(1, 30000) AS n;
INSERT INTO deals (workspace_id, id, name, owner_id)
    SELECT workspace_id, pg_temp.id('c2', n), 'Deal ' || md5(n::text),
           CASE WHEN n % 300 = 0 THEN pg_temp.id('a0', 8) ELSE owner_id END
    FROM here, generate_series(1, 30000) AS n;
INSERT INTO contacts (workspace_id, id, first_name, last_name, owner_id, company_id)
    SELECT workspace_id, pg_temp.id('c3', n), md5(n::text), 'Buyer',
           CASE WHEN n % 300 = 0 THEN pg_temp.id('a0', 8) ELSE owner_id END, pg_temp.id('c1', n)
    FROM here, generate_series(1, 30000) AS n;
INSERT INTO contact_emails (workspace_id, id, contact_id, address, is_primary)
    SELECT workspace_id, pg_temp.id('c4', n), pg_temp.id('c3', n), md5(n::text) || '@buyers.example', true
    FROM here, generate_series(1, 30000) AS n;
INSERT INTO contact_deals (workspace_id, contact_id, deal_id)
    SELECT workspace_id, pg_temp.id('c3', n), pg_temp.id('c2', n) FROM here, generate_series(1, 30000) AS n;
INSERT INTO search_entries (workspace_id, entity, id, words)
    SELECT workspace_id, 'contact', id, postroom_contact_words(workspace_id, id) FROM contacts
    UNION ALL SELECT workspace_id, 'company', id, postroom_lines(name, domain) FROM companies
    UNION ALL SELECT workspace_id, 'deal', id, postroom_lines(name) FROM deals;

-- Every minute somebody did something; three of four times it was the owner.
INSERT INTO audit (workspace_id, id, at, actor_user_id, action, object_kind, object_id)
    SELECT workspace_id, pg_temp.id('c5', n), timestamptz '2026-01-01' + n * interval '1 minute',
           CASE WHEN n % 4 = 0 THEN pg_temp.id('a0', 8) ELSE owner_id END,
           CASE WHEN n % 3 = 0 THEN 'contact.updated' ELSE 'session.began' END, 'contact', pg_temp.id('c3', n % 500)
    FROM here, generate_series(1, 60000) AS n;
INSERT INTO intake (workspace_id, id, mailbox_id, reason, received_at)
    SELECT workspace_id, pg_temp.id('c6', n), pg_temp.id('b0', n % 2 + 1), 'automatic', timestamptz '2026-01-01'
    FROM here, generate_series(1, 30000) AS n;
INSERT INTO users (workspace_id, id, email, name, role, active)
    SELECT workspace_id, pg_temp.id('a1', n), 'person' || n || '@large.example', 'Person ' || md5(n::text), 'team_member', n % 2 = 0
    FROM here, generate_series(1, 5000) AS n;
INSERT INTO api_keys (workspace_id, id, user_id, name, scope, hint)
    SELECT workspace_id, pg_temp.id('c7', n), pg_temp.id('a1', n % 5000 + 1), 'Key', 'read', 'hint'
    FROM here, generate_series(1, 20000) AS n;

-- Two of three conversations were answered; what was written last is on its way.
INSERT INTO messages
    SELECT (jsonb_populate_record(m, jsonb_build_object(
        'id', md5(m.id::text), 'direction', 'outbound', 'issued', true, 'rfc_message_id', 'w' || m.rfc_message_id,
        'author_kind', 'user', 'author_contact_id', NULL,
        'author_user_id', CASE WHEN c.owner_id = pg_temp.id('a0', 8) THEN c.owner_id ELSE h.owner_id END))).*
    FROM messages m JOIN conversations c ON c.last_message_id = m.id AND c.number % 3 > 0, here h;
INSERT INTO message_bodies (workspace_id, message_id, text, html, segments)
    SELECT workspace_id, id, 'Thank you.', '<p>Thank you.</p>', '[]' FROM messages WHERE issued;
INSERT INTO outbox (workspace_id, message_id, mailbox_id, state, request)
    SELECT workspace_id, id, mailbox_id, CASE WHEN received_at > timestamptz '2025-12-31' THEN 'failed' ELSE 'sent' END, '{}'
    FROM messages WHERE issued;
INSERT INTO outbox_queue (workspace_id, message_id, due_at)
    SELECT workspace_id, id, timestamptz '2026-01-01' + (row_number() OVER ()) * interval '1 second' FROM messages WHERE issued;

SET session_replication_role = origin;
