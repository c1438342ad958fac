//! What the programs of the Rust clients share: their arguments, and checks that speak up.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::future::Future;
use std::process::exit;
use std::time::{Duration, Instant};

/// The end of a check, or of a part of it.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// What `server.sh` calls a program with.
pub struct Arguments {
    /// The port of the server without a password.
    pub port: u16,
    /// The port of the server that wants one.
    pub guarded_port: u16,
    /// The password that it wants.
    pub password: String,
    /// The protocol, 2 or 3, or whatever the client chooses.
    pub protocol: Option<u8>,
}

impl Arguments {
    /// Reads the command line; a wrong one ends the program.
    pub fn read() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let read = match arguments.as_slice() {
            [port, guarded_port, password, protocol] => port
                .parse()
                .ok()
                .zip(guarded_port.parse().ok())
                .map(|(port, guarded_port)| Self {
                    port,
                    guarded_port,
                    password: password.clone(),
                    protocol: protocol.parse().ok(),
                }),
            _ => None,
        };
        read.unwrap_or_else(|| {
            eprintln!("arguments: PORT GUARDED_PORT PASSWORD default|2|3");
            exit(1)
        })
    }
}

/// Counts what failed.
#[derive(Default)]
pub struct Report {
    failed: usize,
}

impl Report {
    /// Runs one check and prints the line that says how it went.
    pub async fn check(&mut self, name: &str, body: impl Future<Output = Outcome>) {
        let limit = Duration::from_secs(30);
        let outcome = match tokio::time::timeout(limit, body).await {
            Ok(outcome) => outcome,
            Err(_) => Err("takes more than 30 s".into()),
        };
        match outcome {
            Ok(()) => println!("ok: {name}"),
            Err(error) if error.is::<Cannot>() => println!("none: {name}: {error}"),
            Err(error) => {
                self.failed += 1;
                println!("FAILED: {name}: {error}");
            }
        }
    }

    /// Ends the program.
    pub fn end(self) -> ! {
        exit(i32::from(self.failed > 0))
    }
}

/// Runs all checks of the matrix in their order. A program has a function for each, which is called with its
/// servers.
#[macro_export]
macro_rules! check_all {
    ($report:ident, $servers:ident) => {
        $crate::check_all! { $report, $servers:
            "connect without a password" => connect,
            "connect with a password" => connect_with_password,
            "a wrong password" => wrong_password,
            "no password where one is needed" => no_password,
            "SELECT" => select,
            "INFO" => info,
            "strings" => types::strings,
            "hashes" => types::hashes,
            "expiry of hash fields" => types::field_expiry,
            "sets" => types::sets,
            "sorted sets" => types::sorted_sets,
            "lists" => collections::lists,
            "streams" => collections::streams,
            "consumer groups" => collections::groups,
            "bitmaps" => collections::bitmaps,
            "HyperLogLogs" => collections::hyperloglogs,
            "geo" => collections::geo,
            "SORT" => collections::sort,
            "DUMP and RESTORE" => collections::dump,
            "a WATCH conflict" => transactions::conflict,
            "WATCH without a conflict" => transactions::no_conflict,
            "a runtime error in a transaction" => transactions::runtime_error,
            "a queueing error in a transaction" => transactions::queueing_error,
            "UNWATCH" => transactions::unwatch,
            "DISCARD" => transactions::discard,
            "a pipeline of 10,000" => transactions::pipeline,
            "publish and subscribe" => messages::publish_subscribe,
            "patterns" => messages::patterns,
            "sharded channels" => messages::sharded,
            "a subscriber reconnects" => messages::reconnect,
            "client-side caching" => messages::tracking,
            "BZPOPMIN blocks" => blocking,
            "lists block" => collections::lists_block,
            "XREAD blocks" => collections::streams_block,
            "binary keys and values" => types::binary,
            "16 connections at once" => transactions::many,
            "going on after a restart" => after_restart,
        }
    };
    ($report:ident, $servers:ident: $($name:literal => $($check:ident)::+,)+) => {
        $($report.check($name, $($check)::+($servers)).await;)+
    };
}

/// Why a client cannot do what is checked, which is no failure.
#[derive(Debug)]
struct Cannot(&'static str);

impl Display for Cannot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Cannot {}

/// The end of a check of what a client cannot do.
pub fn cannot(why: &'static str) -> Outcome {
    Err(Cannot(why).into())
}

/// Compares what was found with what was expected.
pub fn is<T: Debug + PartialEq>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} is {found:?}, expected {expected:?}").into())
}

/// A thing that must hold.
pub fn holds(what: &str, it: bool) -> Outcome {
    if it { Ok(()) } else { Err(what.into()) }
}

/// The error that something must end with.
pub fn error_of<T: Debug, E: Display>(what: &str, result: Result<T, E>) -> Outcome<E> {
    match result {
        Ok(value) => Err(format!("{what} gives {value:?}, expected an error").into()),
        Err(error) => Ok(error),
    }
}

/// Asks again and again, for at most 10 seconds.
pub async fn eventually<F: Future<Output = Outcome<bool>>>(
    what: &str,
    mut body: impl FnMut() -> F,
) -> Outcome {
    let end = Instant::now() + Duration::from_secs(10);
    while !body().await? {
        if Instant::now() > end {
            return Err(format!("{what}: not after 10 s").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// What a future gives within 10 seconds.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let limit = Duration::from_secs(10);
    let result = tokio::time::timeout(limit, future).await;
    result.map_err(|_| format!("{what}: nothing after 10 s").into())
}

/// Whether a version such as 7.4.1 has a command that came with `major.minor`.
pub fn since(version: &str, major: u32, minor: u32) -> bool {
    let mut numbers = version
        .split('.')
        .map(|number| number.parse().unwrap_or(0u32));
    (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
}

/// Restarts the server at the first port; it is ready again afterwards.
pub async fn restart() -> Outcome {
    let command = std::env::var("RESTART")?;
    let status = tokio::process::Command::new(command).status().await?;
    holds("the server does not restart", status.success())
}

/// Every byte there is, once in order and then many times.
pub fn bytes() -> (Vec<u8>, Vec<u8>) {
    let all: Vec<u8> = (0..=255).collect();
    let large = all.repeat(4096);
    (all, large)
}

/// A list of texts, as clients give it.
pub fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// The same where the order does not matter.
pub fn text_set(list: &[&str]) -> HashSet<String> {
    texts(list).into_iter().collect()
}

/// Names and values.
pub fn text_map(list: &[(&str, &str)]) -> HashMap<String, String> {
    let pairs = list
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    pairs.collect()
}

/// A text that is there.
pub fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
