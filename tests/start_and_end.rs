//! The program's life as a process: what it says when it starts, what it leaves behind when it may not,
//! and which signals end it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server on a port of its own choice.
struct Running {
    child: Child,
    log: BufReader<ChildStdout>,
    port: u16,
}

impl Running {
    fn start(extra: &[&str]) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_redouble"))
            .args(["--port", "0", "--bind", "127.0.0.1", "--threads", "2"])
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut log = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (mut port, mut line) = (0, String::new());
        while !line.contains("Ready to accept connections tcp") {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a line"), 0, "it ended");
            if let Some((_, text)) = line.split_once("port=") {
                port = text.trim_end().trim_end_matches('.').parse().expect(text);
            }
        }
        Running { child, log, port }
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: a plain system call on a child that was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Sends a signal, and answers the exit code and the rest of the log.
    fn end_by(mut self, signal: libc::c_int) -> (Option<i32>, Vec<String>) {
        self.signal(signal);
        let log = self.log.by_ref().lines().map_while(Result::ok).collect();
        (self.child.wait().expect("an end").code(), log)
    }
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
    TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
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
