//! What every part of the comparison needs: the servers, the cores, the progress line, and what failed.

use std::path::Path;

use crate::options::{LoadKind, Options};
use crate::support::Result;
use crate::support::cores::Cores;
use crate::support::directory::Directory;
use crate::support::progress::Progress;
use crate::support::server::{Server, Target};
use crate::workload::{WORKLOADS, Workload};

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

    /// The directory that servers run in. It goes away with this.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn start_all(&self, threads: usize) -> Result<Vec<Server>> {
        let cores = Cores::of(threads);
        let start = |target: &Target| target.start(threads, &cores.server, self.directory());
        self.targets.iter().map(start).collect()
    }

    /// The workloads that `--only`, `--pipeline` and `--load` leave in, on smaller collections in a quick run.
    pub fn workloads(&self) -> Vec<Workload> {
        let only = &self.options.only;
        let own_load = self.options.load == LoadKind::Own;
        let wanted = |workload: &&Workload| {
            (only.is_empty() || only.iter().any(|filter| workload.matches(filter)))
                && !workload.pipelines(&self.options.pipeline).is_empty()
                && (own_load || workload.redis_benchmark_test().is_some())
        };
        let workloads = WORKLOADS.iter().filter(wanted).copied();
        match self.options.quick {
            true => workloads.map(Workload::small).collect(),
            false => workloads.collect(),
        }
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
