-- The audit trail is listed by time, whatever else is asked of it: each list is a piece of one index, also one of long ago.

DROP INDEX audit_actor;
DROP INDEX audit_object;
DROP INDEX audit_action;
DROP INDEX audit_time;
CREATE INDEX audit_actor ON audit (workspace_id, actor_user_id, at, id) WHERE actor_user_id IS NOT NULL;
CREATE INDEX audit_actor_action ON audit (workspace_id, actor_user_id, action, at, id) WHERE actor_user_id IS NOT NULL;
CREATE INDEX audit_object ON audit (workspace_id, object_id, at, id) WHERE object_id IS NOT NULL;
CREATE INDEX audit_action ON audit (workspace_id, action, at, id);
CREATE INDEX audit_time ON audit (workspace_id, at, id);
