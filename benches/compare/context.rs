//! What every part of the comparison needs: the servers, the cores, the progress line, and what failed.

use std::path::Path;

use crate::options::{LoadKind, Options};
use crate::support::directory::Directory;
use crate::support::progress::Progress;
use crate::support::server::{Server, Target};
use crate::support::{Result, sys};
use crate::workload::Workload;

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
        self.directory.path()
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
