//! The way to the background. Unlike in Redis the parent waits until the server is ready, so that whoever
//! started it learns from its status whether it runs, and from its output why not.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process;

/// What the child tells a parent that may end.
const READY: &[u8] = b"\0";

/// The child's line to the parent that waits for it.
pub struct Daemon(File);

impl Daemon {
    /// Goes on in a child, in a session of its own, without the terminal. The parent does not return: it ends
    /// when the child is ready, and fails with what the child says, or when the child ends.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn start() -> io::Result<Daemon> {
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        let (from_child, to_parent) = pipe()?;
        // SAFETY: no other thread runs yet, so the child is whole.
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => drop(from_child),
            _ => {
                drop(to_parent);
                wait(from_child);
            }
        }
        // SAFETY: takes no arguments and touches no memory.
        unsafe { libc::setsid() };
        for standard in 0..=2 {
            // SAFETY: both are open file descriptors of this process.
            if unsafe { libc::dup2(null.as_raw_fd(), standard) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Daemon(to_parent))
    }

    /// Lets the parent end well.
    pub fn ready(mut self) {
        // A parent that was killed is no reason to stop.
        let _ = self.0.write_all(READY);
    }

    /// Lets the parent fail, with lines for its output.
    pub fn failed(mut self, lines: &str) {
        let _ = self.0.write_all(lines.as_bytes());
    }
}

/// The parent's end.
fn wait(mut from_child: File) -> ! {
    let mut told = Vec::new();
    let read = from_child.read_to_end(&mut told);
    if read.is_ok() && told == READY {
        process::exit(0);
    }
    if told.is_empty() {
        told.extend(b"The server in the background ended before it was ready\n");
    }
    let _ = io::stdout().write_all(&told);
    process::exit(1)
}

/// The two ends of a pipe; programs that this process may start do not inherit them.
fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just opened, and nobody else owns them.
    Ok(unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) })
}
