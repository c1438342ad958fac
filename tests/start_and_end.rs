//! The program's life as a process: what it says when it starts, what it leaves behind when it may not,
//! and which signals end it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What it says when clients can connect.
const READY: &str = "* Ready to accept connections ";

/// A server on a port of its own choice.
struct Running {
    child: Child,
    /// What it said until it was ready.
    said: Vec<String>,
    log: BufReader<ChildStdout>,
    port: u16,
}

impl Running {
    fn start(extra: &[&str]) -> Running {
        let usual = ["--port", "0", "--bind", "127.0.0.1", "--threads", "2"];
        Running::start_with(&[&usual, extra].concat(), &[], "")
    }

    /// Starts it with just these arguments and variables, and this on its standard input.
    fn start_with(arguments: &[&str], environment: &[(&str, &str)], stdin: &str) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_redouble"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut input = child.stdin.take().expect("stdin is piped");
        input.write_all(stdin.as_bytes()).expect("sent");
        drop(input);
        let mut log = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (mut port, mut said) = (0, Vec::<String>::new());
        while !said.last().is_some_and(|line| line.contains(READY)) {
            let mut line = String::new();
            let read = log.read_line(&mut line).expect("a line");
            assert_ne!(read, 0, "it ended: {said:?}");
            if let Some((_, text)) = line.split_once("port=") {
                port = text.trim_end().trim_end_matches('.').parse().expect(text);
            }
            said.push(line);
        }
        Running {
            child,
            said,
            log,
            port,
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("a connection")
    }

    /// What it answers to one inline request, as it sends it.
    fn ask(&self, request: &str) -> String {
        ask(self.connect(), request)
    }

    /// The value of a setting.
    fn setting(&self, name: &str) -> String {
        let reply = self.ask(&format!("CONFIG GET {name}"));
        let lines: Vec<&str> = reply.split("\r\n").collect();
        // *2, $n, the name, $n, the value.
        lines[4].to_owned()
    }

    /// Whether a line that it said before it was ready has this text.
    fn has_said(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: a plain system call on a child that was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Sends a signal, and answers the exit code and the rest of the log.
    fn end_by(self, signal: libc::c_int) -> (Option<i32>, Vec<String>) {
        self.signal(signal);
        self.end()
    }

    /// Waits for the end, and answers the exit code and the rest of the log.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let log = self.log.by_ref().lines().map_while(Result::ok).collect();
        (self.child.wait().expect("an end").code(), log)
    }
}

/// Sends one inline request and reads everything until the server closes.
fn ask<S: Read + Write>(mut stream: S, request: &str) -> String {
    write!(stream, "{request}\r\nQUIT\r\n").expect("sent");
    let mut reply = String::new();
    stream
        .read_to_string(&mut reply)
        .expect("a reply and the end");
    reply
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path of this test's own.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("redouble-{}-{name}", std::process::id()))
}

fn first_line(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("the file");
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn port_0_says_which_port_was_taken() {
    let server = Running::start(&[]);
    assert_ne!(server.port, 0);
    assert_eq!(server.ask("PING"), "+PONG\r\n+OK\r\n");
}

#[test]
fn the_readiness_line_is_there_once_for_all_addresses() {
    let mut server = Running::start_with(&["--port", "0"], &[], "");
    let line = server.said.last().expect("a line");
    let head = format!("{}:M ", server.child.id());
    assert!(line.starts_with(&head), "{line}");
    assert!(
        line.ends_with("* Ready to accept connections tcp\n"),
        "{line}"
    );
    server.ask("SHUTDOWN");
    let rest: Vec<String> = server.log.by_ref().lines().map_while(Result::ok).collect();
    assert!(!rest.iter().any(|line| line.contains(READY)), "{rest:?}");
}

#[test]
fn a_taken_port_is_one_clear_line_and_harms_nobody() {
    let path = scratch("pid");
    let pid_file = path.to_str().expect("a plain path");
    let server = Running::start(&["--pidfile", pid_file]);
    let port = server.port.to_string();
    let second = Command::new(env!("CARGO_BIN_EXE_redouble"))
        .args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--pidfile",
            pid_file,
        ])
        .output()
        .expect("the program runs");
    assert_eq!(second.status.code(), Some(1));
    let log = String::from_utf8_lossy(&second.stdout);
    let text = format!(
        "Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
    );
    assert_eq!(log.matches(&text).count(), 1, "{log}");
    // The first server's file is still its own.
    assert_eq!(first_line(&path), server.child.id().to_string());
    assert_eq!(server.end_by(libc::SIGTERM).0, Some(0));
    assert!(!path.exists());
}

