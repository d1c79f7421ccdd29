//! Child processes that never outlive the process that started them.
//!
//! Every server of the kit is a direct child in a process group of its own, so that Ctrl-C in a terminal reaches
//! the test and not its servers. One small guardian process per test process holds the read end of a pipe: when
//! the test process ends, in whatever way (return, panic, Ctrl-C, `kill -9`), the pipe closes and the guardian
//! ends the children and removes their directories.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use nix::{sys::signal, unistd::Pid};

use crate::error::{Error, Result, Tried};

pub use nix::sys::signal::Signal;

/// What the guardian runs. Each line that it reads replaces the last: tab-separated `SIGNAL:PID` and absolute paths.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP QUIT
last=
while IFS= read -r line; do last=$line; done
IFS='	'
set -f
each() { for item in $last; do case $item in /*) ;; *) kill "-${1:-${item%%:*}}" "${item#*:}" 2>/dev/null && alive=1 ;; esac; done; }
each
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  alive=; each 0; [ -z "$alive" ] && break; sleep 0.2
done
each KILL
for item in $last; do case $item in /*) rm -rf -- "$item" ;; esac; done
"#;

struct Guardian {
    wards: Vec<(Signal, u32)>,
    directories: Vec<PathBuf>,
    pipe: Option<ChildStdin>,
}

impl Guardian {
    fn tell(&mut self) -> Result<()> {
        if self.pipe.is_none() {
            let mut child = Command::new("/bin/sh")
                .args(["-c", GUARDIAN])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .current_dir("/")
                .process_group(0)
                .spawn()
                .tried("starting the guardian process")?;
            // It is never waited for: it outlives this process by design.
            self.pipe = child.stdin.take();
        }
        let mut words: Vec<String> =
            self.wards.iter().map(|(s, pid)| format!("{}:{pid}", short(*s))).collect();
        words.extend(self.directories.iter().map(|d| d.display().to_string()));
        if let Some(pipe) = &mut self.pipe {
            writeln!(pipe, "{}", words.join("\t")).tried("telling the guardian process")?;
        }
        Ok(())
    }
}

fn guardian() -> MutexGuard<'static, Guardian> {
    static GUARDIAN: OnceLock<Mutex<Guardian>> = OnceLock::new();
    GUARDIAN
        .get_or_init(|| Mutex::new(Guardian { wards: Vec::new(), directories: Vec::new(), pipe: None }))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// `SIGINT` as POSIX `kill -s` wants it: `INT`.
fn short(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}

/// Makes a new directory under the system's temporary directory that is removed when this process ends.
///
/// Every user may enter it, since servers may run as another user than the test.
///
/// What an earlier process left there, whose guardian was killed too, is removed first.
pub fn temporary_directory(name: &str) -> Result<PathBuf> {
    static SWEPT: std::sync::Once = std::sync::Once::new();
    SWEPT.call_once(sweep);
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let short = unique.get(..8).unwrap_or(&unique);
    let path = std::env::temp_dir().join(format!("postroom-{name}-{}-{short}", std::process::id()));
    make_directory(&path, None)?;
    let mut guardian = guardian();
    guardian.directories.push(path.clone());
    guardian.tell()?;
    Ok(path)
}

/// Removes the temporary directories of processes that are gone, and ends the servers that still run there.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix("postroom-") else { continue };
        let Some(maker) = rest.rsplit('-').nth(1).and_then(|pid| pid.parse::<i32>().ok()) else { continue };
        if signal::kill(Pid::from_raw(maker), None) != Err(nix::errno::Errno::ESRCH) {
            continue;
        }
        for pid_file in ["data/postmaster.pid", "run/master.pid", "exim/exim.pid"] {
            let text = fs::read_to_string(entry.path().join(pid_file)).unwrap_or_default();
            if let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok())
                && command_line(pid).contains(&name)
            {
                let _ = send(pid, Signal::SIGKILL);
            }
        }
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// What a process was started with; empty where that can't be told.
fn command_line(pid: u32) -> String {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => Command::new("ps")
            .args(["-o", "args=", "-p", &pid.to_string()])
            .output()
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            .unwrap_or_default(),
    }
}

/// The user that servers run as where this process is root, which they refuse to be.
#[derive(Debug, Clone)]
pub struct ServiceUser {
    /// Its name.
    pub name: String,
    /// Its main group's name.
    pub group: String,
    /// Set where this process must change to it.
    ids: Option<(u32, u32)>,
}

impl ServiceUser {
    /// This process's own user; where that is root, the first of `candidates` that the machine has, else `nobody`.
    pub fn find(candidates: &[&str]) -> Result<Self> {
        let me = nix::unistd::geteuid();
        if !me.is_root() {
            let user = nix::unistd::User::from_uid(me).ok().flatten();
            let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).ok().flatten();
            return match (user, group) {
                (Some(user), Some(group)) => Ok(Self { name: user.name, group: group.name, ids: None }),
                _ => Err(Error::MissingProgram(format!("a name for the user {me}"))),
            };
        }
        for name in candidates.iter().chain(&["nobody"]) {
            if let Ok(Some(user)) = nix::unistd::User::from_name(name)
                && let Ok(Some(group)) = nix::unistd::Group::from_gid(user.gid)
            {
                return Ok(Self {
                    name: user.name,
                    group: group.name,
                    ids: Some((user.uid.as_raw(), user.gid.as_raw())),
                });
            }
        }
        Err(Error::MissingProgram("a user to run servers as (postgres, dovecot or nobody)".into()))
    }

    /// Makes `command` run as this user.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
    }

    /// Gives a file or directory to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        match self.ids {
            Some((uid, gid)) => std::os::unix::fs::chown(path, Some(uid), Some(gid)).tried(format!(
                "giving {} to {}",
                path.display(),
                self.name
            )),
            None => Ok(()),
        }
    }

    /// `wanted`, or a place under `/var/tmp` with a name made from it where this user couldn't get to `wanted`
    /// (a checkout in root's home directory).
    pub fn reachable(&self, wanted: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let closed = |dir: &Path| fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 == 0);
        if self.ids.is_none() || !wanted.ancestors().skip(1).any(closed) {
            return wanted.to_owned();
        }
        let flat = wanted.display().to_string().trim_matches('/').replace(['/', ' '], "-");
        Path::new("/var/tmp").join(format!("postroom-{flat}"))
    }
}

/// Makes a directory that everyone may enter, belonging to `owner`.
pub(crate) fn make_directory(path: &Path, owner: Option<&ServiceUser>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(path).tried(format!("making {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .tried(format!("opening {}", path.display()))?;
    owner.map_or(Ok(()), |user| user.own(path))
}

/// Writes a file that `owner` may read.
pub(crate) fn write_file(path: &Path, content: &[u8], owner: Option<&ServiceUser>) -> Result<()> {
    fs::write(path, content).tried(format!("writing {}", path.display()))?;
    owner.map_or(Ok(()), |user| user.own(path))
}

/// Writes a file that only `owner` may read.
pub(crate) fn write_private(path: &Path, content: &[u8], owner: Option<&ServiceUser>) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(path);
    let what = format!("writing {}", path.display());
    file.tried(&what)?.write_all(content).tried(&what)?;
    owner.map_or(Ok(()), |user| user.own(path))
}

/// A port of 127.0.0.1 that is free now, below those that the system gives to outgoing connections, so that it
/// is still free when a server is started again on it.
pub fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = rand::random_range(20_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Failed {
        what: "finding a free port".into(),
        output: "200 tries between 20000 and 32000".into(),
    })
}

/// Asks `ready` again and again until it says yes.
///
/// # Errors
/// [`Error::TimedOut`] naming `what` after `limit`; whatever `ready` fails with.
pub fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if ready()? {
            return Ok(());
        }
        if begin.elapsed() > limit {
            return Err(Error::TimedOut { what: what.to_owned(), limit });
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(100));
    }
}

/// A child under the guardian's eye. Dropping it ends it with its signal.
#[derive(Debug)]
pub struct Supervised {
    what: String,
    child: Child,
    at_end: Signal,
}

impl Supervised {
    /// Starts `command` in a process group of its own. `at_end` is the signal that ends it properly.
    pub fn start(what: &str, command: &mut Command, at_end: Signal) -> Result<Self> {
        let mut child = command.process_group(0).spawn().tried(format!("starting {what}"))?;
        let mut guardian = guardian();
        guardian.wards.push((at_end, child.id()));
        if let Err(error) = guardian.tell() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        Ok(Self { what: what.to_owned(), child, at_end })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard streams, where they are pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal. A process that has ended already is no error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.child.id(), signal)
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().tried(format!("asking after {}", self.what))
    }

    /// Sends a signal and waits until the process has ended.
    ///
    /// # Errors
    /// [`Error::TimedOut`] where it is still there after `limit`; it is killed then.
    pub fn end_with(&mut self, signal: Signal, limit: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                guardian_forgets(self.child.id());
                return Ok(status);
            }
            if begin.elapsed() > limit {
                self.signal(Signal::SIGKILL)?;
                let _ = self.child.wait();
                guardian_forgets(self.child.id());
                return Err(Error::TimedOut {
                    what: format!("{} ends on {}", self.what, signal.as_str()),
                    limit,
                });
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Kills it as a crash would, at once, and waits until it is gone.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.end_with(Signal::SIGKILL, Duration::from_secs(10))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.end_with(self.at_end, Duration::from_secs(10));
        } else {
            guardian_forgets(self.child.id());
        }
    }
}

fn guardian_forgets(pid: u32) {
    let mut guardian = guardian();
    guardian.wards.retain(|(_, ward)| *ward != pid);
    let _ = guardian.tell();
}

/// Sends a signal to any process of ours; one that is gone is no error.
pub(crate) fn send(pid: u32, signal: Signal) -> Result<()> {
    let Ok(pid) = i32::try_from(pid) else { return Ok(()) };
    match signal::kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(errno) => {
            Err(std::io::Error::from(errno)).tried(format!("sending {} to process {pid}", signal.as_str()))
        }
    }
}

/// Direct children of a process (a PostgreSQL server's sessions, Dovecot's services).
pub(crate) fn children_of(parent: u32) -> Result<Vec<u32>> {
    let listing = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    if let Ok(listing) = listing {
        let text = String::from_utf8_lossy(&listing.stdout).into_owned();
        return Ok(text.lines().filter_map(|line| child_in_line(line, parent)).collect());
    }
    // Small systems lack `ps` but have /proc.
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").tried("listing processes")?.flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The second field, the program's name in parentheses, may itself hold spaces.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let ppid = rest.split_whitespace().nth(1).and_then(|p| p.parse::<u32>().ok());
        if ppid == Some(parent) {
            children.extend(entry.file_name().to_str().and_then(|p| p.parse::<u32>().ok()));
        }
    }
    Ok(children)
}

fn child_in_line(line: &str, parent: u32) -> Option<u32> {
    let mut fields = line.split_whitespace().map(|f| f.parse::<u32>().ok());
    let (pid, ppid) = (fields.next()??, fields.next()??);
    (ppid == parent).then_some(pid)
}

/// A program by name: on the path, or where systems put servers.
pub(crate) fn find_program(names: &[&str]) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let known = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];
    for name in names {
        let mut places: Vec<PathBuf> = std::env::split_paths(&path).chain(known.map(PathBuf::from)).collect();
        places.push(Path::new("/opt/homebrew/opt").join(name).join("bin"));
        if let Some(found) = places.iter().map(|dir| dir.join(name)).find(|file| file.is_file()) {
            return Ok(found);
        }
    }
    Err(Error::MissingProgram(names.join(" or ")))
}

/// Runs a program to its end and gives what it printed.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().tried(what)?;
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(printed(&output.stdout));
    }
    let ended = match output.status.signal() {
        Some(signal) => format!("killed by signal {signal}"),
        None => output.status.to_string(),
    };
    Err(Error::Failed {
        what: what.to_owned(),
        output: format!("{ended}\n{}{}", printed(&output.stdout), printed(&output.stderr)),
    })
}

/// The end of a log file, for error messages.
pub(crate) fn tail_of(file: &Path) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(15);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests;
