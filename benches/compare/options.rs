//! The command line.

use clap::{Parser, ValueEnum};

/// Compares this server with others on the same machine, in the same run.
#[derive(Parser)]
#[command(name = "cargo bench --bench compare --")]
pub struct Options {
    /// A check that everything works, in a minute: one short round. Its figures mean little
    #[arg(long)]
    pub quick: bool,

    /// Rounds; the tables show their medians [default: 5, for --latency 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,

    /// Seconds that each workload is measured in each round [default: 1, for --latency 5]
    #[arg(long)]
    seconds: Option<f64>,

    /// Only this workload, such as set-1k, or set for both sizes; for --memory keys, sorted-set, set, hash, list, stream,
    /// hashes or connections; may be repeated
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// Threads of our server. 1: the server on one core, the load on another. 2: both share two cores
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2], value_name = "N")]
    pub threads: Vec<usize>,

    /// Requests per write
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64], value_name = "N")]
    pub pipeline: Vec<usize>,

    /// Connections of the load
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub connections: usize,

    /// What makes the load; redis-benchmark knows only GET, SET and INCR
    #[arg(long, value_enum, default_value_t = LoadKind::Own)]
    pub load: LoadKind,

    /// Adds or replaces a server: NAME=PATH, or 'NAME=PATH ARGUMENT...'; ours is named "ours"
    #[arg(long, value_name = "NAME=PATH")]
    pub server: Vec<String>,

    /// Leaves a server out; may be repeated
    #[arg(long, value_name = "NAME")]
    pub without: Vec<String>,

    /// Measures throughput and CPU; this and --memory are what runs when no part is named
    #[arg(long)]
    throughput: bool,

    /// Measures memory per key, member, small hash and idle connection
    #[arg(long)]
    memory: bool,

    /// Measures the tail of GET's latency at a fixed rate while other work goes on
    #[arg(long)]
    latency: bool,

    /// Measures PUBLISH, and SET with client tracking and keyspace events, and RPUSH to clients in BLPOP
    #[arg(long)]
    fanout: bool,

    /// GETs per second for --latency
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub rate: u64,

    /// Prints Markdown
    #[arg(long)]
    pub markdown: bool,

    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Who makes the requests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LoadKind {
    Own,
    RedisBenchmark,
}

impl Options {
    fn part_named(&self) -> bool {
        self.throughput || self.memory || self.latency || self.fanout
    }

    pub fn wants_throughput(&self) -> bool {
        self.throughput || !self.part_named()
    }

    pub fn wants_memory(&self) -> bool {
        self.memory || !(self.part_named() || self.quick)
    }

    pub fn wants_latency(&self) -> bool {
        self.latency
    }

    pub fn wants_fanout(&self) -> bool {
        self.fanout || (!self.part_named() && self.only.is_empty())
    }

    /// Rounds, where `usual` are right for a full run.
    pub fn rounds(&self, usual: u32) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { usual })
    }

    /// Seconds to measure, where `usual` are right for a full run and `quick` for a quick one.
    pub fn seconds(&self, usual: f64, quick: f64) -> f64 {
        self.seconds
            .unwrap_or(if self.quick { quick } else { usual })
    }

    /// The settings of `--threads` to run with.
    pub fn threads(&self) -> &[usize] {
        if self.quick {
            &self.threads[..1]
        } else {
            &self.threads
        }
    }

    pub fn check(&self) -> crate::support::Result<()> {
        if self
            .threads
            .iter()
            .any(|threads| !(1..=2).contains(threads))
        {
            return Err("--threads must be 1, 2 or 1,2".into());
        }
        if self.pipeline.contains(&0) || self.connections == 0 || self.rate == 0 {
            return Err("--pipeline, --connections and --rate must be at least 1".into());
        }
        if self
            .seconds
            .is_some_and(|seconds| !(0.01..=3600.0).contains(&seconds))
        {
            return Err("--seconds must be between 0.01 and 3600".into());
        }
        Ok(())
    }
}