#[test]
fn sigterm_and_sigint_end_the_server_and_sighup_does_not() {
    for (signal, name) in [(libc::SIGTERM, "SIGTERM"), (libc::SIGINT, "SIGINT")] {
        let server = Running::start(&[]);
        server.signal(libc::SIGHUP);
        let (code, log) = server.end_by(signal);
        assert_eq!(code, Some(0), "{name}");
        assert!(
            log.iter()
                .any(|line| line.contains(&format!("Received {name}"))),
            "{log:?}"
        );
    }
}

#[test]
fn what_was_sent_before_the_end_is_run_and_answered() {
    const COUNT: usize = 5000;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let server = Running::start(&[]);
        let mut clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(("127.0.0.1", server.port)).expect("a connection"))
            .collect();
        for client in &mut clients {
            client.write_all(b"PING\r\n").expect("sent");
            client.read_exact(&mut [0; 7]).expect("+PONG");
        }
        for client in &mut clients {
            // Longer than what the server reads at once.
            let request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
            client.write_all(&request.repeat(COUNT)).expect("sent");
        }
        assert_eq!(server.end_by(signal).0, Some(0));
        for client in &mut clients {
            let mut replies = Vec::new();
            client
                .read_to_end(&mut replies)
                .expect("replies and the end");
            assert_eq!(replies.len(), b"+OK\r\n".len() * COUNT);
        }
    }
}

