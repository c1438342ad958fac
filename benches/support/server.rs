//! The servers that are compared: which they are, starting and ending them, and what they use.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Result;
use super::client::Client;
use super::sys;

/// The name that this project's server goes by in the tables.
pub const OURS: &str = "ours";

/// A server program, and how to call it.
pub struct Target {
    pub name: String,
    path: PathBuf,
    /// Arguments from the command line, after our own.
    arguments: Vec<String>,
    /// The first line that `--version` prints.
    pub version: String,
    takes_threads: bool,
}

impl Target {
    /// Reads `NAME=PATH`, or `NAME=PATH ARGUMENT...` separated by blanks.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, call) = text
            .split_once('=')
            .ok_or_else(|| format!("--server {text}: NAME=PATH was expected"))?;
        let mut words = call.split_whitespace();
        let path = words
            .next()
            .ok_or_else(|| format!("--server {text}: no path"))?;
        Self::new(name, PathBuf::from(path), words.map(String::from).collect())
    }

    fn new(name: &str, path: PathBuf, arguments: Vec<String>) -> Result<Self> {
        // The server runs in another directory. Links stay: what they are called decides what some programs do.
        let path = match path.components().count() {
            1 => find_program(&path.to_string_lossy()).unwrap_or(path),
            _ => std::path::absolute(path)?,
        };
        let output = Command::new(&path)
            .arg("--version")
            .output()
            .map_err(|error| format!("{name}: {} --version: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or("").trim().to_owned();
        // Redis and Valkey refuse to start with a setting that they do not know, and `--threads` is ours.
        let foreign = ["Redis server", "Valkey server"]
            .iter()
            .any(|other| version.starts_with(other));
        Ok(Self {
            name: name.to_owned(),
            path,
            arguments,
            takes_threads: !foreign || version.to_lowercase().contains("redouble"),
            version,
        })
    }

    /// Ours, then the known servers on the PATH, then what `--server` adds. A later one replaces an earlier one of the
    /// same name.
    pub fn all(extra: &[String], without: &[String]) -> Result<Vec<Self>> {
        let extra: Vec<Self> = extra
            .iter()
            .map(|text| Self::parse(text))
            .collect::<Result<_>>()?;
        let mut targets = Vec::new();
        let known = [
            (OURS, Some(our_program())),
            ("redis-server", find_program("redis-server")),
            ("valkey-server", find_program("valkey-server")),
        ];
        for (name, path) in known {
            let replaced = extra.iter().any(|target| target.name == name);
            if let (Some(path), false) = (path, replaced) {
                targets.push(Self::new(name, path, Vec::new())?);
            }
        }
        targets.extend(extra);
        targets.retain(|target| !without.contains(&target.name));
        // Ours stays first also when --server replaced it.
        targets.sort_by_key(|target| target.name != OURS);
        Ok(targets)
    }

    /// This project's server, as cargo built it or as `REDOUBLE_BIN` says.
    pub fn ours() -> Result<Self> {
        Self::new(OURS, our_program(), Vec::new())
    }

    /// The server program `path`, or of that name on the PATH.
    pub fn other(name: &str, path: &Path) -> Result<Self> {
        Self::new(name, path.to_owned(), Vec::new())
    }

    /// True if the others are compared with this one.
    pub fn is_base(&self) -> bool {
        self.name != OURS
    }

    /// Starts the server on a free port of 127.0.0.1, and waits until it answers PING.
    ///
    /// `cores` empty leaves it unpinned. Its log goes to `directory`, which is also where it runs.
    pub fn start(&self, threads: usize, cores: &[usize], directory: &Path) -> Result<Server> {
        let port = free_port()?;
        let log = directory.join(format!("{}-{port}.log", self.name));
        let output = File::create(&log)?;
        let mut command = Command::new(&self.path);
        command
            .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
            .args(["--port", &port.to_string(), "--maxclients", "20000"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output);
        if self.takes_threads {
            command.args(["--threads", &threads.to_string()]);
        }
        command.args(&self.arguments);
        sys::pin_command(&mut command, cores);
        let child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", self.path.display()))?;
        let mut server = Server {
            name: self.name.clone(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            child,
        };
        server.wait_until_ready().map_err(|error| {
            format!("{} did not start: {error}\n{}", self.name, last_lines(&log))
        })?;
        Ok(server)
    }
}

/// A running server. It ends when this is dropped.
pub struct Server {
    pub name: String,
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended with {status}").into());
            }
            let answer = self
                .client()
                .and_then(|mut client| client.command(&[b"PING"]));
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > Duration::from_secs(10) => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    pub fn client(&self) -> Result<Client> {
        Client::connect(self.address)
    }

    /// CPU seconds used since the start, by all threads.
    pub fn cpu(&self) -> Result<f64> {
        Ok(sys::process_cpu(self.child.id())?)
    }

    /// Seconds that the server's threads could run but had no core.
    pub fn waited(&self) -> Result<f64> {
        let mut sum = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let nanoseconds = text
                .split_whitespace()
                .nth(1)
                .ok_or("schedstat is too short")?;
            sum += nanoseconds.parse::<f64>()? / 1e9;
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.split_whitespace().next());
        let size: u64 = size.ok_or("no VmRSS in /proc")?.parse()?;
        Ok(size * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        sys::terminate(self.child.id());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        // It did not listen to the polite request; nothing more can be done about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file that the shell would run for `name`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

fn our_program() -> PathBuf {
    env::var_os("REDOUBLE_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_redouble")),
        PathBuf::from,
    )
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
