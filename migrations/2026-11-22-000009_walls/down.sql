DO $$
DECLARE target regclass;
BEGIN
    FOR target IN SELECT polrelid::regclass FROM pg_policy WHERE polname = 'workspace' LOOP
        EXECUTE format('DROP POLICY workspace ON %s', target);
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', target);
        EXECUTE format('REVOKE ALL ON %s FROM postroom_app', target);
    END LOOP;
END $$;
DROP FUNCTION postroom_wall(regclass);
REVOKE ALL ON workspaces, sign_ins, sessions, refresh_tokens, signing_keys, mailbox_queue, outbox_queue FROM postroom_app;
REVOKE USAGE ON SCHEMA public FROM postroom_app;
