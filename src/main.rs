//! The command line: arguments to settings to server.

mod daemon;

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use daemon::Daemon;
use redouble::config::{self, Config, LoadError, Loaded, REDIS_VERSION, Sources};
use redouble::log;

/// An in-memory server that speaks the Redis protocol.
#[derive(Debug, Parser)]
#[command(
    name = "redouble",
    disable_version_flag = true,
    override_usage = "redouble [/path/to/redis.conf | -] [--setting value ...]",
    after_help = AFTER_HELP
)]
struct Cli {
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,

    /// A configuration file (or - for standard input), then settings as in that file, each with
    /// two dashes in front
    #[arg(
        value_name = "FILE | --SETTING VALUE",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Settings:
  All names of redis.conf are known. Some that matter here:
  --port 6379            TCP port; 0 picks a free one
  --bind '* -::*'        addresses to listen on
  --threads N            threads that serve clients; default: one for each core
  --databases 16         number of databases
  --requirepass TEXT     password
  --maxmemory 100mb      limit for data
  --loglevel notice      debug, verbose, notice, warning or nothing
  --logfile PATH         default: standard output

Environment:
  REDOUBLE_<SETTING>     any setting: REDOUBLE_MAXMEMORY=100mb
  REDIS_PASSWORD         the same as requirepass
  REDIS_ARGS             arguments as above

  A file is read first, then the environment, then the arguments; the last one wins.

Examples:
  redouble                                  with the defaults
  redouble /etc/redis.conf --port 7777
  echo 'maxmemory 128mb' | redouble -
  redouble --port 7777 --save '' --appendonly no";

/// Arguments of redis-server that ask for another program than a server, and why there is none.
const NOT_HERE: [(&str, &str); 3] = [
    ("--test-memory", "there is no memory test in this server"),
    (
        "--check-system",
        "there is no check of the system in this server",
    ),
    (
        "--sentinel",
        "Sentinel is not supported: this is a standalone server",
    ),
];

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.version {
        print_line(&mut io::stdout(), &version_line());
        return ExitCode::SUCCESS;
    }
    let first = cli.arguments.first();
    let not_here = NOT_HERE
        .iter()
        .find(|(name, _)| first.is_some_and(|first| first == name));
    if let Some((name, reason)) = not_here {
        print_line(&mut io::stderr(), &format!("{name}: {reason}"));
        return ExitCode::FAILURE;
    }
    let loaded = config::load(Sources {
        arguments: cli.arguments,
        environment: std::env::vars_os().collect(),
        stdin: io::stdin(),
    });
    match loaded {
        Ok(loaded) => start(loaded),
        Err(error @ LoadError::Open { .. }) => {
            print_line(&mut io::stdout(), &log::line('#', &error.to_string()));
            ExitCode::FAILURE
        }
        Err(error @ LoadError::Line { .. }) => {
            print_line(&mut io::stderr(), &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Goes to its directory, opens the log, goes to the background if asked to, and runs the server.
fn start(loaded: Loaded) -> ExitCode {
    let Loaded {
        config,
        notices,
        warnings,
    } = loaded;
    let config = Arc::new(config);
    if let Err(text) = go_to_dir(&config).and_then(|()| try_log_file(&config)) {
        let head = format!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***");
        print_line(&mut io::stderr(), &format!("{head}\n{text}"));
        return ExitCode::FAILURE;
    }
    let daemon = match config.daemonize().then(Daemon::start).transpose() {
        Ok(daemon) => daemon,
        Err(error) => {
            let text = format!("Can't daemonize: {}", config::os_text(&error));
            print_line(&mut io::stdout(), &log::line('#', &text));
            return ExitCode::FAILURE;
        }
    };
    if log::init(config.clone()).is_err() {
        return ExitCode::FAILURE;
    }
    tracing::info!(
        "Redouble {} is starting, as Redis version={REDIS_VERSION}, bits=64, pid={}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    for notice in notices {
        tracing::info!("{notice}");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    serve(config, daemon)
}

/// Runs the server, and tells whoever waits for it how its start went.
fn serve(config: Arc<Config>, daemon: Option<Daemon>) -> ExitCode {
    let pid_file = config.pidfile();
    let daemon = Cell::new(daemon);
    let ready = || daemon.take().map_or((), Daemon::ready);
    let outcome = redouble::server::run(config, || PidFile::write(pid_file), ready);
    let Err(text) = outcome else {
        return ExitCode::SUCCESS;
    };
    let mut lines = String::new();
    for line in text.lines() {
        tracing::warn!("{line}");
        lines += &log::line('#', line);
        lines.push('\n');
    }
    if let Some(daemon) = daemon.take() {
        daemon.failed(&lines);
    }
    ExitCode::FAILURE
}

/// Makes the setting `dir` the directory in which relative names begin.
fn go_to_dir(config: &Config) -> Result<(), String> {
    let Some(dir) = config.dir() else {
        return Ok(());
    };
    std::env::set_current_dir(&dir).map_err(|error| {
        let error = config::os_text(&error);
        format!("Can't chdir to '{}': {error}", dir.display())
    })
}

/// Looks whether the log file can be opened: later there is nobody to tell.
fn try_log_file(config: &Config) -> Result<(), String> {
    let Some(path) = config.logfile() else {
        return Ok(());
    };
    let opened = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path);
    match opened {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = config::os_text(&error);
            Err(format!(
                "Can't open the log file '{}': {error}",
                path.display()
            ))
        }
    }
}

/// The line that wrappers of redis-server read a version from.
fn version_line() -> String {
    let (build, version) = (config::build_id(), env!("CARGO_PKG_VERSION"));
    format!(
        "Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits=64 build={build:x} redouble={version}"
    )
}

/// Prints a line. Where it cannot be printed there is nobody to tell.
fn print_line(out: &mut impl Write, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// The file that tells others this process's id; gone when the server ends.
struct PidFile(Option<PathBuf>);

impl PidFile {
    fn write(path: Option<PathBuf>) -> Self {
        // Made absolute, so that it can be found again at the end.
        let path = path.map(|path| std::path::absolute(&path).unwrap_or(path));
        if let Some(path) = &path
            && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
        {
            let error = config::os_text(&error);
            tracing::warn!("Failed to write PID file '{}': {error}", path.display());
            return PidFile(None);
        }
        PidFile(path)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
