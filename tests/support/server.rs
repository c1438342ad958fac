//! Servers for tests: ours, or a real redis-server, on a free port of 127.0.0.1.

use super::client::Client;
use super::resp::Value;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// A program that can be started as a server.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    /// Ours takes `--threads`, and follows the scripts' DIFFERENCE expectations.
    pub ours: bool,
    /// Major and minor version, as `--version` says. For ours: what it claims to be compatible with.
    pub version: (u32, u32),
}

impl Program {
    /// The server under test: ours, or the one that `REDOUBLE_TEST_SERVER` names.
    pub fn under_test() -> Program {
        match std::env::var_os("REDOUBLE_TEST_SERVER") {
            None => Program {
                path: env!("CARGO_BIN_EXE_redouble").into(),
                ours: true,
                version: (7, 4),
            },
            Some(path) => {
                let program = Program::real(path.into());
                program.expect("REDOUBLE_TEST_SERVER must name a redis-server or a redouble")
            }
        }
    }

    /// The real server to compare with: `REDOUBLE_REFERENCE`, or `redis-server` on the PATH.
    /// `None` when neither is there; a panic when `REDOUBLE_REFERENCE` names something that does not run.
    pub fn reference() -> Option<Program> {
        match std::env::var_os("REDOUBLE_REFERENCE") {
            Some(path) => {
                let program = Program::real(path.into());
                Some(program.expect("REDOUBLE_REFERENCE must name a redis-server"))
            }
            None => Program::real("redis-server".into()),
        }
    }

    fn real(path: PathBuf) -> Option<Program> {
        let output = Command::new(&path).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.split_whitespace().find_map(|w| w.strip_prefix("v="))?;
        let mut parts = version.split('.').map(|p| p.parse().ok());
        let version = (parts.next()??, parts.next()??);
        let ours = path.file_stem().is_some_and(|stem| stem == "redouble");
        Some(Program {
            path,
            ours,
            version,
        })
    }
}

/// A running server; it is killed when dropped.
pub struct Server {
    pub program: Program,
    child: Child,
    address: SocketAddr,
    /// Its working directory: what a real server saves must not be loaded by the next one.
    folder: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// The server under test with `extra` arguments. Ours runs with two worker threads unless `extra` or
    /// `REDOUBLE_TEST_THREADS` says otherwise.
    pub fn start(extra: &[&str]) -> Server {
        Server::start_program(&Program::under_test(), extra)
    }

    /// Starts `program` and waits until it answers PING (or refuses it for want of a password).
    pub fn start_program(program: &Program, extra: &[&str]) -> Server {
        for _ in 0..20 {
            if let Some(server) = Server::try_start(program, extra) {
                return server;
            }
        }
        panic!("{} {extra:?} does not start", program.path.display());
    }

    fn try_start(program: &Program, extra: &[&str]) -> Option<Server> {
        // Another process may take the port between this look and the server's bind; then we try again.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let name = format!("redouble-test-{}-{}", std::process::id(), address.port());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the server");
        let mut command = Command::new(&program.path);
        command
            .args(["--port", &address.port().to_string()])
            .args(["--bind", "127.0.0.1", "--save", ""])
            .args(["--enable-debug-command", "yes"]);
        if program.ours && !extra.contains(&"--threads") {
            let threads = std::env::var("REDOUBLE_TEST_THREADS");
            command.args(["--threads", threads.as_deref().unwrap_or("2")]);
        }
        let mut child = command
            .args(extra)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", program.path.display()));
        let log = Arc::default();
        let ready = wait_until_ready(&mut child, &log);
        let server = Server {
            program: program.clone(),
            child,
            address,
            folder,
            log,
        };
        (ready && server.answers()).then_some(server)
    }

    fn answers(&self) -> bool {
        let Ok(mut client) = Client::try_connect(self.address) else {
            return false;
        };
        match client.call(&["PING"]) {
            Value::Simple(text) => text == b"PONG",
            Value::Error(text) => text.starts_with(b"NOAUTH"),
            _ => false,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection in RESP2.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A new connection in the given protocol.
    pub fn connect_as(&self, protocol: u8) -> Client {
        Client::connect_as(self.address, protocol)
    }

    /// Waits until nobody else is connected: a client that has gone may still be noted for a moment.
    pub fn wait_until_alone(&self, client: &mut Client) {
        let end = Instant::now() + super::client::patience();
        loop {
            let list = client.call(&["CLIENT", "LIST"]).text().unwrap_or_default();
            let others = list.iter().filter(|&&byte| byte == b'\n').count() - 1;
            if others == 0 {
                return;
            }
            let list = String::from_utf8_lossy(&list);
            assert!(Instant::now() < end, "still connected: {list}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the log has a line with this text. What it says before it is ready is in it too.
    pub fn has_logged(&self, text: &str) -> bool {
        let end = Instant::now() + super::client::patience();
        while Instant::now() < end {
            let log = self.log.lock().expect("not poisoned");
            if log.iter().any(|line| line.contains(text)) {
                return true;
            }
            drop(log);
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// The process, to look at or to send signals to.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Waits for the line that says the port is open; false when the process ends before it.
/// A PONG alone would not do: it could come from a stranger who took the port first.
fn wait_until_ready(child: &mut Child, lines: &Arc<Mutex<Vec<String>>>) -> bool {
    let lines = lines.clone();
    let log = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (sender, receiver) = mpsc::channel();
    // The thread goes on reading, so that a full pipe never stops the server.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let ready = line.contains("Ready to accept connections");
            lines.lock().expect("not poisoned").push(line);
            if ready {
                let _ = sender.send(());
            }
        }
    });
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok(()) => true,
        Err(mpsc::RecvTimeoutError::Disconnected) => false,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server does not say that it is ready to accept connections");
        }
    }
}
