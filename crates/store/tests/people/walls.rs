//! Across a workspace's border nothing is read and nothing written, tried on every table of the catalogue as the role that
//! the connections have.

use crate::{catalogue::walled, world::cluster};
use tokio_postgres::{Client, NoTls, error::SqlState};
use uuid::Uuid;

/// A database in which any row goes: without the rules that only sensible rows keep and what
/// makes further rows, but with the wall.
fn database_without_rules() -> String {
    let database = cluster().migrated_database().unwrap();
    let drop_rules = "DO $$ DECLARE r record; BEGIN
        FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
            WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname); END LOOP;
        FOR r IN SELECT DISTINCT tgrelid::regclass AS t FROM pg_trigger WHERE NOT tgisinternal
        LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', r.t); END LOOP; END $$";
    cluster().execute(&database, drop_rules).unwrap();
    database
}

async fn connect(database: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster().url(database), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET ROLE postroom_app").await.unwrap();
    client
}

/// A row of any values for a table: `INSERT INTO … VALUES …` with `$workspace` where the workspace goes.
fn insert(database: &str, table: &str) -> String {
    let sql = format!(
        "SELECT a.attname || '=' || format_type(a.atttypid, NULL) FROM pg_attribute a
         WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
         ORDER BY a.attnum"
    );
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in cluster().texts(database, &sql).unwrap() {
        let (name, kind) = column.split_once('=').unwrap();
        names.push(name.to_owned());
        values.push(match kind {
            _ if name == "workspace_id" => "$workspace".to_owned(),
            "uuid" => "gen_random_uuid()".to_owned(),
            "text" => "gen_random_uuid()::text".to_owned(),
            "bytea" => "gen_random_uuid()::text::bytea".to_owned(),
            "timestamp with time zone" => "now()".to_owned(),
            "boolean" => "true".to_owned(),
            "bigint" | "integer" | "smallint" => "1".to_owned(),
            "jsonb" => "'{}'".to_owned(),
            other => panic!("{table}.{name}: no value known for {other}"),
        });
    }
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

/// Runs statements in a transaction of a workspace and tells how many rows the last one touched.
async fn within(client: &Client, workspace: Uuid, sql: &str) -> Result<u64, tokio_postgres::Error> {
    client.batch_execute(&format!("BEGIN; SET LOCAL postroom.workspace_id = '{workspace}'")).await?;
    let touched = client.execute(sql, &[]).await;
    client.batch_execute(if touched.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    touched
}

/// What is written there stays as it is.
const APPEND_ONLY: [&str; 1] = ["audit"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_crosses_the_border_on_any_table() {
    let database = database_without_rules();
    let client = connect(&database).await;
    let [mine, foreign] = [Uuid::new_v4(), Uuid::new_v4()];
    let tables = walled(&database);
    assert!(tables.len() > 20, "{tables:?}");
    for table in &tables {
        let insert = insert(&database, table);
        let row_of = |workspace: Uuid| insert.replace("$workspace", &format!("'{workspace}'"));
        for workspace in [mine, foreign] {
            assert_eq!(
                within(&client, workspace, &row_of(workspace)).await.unwrap(),
                1,
                "{table}: its own row"
            );
        }
        let select = format!("SELECT FROM {table} WHERE true");
        assert_eq!(within(&client, mine, &select).await.unwrap(), 1, "{table}: only the own row is seen");
        assert_eq!(
            within(&client, mine, &format!("SELECT FROM {table} WHERE workspace_id = '{foreign}'"))
                .await
                .unwrap(),
            0,
            "{table}: the other is not found by name either"
        );
        let theirs = format!("WHERE workspace_id = '{foreign}'");
        for (what, sql) in [
            ("changed", format!("UPDATE {table} SET workspace_id = workspace_id {theirs}")),
            ("deleted", format!("DELETE FROM {table} {theirs}")),
        ] {
            let touched = within(&client, mine, &sql).await;
            if APPEND_ONLY.contains(&table.as_str()) {
                let refused = touched.expect_err(&format!("{table}: something is {what}"));
                assert_eq!(
                    refused.code(),
                    Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                    "{table}: {what}: {refused}"
                );
            } else {
                assert_eq!(touched.unwrap(), 0, "{table}: the other is not {what}");
            }
        }
        for (what, sql) in [
            ("a row for the other is made", row_of(foreign)),
            ("a row is given to the other", format!("UPDATE {table} SET workspace_id = '{foreign}'")),
        ] {
            let refused = within(&client, mine, &sql).await.expect_err(&format!("{table}: {what}"));
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{table}: {what}: {refused}");
        }
        // Without a workspace, also where the connection had one before, there is nothing at all.
        assert_eq!(client.execute(&select, &[]).await.unwrap(), 0, "{table}: nothing without a workspace");
        let refused =
            client.execute(&row_of(mine), &[]).await.expect_err("a row without a workspace is made");
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{table}");
        assert_eq!(within(&client, foreign, &select).await.unwrap(), 1, "{table}: the other is as it was");
    }
}
