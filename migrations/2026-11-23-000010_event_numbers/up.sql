-- How far the event logs of several workspaces have come, in one round trip: servers look each second.
-- It runs with the caller's rights and goes from wall to wall, as the caller could in as many transactions.
CREATE FUNCTION postroom_event_numbers(workspaces uuid[]) RETURNS TABLE (workspace_id uuid, event_no bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    one uuid;
BEGIN
    FOREACH one IN ARRAY workspaces LOOP
        PERFORM set_config('postroom.workspace_id', one::text, true);
        RETURN QUERY SELECT c.workspace_id, c.event_no FROM workspace_counters c WHERE c.workspace_id = one;
    END LOOP;
    PERFORM set_config('postroom.workspace_id', '', true);
END $$;

REVOKE EXECUTE ON FUNCTION postroom_event_numbers(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postroom_event_numbers(uuid[]) TO postroom_app;