/// A directory of this test's own; gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = scratch(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path.canonicalize().expect("its name"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A path in it as an argument.
    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that failed must not leave its server in the background.
        let pid = std::fs::read_to_string(self.path("pid"));
        if let Some(pid) = pid.ok().and_then(|pid| pid.trim_end().parse().ok()) {
            // SAFETY: a plain system call.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits until something is so; panics if it never is.
fn wait_until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_end_takes_the_pid_file_and_the_socket_with_it() {
    let folder = Folder::new("ends");
    let (pid, socket) = (folder.text("pid"), folder.text("socket"));
    for end in ["SIGTERM", "SIGINT", "SHUTDOWN"] {
        let server = Running::start(&["--unixsocket", &socket, "--pidfile", &pid]);
        assert_eq!(
            first_line(&folder.path("pid")),
            server.child.id().to_string()
        );
        let connected = || UnixStream::connect(&socket).expect("a connection");
        assert_eq!(ask(connected(), "PING"), "+PONG\r\n+OK\r\n");
        let (code, log) = match end {
            "SIGTERM" => server.end_by(libc::SIGTERM),
            "SIGINT" => server.end_by(libc::SIGINT),
            _ => {
                // No reply: the connection is closed.
                assert_eq!(ask(connected(), "SHUTDOWN NOSAVE"), "");
                server.end()
            }
        };
        assert_eq!(code, Some(0), "{end}: {log:?}");
        assert!(
            log.last().is_some_and(|line| line.contains("bye bye")),
            "{log:?}"
        );
        for name in ["pid", "socket"] {
            assert!(!folder.path(name).exists(), "{end} leaves the {name}");
        }
    }
}

#[test]
fn port_0_with_a_unix_socket_is_no_tcp_at_all() {
    let folder = Folder::new("socket");
    let socket = folder.text("redis.sock");
    for (permissions, mode) in [("700", 0o700), ("777", 0o777), ("660", 0o660)] {
        let server = Running::start_with(
            &[
                "--port 0",
                "--unixsocket",
                &socket,
                "--unixsocketperm",
                permissions,
            ],
            &[],
            "",
        );
        assert!(server.has_said("* Ready to accept connections unix"));
        assert!(!server.has_said("connections tcp"));
        assert_eq!(server.port, 0);
        let found = std::fs::metadata(&socket)
            .expect("the socket")
            .permissions();
        assert_eq!(found.mode() & 0o777, mode);
        let connection = UnixStream::connect(&socket).expect("a connection");
        let info = ask(connection, "INFO server");
        assert!(info.contains("\r\ntcp_port:0\r\n"), "{info}");
    }
    // Killed servers leave their socket behind, which is in nobody's way.
    assert!(folder.path("redis.sock").exists());
}

#[test]
fn relative_names_begin_at_dir() {
    let folder = Folder::new("dir");
    std::fs::create_dir(folder.path("inner")).expect("a folder");
    let server = Running::start(&[
        "--dir",
        &folder.text(""),
        "--dir",
        "inner",
        "--pidfile",
        "pid",
        "--unixsocket",
        "socket",
    ]);
    let inner = folder.path("inner");
    // Port 0 and a socket: no TCP.
    let connection = UnixStream::connect(inner.join("socket")).expect("a connection");
    let reply = ask(connection, "CONFIG GET dir");
    assert!(
        reply.contains(inner.to_str().expect("a plain path")),
        "{reply}"
    );
    assert_eq!(
        first_line(&inner.join("pid")),
        server.child.id().to_string()
    );
    assert_eq!(server.end_by(libc::SIGTERM).0, Some(0));
    assert_eq!(std::fs::read_dir(&inner).expect("the folder").count(), 0);
}

#[test]
fn an_argument_may_hold_name_and_value() {
    let server = Running::start(&["--requirepass foo", "--save 1 1 ", "--databases 3"]);
    assert!(server.ask("PING").starts_with("-NOAUTH"));
    let reply = server.ask("AUTH foo\r\nCONFIG GET save\r\nSELECT 3");
    assert!(
        reply.starts_with("+OK\r\n*2\r\n$4\r\nsave\r\n$3\r\n1 1\r\n-ERR DB index"),
        "{reply}"
    );
    for arguments in [
        &["--save", ""][..],
        &["--save ''"],
        &["--save"],
        &["--save", "--hz", "9"],
    ] {
        let server = Running::start(arguments);
        assert_eq!(server.setting("save"), "", "{arguments:?}");
        assert_eq!(server.setting("port"), "0", "{arguments:?}");
    }
}

/// Every name of Redis 7.4 with the value that it has when nobody gives one, as a configuration file.
fn whole_configuration() -> String {
    let data = include_str!("data/config_defaults.tsv");
    let pairs = data
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').expect("a name and a value"));
    let lines = pairs.map(|(name, value)| match name {
        // Written otherwise than shown.
        "replicaof" | "slaveof" => format!("{name} no one\n"),
        _ => {
            let many = value.contains(' ') && name != "proc-title-template";
            let quotes = if many { "" } else { "\"" };
            format!("{name} {quotes}{value}{quotes}\n")
        }
    });
    lines.collect()
}

#[test]
fn a_whole_configuration_file_is_read() {
    let folder = Folder::new("file");
    let file = folder.text("redis.conf");
    let text = whole_configuration() + "port 0\nbind 127.0.0.1\ntimeout 77 \nrequirepass \"a b\"\n";
    std::fs::write(&file, text).expect("written");
    let server = Running::start_with(&[&file, "--timeout", "78"], &[], "");
    let reply = server.ask("AUTH \"a b\"\r\nCONFIG GET timeout");
    assert!(reply.contains("$2\r\n78\r\n"), "{reply}");
    let info = server.ask("AUTH \"a b\"\r\nINFO server");
    assert!(
        info.contains(&format!("\r\nconfig_file:{file}\r\n")),
        "{info}"
    );
    // What has no effect is said in one line, and not name by name.
    assert!(
        server.has_said("with their default values"),
        "{:?}",
        server.said
    );
    assert!(
        server.said.iter().all(|line| line.len() < 200),
        "{:?}",
        server.said
    );
}

#[test]
fn the_configuration_files_of_distributions_are_read_as_they_are() {
    let folder = Folder::new("distribution");
    for file in [
        "/etc/redis/redis.conf",
        "/etc/redis.conf",
        "/etc/valkey/valkey.conf",
    ] {
        if std::fs::read(file).is_err() {
            println!("skipped: {file} is not here, or not for us to read");
            continue;
        }
        let (log, pid) = (folder.text("log"), folder.text("pid"));
        let own = [
            "--port",
            "0",
            "--logfile",
            "",
            "--daemonize",
            "no",
            "--dir",
            &folder.text(""),
        ];
        let more = ["--pidfile", &pid, "--unixsocket", ""];
        let server = Running::start_with(&[&[file], &own[..], &more].concat(), &[], "");
        assert_eq!(server.ask("PING"), "+PONG\r\n+OK\r\n");
        drop(server);
        let own = [
            "--port",
            "0",
            "--logfile",
            &log,
            "--daemonize",
            "yes",
            "--dir",
            &folder.text(""),
        ];
        let parent = program(&[&[file], &own[..], &more].concat());
        assert_eq!(parent.status.code(), Some(0), "{parent:?}");
        end_daemon(&folder.path("pid"));
    }
}

#[test]
fn a_configuration_comes_by_standard_input_too() {
    let text = "port 0\n# A comment.\nbind 127.0.0.1\nmaxmemory 1mb\nhz 20";
    let server = Running::start_with(&["-"], &[], text);
    assert_eq!(
        (server.setting("maxmemory"), server.setting("hz")),
        ("1048576".into(), "20".into())
    );
    let server = Running::start_with(&["--hz", "30", "-"], &[], text);
    assert_eq!(server.setting("hz"), "30");
}

#[test]
fn the_environment_gives_settings_and_a_password() {
    let environment = [
        ("REDIS_PASSWORD", "se cret"),
        (
            "REDIS_ARGS",
            "--port 0 --bind 127.0.0.1 --save '' --databases 5",
        ),
        ("REDOUBLE_HZ", "33"),
    ];
    let server = Running::start_with(&[], &environment, "");
    assert!(server.ask("PING").starts_with("-NOAUTH"));
    let reply = server.ask("AUTH default \"se cret\"\r\nCONFIG GET hz\r\nCONFIG GET databases");
    let expected =
        "+OK\r\n*2\r\n$2\r\nhz\r\n$2\r\n33\r\n*2\r\n$9\r\ndatabases\r\n$1\r\n5\r\n+OK\r\n";
    assert_eq!(reply, expected);
}

#[test]
fn what_wrappers_pass_is_taken_and_said_to_be_without_effect() {
    let server = Running::start(&[
        "--rdbcompression",
        "yes",
        "--rdbchecksum",
        "no",
        "--appendonly",
        "no",
        "--timeout",
        "0",
        "--dbfilename",
        "dump.1.rdb",
        "--loglevel",
        "notice",
        "--syslog-enabled",
        "yes",
        "--tls-port",
        "0",
        "--tls-cert-file",
        "/x.crt",
        "--tls-key-file",
        "/x.key",
        "--tls-ca-cert-file",
        "/ca.crt",
        "--tls-auth-clients",
        "no",
        "--cluster-enabled",
        "no",
        "--enable-debug-command",
        "local",
        "--loadmodule",
        "/x.so",
        "--user",
        "alice",
        "on",
        "+@all",
    ]);
    let lines = [
        "* Accepted, but without effect in this server: ",
        "syslog-enabled",
        "tls-cert-file",
        "# There are no modules: '/x.so' is not loaded",
        "# There are no users but the default one: 'alice' cannot log in",
    ];
    for text in lines {
        assert!(server.has_said(text), "{text}: {:?}", server.said);
    }
    // This one has an effect.
    assert_eq!(server.ask("DEBUG SLEEP 0"), "+OK\r\n+OK\r\n");
    // What cannot be had at the start cannot be had later.
    for name in ["tls-port 6380", "tls-replication yes", "tls-cluster yes"] {
        let reply = server.ask(&format!("CONFIG SET {name}"));
        assert!(
            reply.contains("Unable to update TLS configuration"),
            "{reply}"
        );
    }
}

/// Runs the program to its end, without input.
fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redouble"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

/// Ends the server that a pid file names, and waits until it is gone.
fn end_daemon(pid_file: &Path) {
    let pid: i32 = first_line(pid_file).parse().expect("a process id");
    // SAFETY: a plain system call.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    wait_until("the server in the background ends", || !pid_file.exists());
}

#[test]
fn a_server_in_the_background_is_ready_when_its_parent_ends() {
    let folder = Folder::new("daemon");
    let (socket, pid, log) = (
        folder.text("socket"),
        folder.text("pid"),
        folder.text("log"),
    );
    let arguments = [
        "--daemonize",
        "yes",
        "--port",
        "0",
        "--pidfile",
        &pid,
        "--logfile",
        &log,
    ];
    for round in 0..5 {
        let parent = program(&[&arguments[..], &["--unixsocket", &socket]].concat());
        assert_eq!(parent.status.code(), Some(0), "{parent:?}");
        assert_eq!((parent.stdout, parent.stderr), (Vec::new(), Vec::new()));
        let connection = UnixStream::connect(&socket).expect("a connection at once");
        let info = ask(connection, "INFO server");
        let id = first_line(&folder.path("pid"));
        assert!(
            info.contains(&format!("\r\nprocess_id:{id}\r\n")),
            "{id}: {info}"
        );
        // It has a session of its own, and does not end with whoever started it.
        let id: i32 = id.parse().expect("a process id");
        // SAFETY: a plain system call.
        assert_eq!(unsafe { libc::getsid(id) }, id);
        end_daemon(&folder.path("pid"));
        let log = folder.read("log");
        assert_eq!(log.matches(READY).count(), round + 1, "{log}");
    }
}

#[test]
fn a_server_that_cannot_go_to_the_background_says_why() {
    let folder = Folder::new("background");
    let server = Running::start(&[]);
    let port = server.port.to_string();
    let (pid, log) = (folder.text("pid"), folder.text("log"));
    let arguments = [
        "--daemonize",
        "yes",
        "--bind",
        "127.0.0.1",
        "--port",
        &port,
        "--pidfile",
        &pid,
    ];
    for arguments in [
        &arguments[..],
        &[&arguments[..], &["--logfile", &log]].concat(),
    ] {
        let parent = program(arguments);
        assert_eq!(parent.status.code(), Some(1), "{parent:?}");
        let said = String::from_utf8_lossy(&parent.stdout).into_owned();
        assert!(said.contains("bind: Address already in use\n"), "{said}");
        assert!(!folder.path("pid").exists());
    }
    assert!(
        folder
            .read("log")
            .contains("bind: Address already in use\n")
    );
}

#[test]
fn a_log_file_may_be_moved_away_and_its_level_changed() {
    let folder = Folder::new("log");
    let (socket, pid, log) = (
        folder.text("socket"),
        folder.text("pid"),
        folder.text("log"),
    );
    let parent = program(&[
        "--daemonize",
        "yes",
        "--port",
        "0",
        "--unixsocket",
        &socket,
        "--pidfile",
        &pid,
        "--logfile",
        &log,
    ]);
    assert_eq!(parent.status.code(), Some(0), "{parent:?}");
    let connect = || UnixStream::connect(&socket).expect("a connection");
    std::fs::rename(folder.path("log"), folder.path("log.1")).expect("moved");
    // Both lines are written before the connection is closed.
    assert_eq!(ask(connect(), "POST / HTTP/1.1"), "");
    assert!(folder.read("log.1").contains(READY));
    let new = folder.read("log");
    assert_eq!(new.lines().count(), 1, "{new}");
    assert!(new.contains("# Possible SECURITY ATTACK detected"), "{new}");
    assert_eq!(
        ask(connect(), "CONFIG SET loglevel nothing"),
        "+OK\r\n+OK\r\n"
    );
    assert_eq!(ask(connect(), "POST / HTTP/1.1"), "");
    end_daemon(&folder.path("pid"));
    assert_eq!(folder.read("log"), new, "nothing more");
}

#[test]
fn a_server_starts_again_at_once_where_one_was_killed() {
    let first = Running::start(&[]);
    let port = first.port.to_string();
    let mut server = first;
    for _ in 0..5 {
        let mut clients: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.write_all(b"PING\r\n").expect("sent");
            client.read_exact(&mut [0; 7]).expect("+PONG");
        }
        // Killed with its connections open.
        let (code, _) = server.end_by(libc::SIGKILL);
        assert_eq!(code, None);
        server = Running::start(&["--port", &port]);
        assert_eq!(server.ask("DBSIZE"), ":0\r\n+OK\r\n");
    }
}
