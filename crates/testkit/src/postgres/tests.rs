use std::time::{Duration, Instant};

use super::{Cluster, Durability};
use crate::process;

#[test]
fn copies_of_the_migrated_template_are_apart() {
    let cluster = Cluster::shared().unwrap();
    let (one, other) = (cluster.migrated_database().unwrap(), cluster.migrated_database().unwrap());
    cluster.execute(&one, "CREATE TABLE only_here (n int)").unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = ANY($1)";
    let ask = |database: &str, name: &str| cluster.count(database, tables, &[&vec![name]]).unwrap();
    assert_eq!(ask(&one, "only_here"), 1);
    assert_eq!(ask(&other, "only_here"), 0);
    assert_eq!(ask(&other, "workspaces"), 1, "the template has Postroom's schema");
}

#[test]
fn the_role_that_postroom_uses_is_no_superuser() {
    let cluster = Cluster::shared().unwrap();
    let superuser = "SELECT count(*) FROM pg_roles WHERE rolname = 'postroom' AND rolsuper";
    assert_eq!(cluster.count("postgres", superuser, &[]).unwrap(), 0);
    assert_eq!(cluster.count("postgres", &superuser.replace("'postroom'", "'postgres'"), &[]).unwrap(), 1);
}

#[test]
fn a_killed_server_comes_back_on_its_port_with_its_data() {
    let dir = process::temporary_directory("pgkill").unwrap();
    let cluster = Cluster::start(&dir, Durability::Throwaway).unwrap();
    let database = cluster.empty_database().unwrap();
    cluster.execute(&database, "CREATE TABLE kept AS SELECT generate_series(1, 5) AS n").unwrap();
    let port = cluster.port();
    cluster.kill().unwrap();
    assert!(cluster.count(&database, "SELECT 1::bigint", &[]).is_err(), "nothing answers after the kill");
    cluster.restart().unwrap();
    assert_eq!(cluster.port(), port);
    assert_eq!(cluster.count(&database, "SELECT count(*) FROM kept", &[]).unwrap(), 5);

    cluster.pause().unwrap();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| cluster.count(&database, "SELECT count(*) FROM kept", &[]));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!asked.is_finished(), "a frozen server doesn't answer");
        cluster.resume().unwrap();
        assert_eq!(asked.join().unwrap().unwrap(), 5);
    });
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_kept_cluster_goes_on_with_its_data() {
    let dir = process::temporary_directory("pgkept").unwrap();
    let first = Cluster::start(&dir, Durability::Kept).unwrap();
    first.create_database("demo").unwrap();
    first.execute("demo", "CREATE TABLE kept AS SELECT 7::bigint AS n").unwrap();
    assert!(first.url("demo").contains("postroom:"), "a kept cluster asks for a password");
    drop(first);
    let again = Cluster::start(&dir, Durability::Kept).unwrap();
    assert!(again.has_database("demo").unwrap());
    assert_eq!(again.count("demo", "SELECT n FROM kept", &[]).unwrap(), 7);
}
