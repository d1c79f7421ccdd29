//! A private PostgreSQL cluster: own data directory, own port on 127.0.0.1, no contact with the machine's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_postgres::{Client, Config, NoTls, error::SqlState};

use crate::{
    error::{Error, Result, Tried},
    process::{self, ServiceUser, Signal, Supervised},
    runtime::block_on,
};

/// The role that owns the databases and that Postroom signs in as: no superuser, as with a hosted PostgreSQL.
const ROLE: &str = "postroom";
/// The cluster's superuser, for the kit itself.
const SUPERUSER: &str = "postgres";
/// The database that [`Cluster::migrated_database`] copies.
const MIGRATED: &str = "postroom_migrated";

/// How much a cluster cares for its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Tests: nothing is flushed to disk, anyone on this machine may connect, thrown away at the end.
    Throwaway,
    /// The demo: a normal server with a password, whose data a later run goes on with.
    Kept,
}

/// A running private cluster. Dropping it stops the server.
#[derive(Debug)]
pub struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    user: ServiceUser,
    durability: Durability,
    password: Option<String>,
    server: Mutex<Option<Supervised>>,
    template: OnceLock<std::result::Result<(), String>>,
}

/// An advisory lock that somebody else holds.
#[derive(Debug)]
pub struct HeldLock {
    _client: Client,
}

