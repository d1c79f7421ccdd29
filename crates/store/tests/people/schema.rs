//! `src/schema.rs` is generated from the catalogue of a migrated database, and every migration can be undone.

use crate::world::{World, cluster};
use postroom_store::migrate;
use postroom_testkit::large;
use secrecy::SecretString;
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

/// PostgreSQL's types by diesel's names.
const TYPES: [(&str, &str); 12] = [
    ("uuid", "Uuid"),
    ("text", "Text"),
    ("boolean", "Bool"),
    ("timestamp with time zone", "Timestamptz"),
    ("bigint", "Int8"),
    ("integer", "Int4"),
    ("smallint", "Int2"),
    ("bytea", "Bytea"),
    ("jsonb", "Jsonb"),
    ("date", "Date"),
    ("text[]", "Array<Text>"),
    ("timestamp with time zone[]", "Array<Timestamptz>"),
];

fn diesel_type(kind: &str, not_null: bool) -> String {
    let found = TYPES.iter().find(|(name, _)| *name == kind);
    let name = found.unwrap_or_else(|| panic!("no diesel type is known for {kind}")).1;
    if not_null { name.to_owned() } else { format!("Nullable<{name}>") }
}

/// The file as it must be.
fn render(database: &str) -> String {
    let columns = "SELECT concat_ws('|', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            AND c.relname NOT LIKE '\\_\\_%' ORDER BY c.relname, a.attnum";
    let keys = "SELECT c.relname || '|' || string_agg(a.attname, ', ' ORDER BY array_position(i.indkey::int[], a.attnum::int))
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
        WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname";
    let keys = cluster().texts(database, keys).unwrap();
    let keys: BTreeMap<&str, &str> = keys.iter().map(|line| line.split_once('|').unwrap()).collect();
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    for line in cluster().texts(database, columns).unwrap() {
        let [table, column, kind, not_null] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let body = tables.entry(table.to_owned()).or_default();
        let kind = diesel_type(kind, not_null == "t");
        // Rust's keywords get an underscore, and keep their name in SQL.
        match column {
            "type" => writeln!(body, "        #[sql_name = \"{column}\"]\n        {column}_ -> {kind},"),
            _ => writeln!(body, "        {column} -> {kind},"),
        }
        .unwrap();
    }
    let mut file = String::from(
        "//! The tables, as the migrations make them. Generated from the catalogue of a migrated database: a test compares.\n\n",
    );
    for (table, body) in &tables {
        write!(file, "diesel::table! {{\n    {table} ({}) {{\n{body}    }}\n}}\n\n", keys[table.as_str()])
            .unwrap();
    }
    let names: String = tables.keys().map(|table| format!("    {table},\n")).collect();
    write!(file, "diesel::allow_tables_to_appear_in_same_query!(\n{names});\n").unwrap();
    file
}

/// `UPDATE_SCHEMA=1 cargo test -p postroom-store --test people schema` writes the file.
#[test]
fn the_schema_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema.rs");
    let current = render(&cluster().migrated_database().unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == current,
        "src/schema.rs is not what the migrations make: run this with UPDATE_SCHEMA=1"
    );
}

