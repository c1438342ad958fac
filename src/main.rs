//! The command line: arguments to settings to server.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use redouble::config::{self, LoadError, Loaded, REDIS_VERSION, Sources};
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

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.version {
        print_line(&mut io::stdout(), &version_line());
        return ExitCode::SUCCESS;
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

/// Opens the log, goes to the background if asked to, and runs the server.
fn start(loaded: Loaded) -> ExitCode {
    let Loaded { config, notices } = loaded;
    let config = Arc::new(config);
    if let Some(path) = config.logfile()
        && let Err(error) = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
    {
        let error = config::os_text(&error);
        let text = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\nCan't open the log file: {error}"
        );
        print_line(&mut io::stderr(), &text);
        return ExitCode::FAILURE;
    }
    if config.daemonize()
        && let Err(error) = go_to_background()
    {
        let text = format!("Can't daemonize: {}", config::os_text(&error));
        print_line(&mut io::stdout(), &log::line('#', &text));
        return ExitCode::FAILURE;
    }
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
    let pid_file = config.pidfile();
    redouble::server::run(config, || PidFile::write(pid_file))
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
        if let Some(path) = &path
            && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
        {
            tracing::warn!("Failed to write PID file: {}", config::os_text(&error));
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

/// Leaves the terminal: the parent ends, the child goes on in a session of its own.
fn go_to_background() -> io::Result<()> {
    // SAFETY: no other thread runs yet, so the child is whole.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _ => std::process::exit(0),
    }
    // SAFETY: takes no arguments and touches no memory.
    unsafe { libc::setsid() };
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    for standard in 0..=2 {
        // SAFETY: both are open file descriptors of this process.
        if unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), standard) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
