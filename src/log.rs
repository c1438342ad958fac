//! The server's log, in Redis's format: `<pid>:M 31 Dec 2025 23:59:59.999 * text`.
//!
//! Write to it with `tracing`'s macros. `trace!` is Redis's level debug (`.`), `debug!` is verbose
//! (`-`), `info!` is notice (`*`), `warn!` and `error!` are warning (`#`). Lines below the setting
//! `loglevel` cost one load. A line that cannot be written is dropped: a full disk must not stop
//! the server.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::config::{Config, LogLevel};

/// Sends all log lines of this process to the settings' `logfile`, or to standard output.
///
/// `loglevel` may change later; `CONFIG SET` sees to that.
///
/// # Errors
/// When the process has a log already.
pub fn init(config: Arc<Config>) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    let target = match config.logfile() {
        Some(path) => Target::File(path),
        None => Target::stdout(),
    };
    tracing::subscriber::set_global_default(subscriber(config, target))
}

fn subscriber(
    config: Arc<Config>,
    target: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let lines = tracing_subscriber::fmt::layer()
        .event_format(RedisFormat)
        .with_writer(target)
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(Gate(config))
}

/// One line in the log's format, for what must be said before the log is open. `mark` is the
/// level's sign.
pub fn line(mark: char, text: &str) -> String {
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = write_head(&mut line, mark);
    line + text
}

fn write_head(out: &mut impl fmt::Write, mark: char) -> fmt::Result {
    write!(
        out,
        "{}:M {} {mark} ",
        std::process::id(),
        clock::local().strftime("%d %b %Y %H:%M:%S%.3f")
    )
}

fn mark(level: &Level) -> char {
    match *level {
        Level::TRACE => '.',
        Level::DEBUG => '-',
        Level::INFO => '*',
        _ => '#',
    }
}

/// Lets pass what the setting `loglevel` allows.
struct Gate(Arc<Config>);

impl Gate {
    fn limit(&self) -> LevelFilter {
        match self.0.loglevel() {
            LogLevel::Debug => LevelFilter::TRACE,
            LogLevel::Verbose => LevelFilter::DEBUG,
            LogLevel::Notice => LevelFilter::INFO,
            LogLevel::Warning => LevelFilter::WARN,
            LogLevel::Nothing => LevelFilter::OFF,
        }
    }
}

impl<S: Subscriber> Layer<S> for Gate {
    // The answer is kept by each place that logs, until a change of the level asks all again.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match *metadata.level() <= self.limit() {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.limit()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.limit())
    }
}

struct RedisFormat;

impl<S, N> FormatEvent<S, N> for RedisFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write_head(&mut out, mark(event.metadata().level()))?;
        let mut fields = Fields {
            out: &mut out,
            result: Ok(()),
        };
        event.record(&mut fields);
        fields.result?;
        out.write_char('\n')
    }
}

/// Writes the message as it is, and other fields behind it as ` name=value`.
struct Fields<'a, 'w> {
    out: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_ok() {
            self.result = match field.name() {
                "message" => write!(self.out, "{value:?}"),
                name => write!(self.out, " {name}={value:?}"),
            };
        }
    }
}

/// Where lines go.
enum Target {
    /// Standard output without a buffer; `None` if it is closed.
    Stdout(Option<File>),
    /// Opened for each line, so that a rotated log is followed.
    File(PathBuf),
}

impl Target {
    fn stdout() -> Self {
        let copy = io::stdout().as_fd().try_clone_to_owned();
        Target::Stdout(copy.ok().map(File::from))
    }
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Lossy<'a>;

    fn make_writer(&'a self) -> Lossy<'a> {
        match self {
            Target::Stdout(file) => Lossy::Shared(file.as_ref()),
            Target::File(path) => {
                Lossy::Owned(OpenOptions::new().append(true).create(true).open(path).ok())
            }
        }
    }
}

/// A file, or none, that swallows errors.
enum Lossy<'a> {
    Shared(Option<&'a File>),
    Owned(Option<File>),
}

impl Write for Lossy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Lossy::Shared(Some(file)) => file.write_all(bytes),
            Lossy::Owned(Some(file)) => file.write_all(bytes),
            Lossy::Shared(None) | Lossy::Owned(None) => Ok(()),
        };
        let _ = written;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Memory {
        type Writer = Memory;

        fn make_writer(&'a self) -> Memory {
            self.clone()
        }
    }

    /// One line of each level; the same places in the program each time, so that their cached
    /// answers are put to the test.
    fn log_at_all_levels() {
        tracing::trace!("at trace");
        tracing::debug!("at debug");
        tracing::info!(port = 6379, "at info");
        tracing::warn!("at {}", "warn");
        tracing::error!("at error");
    }

    fn taken(memory: &Memory) -> Vec<String> {
        let bytes = std::mem::take(&mut *memory.0.lock());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_follow_the_level_and_the_format() {
        let config = Arc::new(Config::new());
        let memory = Memory::default();
        let subscriber = subscriber(config.clone(), memory.clone());
        tracing::subscriber::with_default(subscriber, || {
            for (level, expected) in [
                (
                    "notice",
                    &["* at info port=6379", "# at warn", "# at error"][..],
                ),
                ("warning", &["# at warn", "# at error"]),
                ("nothing", &[]),
                (
                    "verbose",
                    &[
                        "- at debug",
                        "* at info port=6379",
                        "# at warn",
                        "# at error",
                    ],
                ),
                (
                    "debug",
                    &[
                        ". at trace",
                        "- at debug",
                        "* at info port=6379",
                        "# at warn",
                        "# at error",
                    ],
                ),
                (
                    "notice",
                    &["* at info port=6379", "# at warn", "# at error"],
                ),
            ] {
                config.set(&[("loglevel", level)]).unwrap();
                log_at_all_levels();
                let lines = taken(&memory);
                let texts: Vec<&str> = lines.iter().map(|line| text_of(line)).collect();
                assert_eq!(texts, expected, "{level}");
            }
        });
    }

    /// Checks a line's head and answers what is behind it.
    fn text_of(line: &str) -> &str {
        let (pid, rest) = line.split_once(":M ").unwrap();
        assert_eq!(pid, std::process::id().to_string());
        let (time, text) = rest.split_at("31 Dec 2025 23:59:59.999".len());
        jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S%.f", time).unwrap();
        assert_eq!(time.as_bytes()[time.len() - 4], b'.');
        text.strip_prefix(' ').unwrap()
    }

    #[test]
    fn a_full_disk_is_survived() {
        let config = Arc::new(Config::new());
        let subscriber = subscriber(config, Target::File("/dev/full".into()));
        tracing::subscriber::with_default(subscriber, log_at_all_levels);
    }

    #[test]
    fn a_file_is_followed_when_it_is_moved() {
        let dir = std::env::temp_dir().join(format!("redouble-log-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (path, moved) = (dir.join("log"), dir.join("log.1"));
        let subscriber = subscriber(Arc::new(Config::new()), Target::File(path.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("first");
            std::fs::rename(&path, &moved).unwrap();
            tracing::warn!("second");
        });
        assert!(
            std::fs::read_to_string(&moved)
                .unwrap()
                .ends_with("# first\n")
        );
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .ends_with("# second\n")
        );
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
