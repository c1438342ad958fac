//! What the programs of the Rust clients share: their arguments, and checks that speak up.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt::{Debug, Display};
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
            Err(error) => {
                self.failed += 1;
                println!("FAILED: {name}: {error}");
            }
        }
    }

    /// Says why a client cannot do what is checked.
    pub fn none(&self, name: &str, why: &str) {
        println!("none: {name}: {why}");
    }

    /// Ends the program.
    pub fn end(self) -> ! {
        exit(i32::from(self.failed > 0))
    }
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