/// All that a migration can make, but for the data.
fn catalogue(database: &str) -> Vec<String> {
    let queries = [
        "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
            || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
        "SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace",
        "SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT 'policy ' || tablename || ' ' || policyname || ' ' || coalesce(qual, '') || coalesce(with_check, '')
         FROM pg_policies WHERE schemaname = 'public'",
        "SELECT 'wall ' || relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
        "SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            AND prokind = 'f'",
        "SELECT 'grant ' || table_name || ' ' || grantee || ' ' || privilege_type FROM information_schema.table_privileges
         WHERE table_schema = 'public'",
    ];
    let mut all: Vec<String> =
        queries.iter().flat_map(|query| cluster().texts(database, query).unwrap()).collect();
    all.retain(|line| !line.contains("__diesel_schema_migrations"));
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_can_be_undone_and_done_again() {
    let database = cluster().empty_database().unwrap();
    let url = SecretString::from(cluster().url(&database));
    let before = catalogue(&database);
    let done = migrate::run(&url).await.unwrap();
    assert!(done.len() >= 9, "{done:?}");
    let first = catalogue(&database);
    assert!(first.len() > 300, "the catalogue is read: {}", first.len());
    migrate::revert(&url, None).await.unwrap();
    assert_eq!(catalogue(&database), before, "undone, nothing is left");
    assert_eq!(migrate::run(&url).await.unwrap(), done);
    assert_eq!(catalogue(&database), first, "done again, it is the same");
    assert_eq!(migrate::run(&url).await.unwrap(), Vec::<String>::new(), "nothing is left to do");
}

/// What migrations wrote of rows that were there before them.
const DERIVED: [&str; 4] = [
    "SELECT entity || ' ' || words FROM search_entries ORDER BY 1",
    "SELECT 'folder ' || label FROM folders ORDER BY 1",
    "SELECT waiting || ' ' || count(*) FROM threads GROUP BY waiting ORDER BY 1",
    "SELECT filename || ' ' || coalesce(unused_since = created_at, false) FROM attachments ORDER BY 1",
];

/// A database that was at work with an older version is brought up by its owner, whom the walls hold back as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_with_all_that_is_in_it_is_brought_up() {
    let world = World::new();
    world.workspace("large").await;
    large::fill(cluster(), &world.database, "large", 50).unwrap();
    world.execute(
        "SET session_replication_role = replica;
         INSERT INTO threads (workspace_id, id, mailbox_id, subject_key, first_message_at, last_message_at, waiting)
             SELECT workspace_id, gen_random_uuid(), id, 'unanswered', now(), now(), true FROM mailboxes;
         INSERT INTO folders (workspace_id, id, mailbox_id, name, label, role, uid_validity, live_uid, backfill_uid, backfill_end)
             SELECT workspace_id, gen_random_uuid(), id, 'Archive', 'Archive', 'other', 1, 1, 1, 1 FROM mailboxes;
         INSERT INTO attachments (workspace_id, id, message_id, uploaded_by, filename, content_type, size, sha256, unused_since,
                                  created_at)
             SELECT workspace_id, gen_random_uuid(), NULL, id, 'unused', 'text/plain', 1, '\\x'::bytea, now(), now() FROM users
                 WHERE role = 'owner' UNION ALL
             SELECT workspace_id, gen_random_uuid(), id, NULL, 'used', 'text/plain', 1, '\\x'::bytea, NULL, now() FROM messages
                 WHERE rfc_message_id = '1@large.example';
         SET session_replication_role = origin;
         INSERT INTO companies (workspace_id, id, name, domain)
             SELECT id, gen_random_uuid(), 'Acme Pumps', 'acme.example' FROM workspaces;
         INSERT INTO deals (workspace_id, id, name, owner_id)
             SELECT workspace_id, gen_random_uuid(), 'Forty pumps', id FROM users WHERE role = 'owner';",
    );
    // What was written as it went along is what a migration makes of it.
    let written = || DERIVED.map(|query| cluster().texts(&world.database, query).unwrap());
    world.execute(
        "INSERT INTO search_entries (workspace_id, entity, id, words) SELECT workspace_id, 'contact', id,
        postroom_contact_words(workspace_id, id) FROM contacts ON CONFLICT DO NOTHING",
    );
    let before = written();
    assert!(before.iter().all(|rows| !rows.is_empty()), "{before:?}");
    let url = SecretString::from(cluster().url(&world.database));
    migrate::revert(&url, Some("20261123000010")).await.unwrap();
    assert!(migrate::run(&url).await.unwrap().len() > 10);
    assert_eq!(written(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_migrate_at_once_run_each_migration_once() {
    let database = cluster().empty_database().unwrap();
    let url = SecretString::from(cluster().url(&database));
    let (one, other) = tokio::join!(
        tokio::spawn({
            let url = url.clone();
            async move { migrate::run(&url).await }
        }),
        tokio::spawn(async move { migrate::run(&url).await })
    );
    let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
    assert!(one.is_empty() != other.is_empty(), "{one:?} {other:?}");
}
