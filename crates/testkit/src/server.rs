//! The built `postroom` as a process of its own, as an operator runs it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::Engine;

use crate::{
    client::{Anonymous, Caller},
    error::{Error, Result, Tried},
    process::{self, Signal, Supervised, wait_for},
};

/// How long a server may take from its start to its first answer.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end when asked to (architecture: within 10 s).
const END: Duration = Duration::from_secs(10);

/// The configuration of one Postroom: what all its processes, `serve` and the other commands, are given.
#[derive(Debug, Clone)]
pub struct Installation {
    program: PathBuf,
    dir: PathBuf,
    settings: Vec<(String, String)>,
}

impl Installation {
    /// With this database, and blobs and logs in `dir`.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] where the program isn't there.
    pub fn new(database_url: &str, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).tried(format!("making {}", dir.display()))?;
        let mut installation = Self { program: program()?, dir: dir.to_owned(), settings: Vec::new() };
        installation.set("POSTROOM_DATABASE_URL", database_url);
        installation.set("POSTROOM_MASTER_KEY", &master_key(dir)?);
        installation.set("POSTROOM_DATA_DIR", &dir.join("data").display().to_string());
        installation.set("POSTROOM_LISTEN", "127.0.0.1:0");
        installation.set("POSTROOM_MAIL_ALLOW_NETS", "127.0.0.0/8");
        Ok(installation)
    }

    /// Sets an environment variable, replacing what it was.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The environment in which its commands run.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The directory of blobs and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Nothing of the caller's own configuration may shine through.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POSTROOM_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.dir);
        command
    }

    /// Runs a command of the program to its end and gives what it printed, on both streams on failure.
    ///
    /// # Errors
    /// [`Error::Failed`] with its output where it doesn't end well.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        process::run(&format!("postroom {}", arguments.join(" ")), self.command().args(arguments))
    }

    /// The same with a password in the environment, for commands that make a user.
    fn run_with_password(&self, password: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.command();
        command.env("POSTROOM_PASSWORD", password).args(arguments);
        process::run(&format!("postroom {}", arguments.join(" ")), &mut command)
    }

    /// Makes a workspace with its owner and enables Conversations (ACC-1).
    pub fn make_workspace(&self, slug: &str, name: &str, owner: &Person) -> Result<()> {
        let Person { email, name: owner_name, password } = owner;
        let arguments = ["workspace", "create", "--slug", slug, "--name", name, "--owner-email", email];
        let arguments = [&arguments[..], &["--owner-name", owner_name]].concat();
        self.run_with_password(password, &arguments)?;
        self.run(&["workspace", "enable", slug, "conversations"]).map(drop)
    }

    /// Makes a user; `role` as in ACC-2.
    pub fn make_user(&self, workspace: &str, person: &Person, role: &str) -> Result<()> {
        let Person { email, name, password } = person;
        let arguments = ["user", "create", "--workspace", workspace, "--email", email, "--name", name];
        self.run_with_password(password, &[&arguments[..], &["--role", role]].concat()).map(drop)
    }

    /// Starts `postroom serve` and waits until it is ready.
    pub fn serve(&self) -> Result<Server> {
        self.serve_only(None)
    }

    /// Starts `postroom serve --only PART`, or all parts.
    pub fn serve_only(&self, part: Option<&str>) -> Result<Server> {
        let mut server = Server {
            installation: self.clone(),
            part: part.map(str::to_owned),
            process: None,
            base: String::new(),
            log: Arc::default(),
        };
        server.start()?;
        Ok(server)
    }
}

/// Someone who gets a sign-in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Sign-in address.
    pub email: String,
    /// Full name.
    pub name: String,
    /// Password.
    pub password: String,
}

impl Person {
    /// With the password that all people of the tests and the demo share.
    pub fn new(name: &str, email: &str) -> Self {
        Self { email: email.to_owned(), name: name.to_owned(), password: "correct horse battery".to_owned() }
    }
}

