//! Runs every script against the server and a real redis-server in step, and compares the replies byte for byte.
//!
//! The real server is `REDOUBLE_REFERENCE`, or `redis-server` on the PATH; without one, each test says that it
//! compared nothing, or fails if `REDOUBLE_REFERENCE_REQUIRED` is 1, as it is where all checks run.
//! `SINCE 7.4` replies are compared only with a reference that is new enough.

mod support;

include!("scripts/list.rs");

use support::runner;
use support::server::Program;

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            fn resp2() {
                super::compare(stringify!($name), 2);
            }

            #[test]
            fn resp3() {
                super::compare(stringify!($name), 3);
            }
        })*
    };
}

for_each_script!(tests);

fn required() -> bool {
    std::env::var_os("REDOUBLE_REFERENCE_REQUIRED").is_some_and(|value| value == "1")
}

fn compare(name: &str, protocol: u8) {
    use std::io::Write;
    match Program::reference() {
        Some(reference) => runner::compare(name, protocol, &reference),
        None if required() => {
            panic!("REDOUBLE_REFERENCE_REQUIRED=1, but there is no redis-server to compare with")
        }
        // Past the capture of test output, so that a skipped test is seen even when it passes.
        None => {
            let line = format!(
                "SKIPPED: {name} in RESP{protocol} is not compared: no redis-server on the PATH, no REDOUBLE_REFERENCE\n"
            );
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
