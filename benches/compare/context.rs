//! What every part of the comparison needs: the servers, the cores, the progress line, and what failed.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Instant;

use crate::options::{LoadKind, Options};
use crate::server::{Server, Target};
use crate::workload::Workload;
use crate::{Result, sys};

/// Where the server and the load run. Empty lists leave them unpinned.
pub struct Cores {
    pub server: Vec<usize>,
    pub load: Vec<usize>,
}

pub struct Context {
    pub options: Options,
    pub targets: Vec<Target>,
    pub progress: Progress,
    failures: Vec<String>,
    directory: Directory,
}

impl Context {
    pub fn new(options: Options) -> Result<Self> {
        options.check()?;
        let targets = Target::all(&options.server, &options.without)?;
        if targets.is_empty() {
            return Err("no server is left to measure".into());
        }
        Ok(Self {
            options,
            targets,
            progress: Progress::new(),
            failures: Vec::new(),
            directory: Directory::new()?,
        })
    }

    /// One thread: the server on the first core, the load on the second. More: both on the same two cores.
    pub fn cores(&self, threads: usize) -> Cores {
        let (server, load): (&[usize], &[usize]) = match (threads, sys::allowed_cores().as_slice())
        {
            (_, [] | [_]) => (&[], &[]),
            (1, [first, second, ..]) => (&[*first], &[*second]),
            (_, [first, second, ..]) => (&[*first, *second], &[*first, *second]),
        };
        Cores {
            server: server.to_vec(),
            load: load.to_vec(),
        }
    }

    /// The directory that servers run in. It goes away with this.
    pub fn directory(&self) -> &Path {
        &self.directory.0
    }

    pub fn start_all(&self, threads: usize) -> Result<Vec<Server>> {
        let cores = self.cores(threads);
        let start = |target: &Target| target.start(threads, &cores.server, self.directory());
        self.targets.iter().map(start).collect()
    }

    /// True if `--only` and `--load` leave `workload` in.
    pub fn selects(&self, workload: &Workload) -> bool {
        let only = &self.options.only;
        let wanted = only.is_empty() || only.iter().any(|filter| workload.matches(filter));
        let own_load = self.options.load == LoadKind::Own;
        wanted && (own_load || workload.redis_benchmark_test().is_some())
    }

    /// Keeps a failure for the end, so that one server's fault does not cost the rest of a long run.
    pub fn note_failure<T>(&mut self, name: &str, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| self.failures.push(format!("{name}: {error}")))
            .ok()
    }

    /// Prints the failures. True if there were none.
    pub fn report_failures(&self) -> bool {
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
        self.failures.is_empty()
    }
}

/// A line on stderr that says what is running and how much is left.
pub struct Progress {
    rewrites: bool,
    start: Instant,
    done: usize,
    steps: usize,
}

impl Progress {
    fn new() -> Self {
        Self {
            rewrites: io::stderr().is_terminal(),
            start: Instant::now(),
            done: 0,
            steps: 0,
        }
    }

    /// Starts over with `steps` steps to come.
    pub fn expect(&mut self, steps: usize) {
        *self = Self {
            steps,
            ..Self::new()
        };
    }

    pub fn step(&mut self, what: &str) {
        let elapsed = self.start.elapsed().as_secs_f64();
        let left = match self.done {
            0 => String::new(),
            done => {
                let left = elapsed / done as f64 * (self.steps - done.min(self.steps)) as f64;
                format!(", {left:.0} s left")
            }
        };
        self.done += 1;
        let line = format!("[{}/{}{left}] {what}", self.done, self.steps);
        if self.rewrites {
            eprint!("\r\x1b[K{line}");
            // A lost progress line is no reason to stop.
            let _ = io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    pub fn end(&self) {
        if self.rewrites {
            eprint!("\r\x1b[K");
        }
    }
}

/// A directory of our own under the system's temporary one.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("redouble-compare-{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind lies in the temporary directory, where nobody minds.
        let _ = fs::remove_dir_all(&self.0);
    }
}
