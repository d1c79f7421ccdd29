-- The second wall around a workspace: row-level security, for a role that neither owns the tables nor bypasses policies.
-- The first wall are the keys: every one carries workspace_id.

DO $$
BEGIN
    -- Roles are the cluster's, not the database's: made once, and safe against another database that does the same now (a
    -- lock would be of this database alone).
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postroom_app') THEN
        BEGIN
            CREATE ROLE postroom_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'postroom_app', 'MEMBER') OR
       NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
                   WHERE r.rolname = 'postroom_app' AND u.rolname = current_user) THEN
        BEGIN
            EXECUTE format('GRANT postroom_app TO %I', current_user);
        EXCEPTION WHEN unique_violation THEN NULL;
        END;
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO postroom_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    workspaces, sign_ins, sessions, refresh_tokens, signing_keys, mailbox_queue, outbox_queue
    TO postroom_app;

-- Puts the wall around one table of a workspace's own. Every migration that makes such a table calls it.
CREATE FUNCTION postroom_wall(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    -- After a transaction-local setting has ended its value is '', which alone would be a cast error.
    EXECUTE format(
        'CREATE POLICY workspace ON %s USING (workspace_id = nullif(current_setting(''postroom.workspace_id'', true), '''')::uuid)'
        ' WITH CHECK (workspace_id = nullif(current_setting(''postroom.workspace_id'', true), '''')::uuid)', target);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO postroom_app', target);
END $$;

SELECT postroom_wall(t::regclass) FROM unnest(ARRAY[
    'workspace_counters', 'blobs', 'users', 'mailboxes', 'folders',
    'custom_field_definitions', 'companies', 'contacts', 'contact_emails', 'deals', 'contact_deals', 'ignored_addresses',
    'threads', 'thread_parties', 'message_refs', 'messages', 'message_bodies', 'message_recipients', 'attachments', 'intake',
    'conversations', 'outbox', 'delivery_recipients', 'events', 'idempotency_keys']) AS t;
