//! Runs every script of `tests/scripts/` against the server, in RESP2 and in RESP3.
//!
//! `REDOUBLE_TEST_SERVER=/path/to/redis-server` runs them against that program instead.
//! `REDOUBLE_RECORD=1 cargo test --test scripts record` writes the replies of a real server
//! (`REDOUBLE_REFERENCE`, or `redis-server` on the PATH) into the scripts, where a reply is missing or differs;
//! `REDOUBLE_RECORD=since` marks what differs as `SINCE 7.4` instead. `REDOUBLE_SCRIPT=name` records one script only.

mod support;

include!("scripts/list.rs");

use support::runner;
use support::server::Program;

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            fn resp2() {
                super::runner::check(stringify!($name), 2);
            }

            #[test]
            fn resp3() {
                super::runner::check(stringify!($name), 3);
            }
        })*

        const SCRIPTS: &[&str] = &[$(stringify!($name)),*];
    };
}

for_each_script!(tests);

#[test]
fn every_script_is_listed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder of scripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "script"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into())
        .collect();
    found.sort();
    assert_eq!(
        found, SCRIPTS,
        "tests/scripts/list.rs names every script, sorted"
    );
}

#[test]
fn record() {
    let Ok(mode) = std::env::var("REDOUBLE_RECORD") else {
        return;
    };
    let reference = Program::reference().expect("recording needs a redis-server");
    let only = std::env::var("REDOUBLE_SCRIPT").ok();
    for name in SCRIPTS {
        if only.as_deref().is_none_or(|only| only == *name) {
            runner::record(name, &reference, mode == "since");
        }
    }
}
