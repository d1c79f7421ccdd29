-- Who did what to which thing, and when: written in the transaction that does it, never changed afterwards.

CREATE TABLE audit (
    workspace_id  uuid NOT NULL,
    -- UUIDv7: the order of ids is the order of time.
    id            uuid NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    -- NULL: the system or the operator.
    actor_user_id uuid,
    -- Where the actor used one.
    api_key_id    uuid,
    -- Where the request came from, and the id under which it stands in the log.
    address       text,
    request_id    text,
    -- `thing.verb`
    action        text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    object_kind   text NOT NULL,
    object_id     uuid,
    -- What it was and what it is, of what is no content.
    before        jsonb,
    after         jsonb,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX audit_actor ON audit (workspace_id, actor_user_id, id) WHERE actor_user_id IS NOT NULL;
CREATE INDEX audit_object ON audit (workspace_id, object_id, id) WHERE object_id IS NOT NULL;
CREATE INDEX audit_action ON audit (workspace_id, action, id);
CREATE INDEX audit_time ON audit (workspace_id, at);

SELECT postroom_wall('audit');
-- Nobody who serves requests can change what happened.
REVOKE UPDATE, DELETE ON audit FROM postroom_app;

-- The only way out: what has been kept for 400 days, of the workspace that the transaction names.
CREATE FUNCTION postroom_forget_audit() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH forgotten AS (
        DELETE FROM public.audit
        WHERE workspace_id = nullif(current_setting('postroom.workspace_id', true), '')::uuid
          AND at < now() - interval '400 days'
        RETURNING 1)
    SELECT count(*) FROM forgotten
$$;
REVOKE ALL ON FUNCTION postroom_forget_audit() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postroom_forget_audit() TO postroom_app;
