DROP INDEX audit_time;
DROP INDEX audit_action;
DROP INDEX audit_object;
DROP INDEX audit_actor_action;
DROP INDEX audit_actor;
CREATE INDEX audit_actor ON audit (workspace_id, actor_user_id, id) WHERE actor_user_id IS NOT NULL;
CREATE INDEX audit_object ON audit (workspace_id, object_id, id) WHERE object_id IS NOT NULL;
CREATE INDEX audit_action ON audit (workspace_id, action, id);
CREATE INDEX audit_time ON audit (workspace_id, at);