impl Cluster {
    /// Starts a cluster in `dir`, making it where there is none yet.
    ///
    /// # Errors
    /// Where PostgreSQL's programs are missing, or the server doesn't come up; the error holds the end of its log.
    pub fn start(dir: &Path, durability: Durability) -> Result<Self> {
        let bin = programs()?;
        let user = ServiceUser::find(&["postgres"])?;
        let dir = user.reachable(dir);
        process::make_directory(&dir, Some(&user))?;
        let password = match durability {
            Durability::Throwaway => None,
            Durability::Kept => Some(kept_password(&dir, &user)?),
        };
        let mut cluster = Self {
            bin,
            dir,
            port: 0,
            user,
            durability,
            password,
            server: Mutex::new(None),
            template: OnceLock::new(),
        };
        if !cluster.dir.join("data/PG_VERSION").exists() {
            cluster.initialise()?;
        }
        let mut last = None;
        for _ in 0..5 {
            cluster.port = process::free_port()?;
            match cluster.run_server() {
                Ok(()) => {
                    cluster.make_role()?;
                    return Ok(cluster);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(Error::MissingProgram("postgres".into())))
    }

    /// The one cluster that all tests of this process share. It goes when the process ends.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                let dir = process::temporary_directory("pg").map_err(|e| e.to_string())?;
                Self::start(&dir, Durability::Throwaway).map_err(|e| e.to_string())
            })
            .as_ref()
            .map_err(|output| Error::Failed { what: "starting PostgreSQL".into(), output: output.clone() })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database for the role `postroom`, its owner.
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.port, database)
    }

    /// The same through another port: a proxy's.
    pub fn url_at(&self, port: u16, database: &str) -> String {
        let password = self.password.as_ref().map(|p| format!(":{p}")).unwrap_or_default();
        format!("postgres://{ROLE}{password}@127.0.0.1:{port}/{database}")
    }

    /// Makes an empty database, owned by the role `postroom`, and gives its name.
    pub fn empty_database(&self) -> Result<String> {
        let name = fresh_name();
        self.execute("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"))?;
        Ok(name)
    }

    /// Makes a copy of the database `template` and gives its name.
    ///
    /// Copies are never dropped: that costs as much as making them, and the cluster is thrown away as a whole.
    pub fn copy_of(&self, template: &str) -> Result<String> {
        let name = fresh_name();
        let sql = format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} STRATEGY wal_log");
        // Connections that were closed a moment ago may still be open at the server's end.
        process::wait_for("the template is free of connections", Duration::from_secs(10), || {
            match self.execute("postgres", &sql) {
                Ok(()) => Ok(true),
                Err(Error::Database { source, .. }) if source.code() == Some(&SqlState::OBJECT_IN_USE) => {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })?;
        Ok(name)
    }

    /// Makes a database with Postroom's schema and gives its name. The schema is made once per cluster, by
    /// Postroom's own migrations, and copied from then on.
    pub fn migrated_database(&self) -> Result<String> {
        let made = self.template.get_or_init(|| self.make_template().map_err(|e| e.to_string()));
        made.clone().map_err(|output| Error::Failed { what: "migrating the template".into(), output })?;
        self.copy_of(MIGRATED)
    }

    fn make_template(&self) -> Result<()> {
        self.execute("postgres", &format!("CREATE DATABASE {MIGRATED} OWNER {ROLE}"))?;
        self.migrate(MIGRATED)
    }

    /// Runs Postroom's migrations on a database.
    pub fn migrate(&self, database: &str) -> Result<()> {
        let url = secrecy::SecretString::from(self.url(database));
        let migrated = block_on(async move { postroom_store::migrate::run(&url).await })?;
        migrated.map(drop).map_err(|error| Error::Failed {
            what: format!("migrating {database}"),
            output: error.to_string(),
        })
    }

    /// True where the cluster has a database of this name.
    pub fn has_database(&self, name: &str) -> Result<bool> {
        self.count("postgres", "SELECT count(*) FROM pg_database WHERE datname = $1", &[&name]).map(|n| n > 0)
    }

    /// Makes a database of this name, owned by the role `postroom`.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"))
    }

    /// Runs statements as the superuser, past row-level security: to look and to break things.
    pub fn execute(&self, database: &str, sql: &str) -> Result<()> {
        block_on(async {
            let client = self.connect(database).await?;
            client.batch_execute(sql).await.tried(sql.to_owned())
        })?
    }

    /// The one number that a query gives, asked as the superuser.
    pub fn count(
        &self,
        database: &str,
        sql: &str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<i64> {
        block_on(async {
            let client = self.connect(database).await?;
            client.query_one(sql, values).await.and_then(|row| row.try_get(0)).tried(sql.to_owned())
        })?
    }

    /// The texts that a query gives, one a row, asked as the superuser.
    pub fn texts(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        block_on(async {
            let client = self.connect(database).await?;
            let rows = client.query(sql, &[]).await.tried(sql.to_owned())?;
            rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>().tried(sql.to_owned())
        })?
    }

    /// Takes an advisory lock, as another process would, and keeps it until the value is dropped.
    pub fn hold_lock(&self, database: &str, number: i64) -> Result<HeldLock> {
        block_on(async {
            let client = self.connect(database).await?;
            let lock = client.execute("SELECT pg_advisory_lock($1)", &[&number]).await;
            lock.tried(format!("taking the advisory lock {number}"))?;
            Ok(HeldLock { _client: client })
        })?
    }

    /// One of PostgreSQL's programs, of the server's own version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Where the server writes its log.
    pub fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    async fn connect(&self, database: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(SUPERUSER).dbname(database);
        config.connect_timeout(Duration::from_secs(5));
        if let Some(password) = &self.password {
            config.password(password);
        }
        let (client, connection) =
            config.connect(NoTls).await.tried(format!("connecting to database {database}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Freezes the server and all its sessions: connections stay open, nothing answers.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Wakes what [`Self::pause`] froze.
    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal_all(&self, signal: Signal) -> Result<()> {
        let server = self.server();
        let Some(server) = server.as_ref() else { return Ok(()) };
        // The postmaster first when freezing, so that it starts no session that would be missed.
        server.signal(signal)?;
        for child in process::children_of(server.id())? {
            process::send(child, signal)?;
        }
        Ok(())
    }

    /// Ends the server as a crash would: every connection is lost at once.
    pub fn kill(&self) -> Result<()> {
        if let Some(mut server) = self.server().take() {
            // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, recovery at the next start; unlike
            // SIGKILL it takes the sessions' processes along.
            server.end_with(Signal::SIGQUIT, Duration::from_secs(10))?;
        }
        Ok(())
    }

    /// Stops the server properly.
    pub fn stop(&self) -> Result<()> {
        if let Some(mut server) = self.server().take() {
            server.end_with(Signal::SIGINT, Duration::from_secs(30))?;
        }
        Ok(())
    }

    /// Starts the server again on the same port, after [`Self::kill`] or [`Self::stop`], or stops it first.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.run_server()
    }

    fn server(&self) -> MutexGuard<'_, Option<Supervised>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        // From a directory that the other user can be in; with messages that don't depend on the caller.
        command.current_dir(&self.dir).env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGOPTIONS");
        self.user.apply(&mut command);
        command
    }

    fn initialise(&self) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(self.dir.join("data"));
        initdb.args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-instructions"]);
        match self.durability {
            Durability::Throwaway => initdb.args(["--no-sync", "-A", "trust"]),
            Durability::Kept => {
                initdb.arg("-A").arg("scram-sha-256").arg("--pwfile").arg(self.dir.join("password"))
            }
        };
        process::run("making a PostgreSQL cluster (initdb)", &mut initdb)?;
        Ok(())
    }

    fn run_server(&self) -> Result<()> {
        let log_path = self.dir.join("server.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.tried("opening the server's log")?;
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.dir.join("data"));
        for setting in self.settings() {
            postgres.arg("-c").arg(setting);
        }
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let at_end = match self.durability {
            Durability::Throwaway => Signal::SIGQUIT,
            Durability::Kept => Signal::SIGINT,
        };
        let mut server = Supervised::start("PostgreSQL", &mut postgres, at_end)?;
        let ready = process::wait_for("PostgreSQL answers", Duration::from_secs(60), || {
            if server.ended()?.is_some() {
                let output = process::tail_of(&log_path);
                return Err(Error::Failed { what: "starting PostgreSQL".into(), output });
            }
            Ok(self.count("postgres", "SELECT 1::bigint", &[]).is_ok())
        });
        ready?;
        *self.server() = Some(server);
        Ok(())
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            // No Unix socket: its path would have to be short, and nothing here uses one.
            "unix_socket_directories=".into(),
            "max_connections=500".into(),
            "shared_buffers=128MB".into(),
            "timezone=UTC".into(),
            "log_min_messages=warning".into(),
            // With the database's name: tests share a log.
            "log_line_prefix=%m [%p] %d ".into(),
        ];
        if self.durability == Durability::Throwaway {
            settings.extend(
                // What is committed must survive a kill of the server, so `synchronous_commit` stays on: without
                // fsync it costs nothing.
                ["fsync=off", "full_page_writes=off", "max_wal_size=4GB"].map(String::from),
            );
        }
        settings
    }

    fn make_role(&self) -> Result<()> {
        let exists = "SELECT count(*) FROM pg_roles WHERE rolname = $1";
        if self.count("postgres", exists, &[&ROLE])? > 0 {
            return Ok(());
        }
        let password = self.password.as_ref().map(|p| format!("PASSWORD '{p}'")).unwrap_or_default();
        self.execute("postgres", &format!("CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE {password}"))
    }
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The password of a kept cluster, made at its first start.
fn kept_password(dir: &Path, user: &ServiceUser) -> Result<String> {
    let file = dir.join("password");
    if !file.exists() {
        let secret = uuid::Uuid::new_v4().simple().to_string();
        process::write_private(&file, secret.as_bytes(), Some(user))?;
    }
    fs::read_to_string(&file).tried("reading the cluster's password")
}

/// Where PostgreSQL's programs are: `POSTROOM_PG_BIN`, Debian's place (newest first), Homebrew's, the unpacked
/// wheel in the checkout, the path.
fn programs() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(dir) = std::env::var_os("POSTROOM_PG_BIN").filter(|dir| !dir.is_empty()) {
        places.push(dir.into());
    } else {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().collect())
            .unwrap_or_else(|_| Vec::new())
            .into_iter()
            .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
            .filter(|(version, _)| *version >= 15)
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        places.extend(versions.into_iter().map(|(_, dir)| dir));
        for version in (15..=19).rev() {
            for prefix in ["/opt/homebrew/opt", "/usr/local/opt"] {
                places.push(format!("{prefix}/postgresql@{version}/bin").into());
            }
        }
        places.push(crate::checkout().join(".local/postgresql/bin"));
        places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    }
    places
        .into_iter()
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
        .ok_or_else(|| Error::MissingProgram("PostgreSQL (initdb, postgres)".into()))
}

#[cfg(test)]
mod tests;