/// A running `postroom serve`. Dropping it terminates it; where the test is failing then, its log is printed.
#[derive(Debug)]
pub struct Server {
    installation: Installation,
    part: Option<String>,
    process: Option<Supervised>,
    base: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Its address, such as `http://127.0.0.1:34567`. A restart changes the port.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::id)
    }

    /// Someone who isn't signed in, calling this server.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous::at(&self.base)
    }

    /// Ends it as a crash would.
    pub fn kill9(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// [`Error::TimedOut`] where it takes more than 10 s, [`Error::Failed`] where it ends with another code than 0.
    pub fn terminate(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = process.end_with(Signal::SIGTERM, END)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed { what: "postroom ends when asked to".into(), output: status.to_string() })
    }

    /// Starts it again, after a kill or [`Self::terminate`], and waits until it is ready.
    pub fn start(&mut self) -> Result<()> {
        self.spawn()?;
        if self.base.is_empty() { Ok(()) } else { self.wait_ready() }
    }

    /// Terminates it and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.terminate()?;
        self.start()
    }

    /// Starts the process and waits only until it says where it listens; a part that doesn't listen isn't waited for.
    pub fn spawn(&mut self) -> Result<()> {
        self.base.clear();
        let mut command = self.installation.command();
        command.arg("serve").args(self.part.iter().flat_map(|part| ["--only", part.as_str()]));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Supervised::start("postroom", &mut command, Signal::SIGTERM)?;
        let from = self.lines().len();
        let file =
            fs::OpenOptions::new().create(true).append(true).open(self.installation.dir.join("postroom.log"));
        let file = Arc::new(Mutex::new(file.tried("opening the log of postroom")?));
        if let Some(stdout) = process.child().stdout.take() {
            self.collect(stdout, &file);
        }
        if let Some(stderr) = process.child().stderr.take() {
            self.collect(stderr, &file);
        }
        if self.part.as_deref().is_some_and(|part| part != "api") {
            self.process = Some(process);
            return Ok(());
        }
        let announced = wait_for("postroom says where it listens", START, || {
            let lines = self.lines();
            let address = lines.iter().skip(from).find_map(|line| line.trim().strip_prefix("listening on "));
            let address = address.map(str::to_owned);
            drop(lines);
            if let Some(address) = &address {
                self.base.clone_from(address);
            } else if process.ended()?.is_some() {
                return Err(Error::Failed { what: "starting postroom".into(), output: self.log_tail(40) });
            }
            Ok(address.is_some())
        });
        announced?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until `/readyz` says 200.
    pub fn wait_ready(&self) -> Result<()> {
        let caller = self.anonymous();
        wait_for("postroom is ready", START, || {
            Ok(caller.get("/readyz").is_ok_and(|answer| answer.status == 200))
        })
    }

    /// How its process ended, where it has.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        self.process.as_mut().map_or(Ok(None), Supervised::ended)
    }

    /// Everything that it printed since the test began.
    pub fn log(&self) -> String {
        self.lines().join("\n")
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let all = self.lines();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, stream: impl std::io::Read + Send + 'static, file: &Arc<Mutex<File>>) {
        let (log, file) = (Arc::clone(&self.log), Arc::clone(file));
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(std::result::Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let _ = writeln!(file.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
                log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let tail = self.log_tail(200);
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "--- the end of postroom's log ---\n{tail}\n--- end of the log ---");
        }
        let _ = self.terminate();
    }
}

/// `POSTROOM_BIN`, or the program beside the one that is running: `target/debug/postroom`.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("POSTROOM_BIN").filter(|p| !p.is_empty()) {
        let program = PathBuf::from(program);
        return if program.is_file() { Ok(program) } else { Err(Error::NotBuilt(program)) };
    }
    let here = std::env::current_exe().tried("asking for this program's own path")?;
    // A test is in target/debug/deps, the demo in target/debug.
    let found = here.ancestors().skip(1).take(2).map(|dir| dir.join("postroom")).find(|file| file.is_file());
    found.ok_or_else(|| Error::NotBuilt(crate::checkout().join("target/debug/postroom")))
}

/// The installation's master key, made at first use.
fn master_key(dir: &Path) -> Result<String> {
    let file = dir.join("master.key");
    if let Ok(key) = fs::read_to_string(&file) {
        return Ok(key);
    }
    let key = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());
    process::write_private(&file, key.as_bytes(), None)?;
    Ok(key)
}
