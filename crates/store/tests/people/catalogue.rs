//! What holds for every table, read from the catalogue: a new table that forgets a rule fails here.

use crate::world::{World, cluster};
use postroom_testkit::postgres::Cluster;

/// Read before a workspace is known, and the workers' queues; everything else belongs to a workspace.
pub(crate) const GLOBAL: [&str; 12] = [
    "__diesel_schema_migrations",
    "account_links",
    "api_key_digests",
    "mailbox_queue",
    "outbox_queue",
    "password_reset_requests",
    "refresh_tokens",
    "sessions",
    "sign_ins",
    "signing_keys",
    "system_mail_queue",
    "workspaces",
];

/// The one table whose wall does not hold for its owner: a function that runs as the owner says the wall's condition
/// itself, since no trigram operator could use an index otherwise.
const UNFORCED: &str = "search_entries";

/// The tables of workspaces.
pub(crate) fn walled(database: &str) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
    let all = cluster().texts(database, sql).unwrap();
    for global in GLOBAL {
        assert!(
            all.iter().any(|table| table == global),
            "{global} is listed as global, but there is no such table"
        );
    }
    all.into_iter().filter(|table| !GLOBAL.contains(&table.as_str())).collect()
}

fn none(cluster: &Cluster, database: &str, what: &str, sql: &str) {
    assert_eq!(cluster.texts(database, sql).unwrap(), Vec::<String>::new(), "{what}");
}

/// As a condition on `c.relname`.
fn is_walled() -> String {
    let quoted: Vec<String> = GLOBAL.iter().map(|table| format!("'{table}'")).collect();
    format!(
        "c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT IN ({})",
        quoted.join(", ")
    )
}

#[test]
fn tenancy_is_in_every_key() {
    let database = cluster().migrated_database().unwrap();
    let walled = is_walled();
    none(
        cluster(),
        &database,
        "these primary keys don't begin with workspace_id",
        &format!(
            "SELECT c.relname::text FROM pg_class c WHERE {walled} AND NOT EXISTS (
                SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'workspace_id')"
        ),
    );
    none(
        cluster(),
        &database,
        "these unique indexes don't begin with workspace_id",
        &format!(
            "SELECT i.indexrelid::regclass::text FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
             WHERE {walled} AND NOT EXISTS (
                SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attname = 'workspace_id')"
        ),
    );
    none(
        cluster(),
        &database,
        "these foreign keys don't carry workspace_id to workspace_id, or do something on delete",
        &format!(
            "SELECT k.conname::text FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
             JOIN pg_class t ON t.oid = k.confrelid
             WHERE {walled} AND (k.confdeltype <> 'a' OR k.confupdtype <> 'a' OR NOT EXISTS (
                SELECT FROM unnest(k.conkey, k.confkey) AS pair(own, other)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.own AND a.attname = 'workspace_id'
                JOIN pg_attribute b ON b.attrelid = t.oid AND b.attnum = pair.other AND b.attname = 'workspace_id'))"
        ),
    );
}

#[test]
fn global_tables_and_those_of_workspaces_are_not_tied_together() {
    let database = cluster().migrated_database().unwrap();
    let list = GLOBAL.map(|table| format!("'{table}'")).join(", ");
    none(
        cluster(),
        &database,
        "these foreign keys cross",
        &format!(
            "SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
             JOIN pg_class t ON t.oid = k.confrelid
             WHERE k.contype = 'f' AND (c.relname IN ({list})) <> (t.relname IN ({list}))"
        ),
    );
}

#[test]
fn every_foreign_key_has_an_index() {
    let database = cluster().migrated_database().unwrap();
    none(
        cluster(),
        &database,
        "these foreign keys have no index that begins with their columns",
        "SELECT k.conrelid::regclass || ': ' || k.conname FROM pg_constraint k
         WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND
                (SELECT array_agg(n) FROM unnest(i.indkey[0:cardinality(k.conkey) - 1]) AS n) @> k.conkey)",
    );
}

#[test]
fn every_table_of_a_workspace_stands_behind_the_wall() {
    let database = cluster().migrated_database().unwrap();
    none(
        cluster(),
        &database,
        "these tables have no forced row-level security with the one policy",
        &format!(
            "SELECT c.relname::text FROM pg_class c
             WHERE {} AND NOT (c.relrowsecurity AND (c.relforcerowsecurity OR c.relname = '{UNFORCED}') AND
                (SELECT count(*) = 1 AND bool_and(p.polname = 'workspace' AND p.polcmd = '*' AND p.polroles = '{{0}}'
                        AND p.polpermissive AND p.polwithcheck IS NOT NULL)
                 FROM pg_policy p WHERE p.polrelid = c.oid))",
            is_walled()
        ),
    );
}

#[test]
fn the_role_of_the_connections_has_no_privileges() {
    let world_free = cluster().migrated_database().unwrap();
    let sql =
        "SELECT count(*) FROM pg_roles r WHERE rolname = 'postroom_app' AND NOT rolsuper AND NOT rolbypassrls
        AND NOT rolcanlogin AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid)";
    assert_eq!(cluster().count(&world_free, sql, &[]).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_uses_that_role() {
    let world = World::new();
    world.bare_workspace("acme").await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postroom' AND datname = current_database()";
    assert!(world.count(sql) > 0);
    // As that role nothing can be granted or made.
    world.execute("SET ROLE postroom_app; DO $$BEGIN CREATE TABLE t (); RAISE 'made'; EXCEPTION WHEN insufficient_privilege THEN END$$");
}
