//! The numbered invariants of the code that reading its text can check, and a few rules of order.
//!
//! Each list of files that may do a thing is exact: a file that no longer does it must leave the list.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the project's directory, and its text.
struct Source {
    path: String,
    text: String,
}

/// A line of a source file that is code: no comment, no unit test.
struct Line<'a> {
    path: &'a str,
    number: usize,
    text: &'a str,
}

impl Source {
    /// The lines of code, without comments and without modules that are only compiled for unit tests.
    fn code(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        let mut rest = self.text.lines().enumerate().peekable();
        while let Some((index, text)) = rest.next() {
            if text == "#[cfg(test)]" {
                let opened = rest.next().is_some_and(|(_, next)| next.ends_with('{'));
                // A module at the margin ends with the next brace at the margin.
                while opened && rest.next().is_some_and(|(_, next)| next != "}") {}
                continue;
            }
            let text = text.split("//").next().unwrap_or_default();
            if !text.trim().is_empty() {
                lines.push(Line {
                    path: &self.path,
                    number: index + 1,
                    text,
                });
            }
        }
        lines
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `directory` whose names end in one of `endings`, but what npm installs.
fn files(directory: &str, endings: &[&str]) -> Vec<Source> {
    fn visit(directory: &Path, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(directory).expect("the directory can be read");
        for entry in entries {
            let path = entry.expect("its entry can be read").path();
            let foreign = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes()[0] == b'.' || name == "node_modules");
            match path.is_dir() {
                _ if foreign => {}
                true => visit(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    visit(&root().join(directory), &mut found);
    found.sort();
    let sources: Vec<Source> = found
        .into_iter()
        .filter(|path| {
            let name = path.to_str().expect("a name in UTF-8");
            endings.iter().any(|ending| name.ends_with(ending))
        })
        .map(|path| Source {
            text: fs::read_to_string(&path).expect("a text file"),
            path: path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
        })
        .collect();
    assert!(!sources.is_empty(), "no files in {directory}");
    sources
}

/// The source files of the crate, but those that hold unit tests alone.
fn sources() -> Vec<Source> {
    let mut sources = files("src", &[".rs"]);
    sources.retain(|source| !source.path.ends_with("/tests.rs"));
    sources
}

/// Whether `text` has `what`, not as a part of a longer name.
fn has(text: &str, what: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let first_in_name = what.starts_with(in_name);
    let last_in_name = what.ends_with(in_name);
    text.match_indices(what).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + what.len()..].chars().next();
        let longer = first_in_name && before.is_some_and(in_name)
            || last_in_name && after.is_some_and(in_name);
        !longer
    })
}

/// Checks that the code which has one of `what` lies in `allowed` alone, and in each of them: files, or directories
/// that end in a slash. The reasons stand beside the lists.
fn only_in(what: &[&str], allowed: &[&str]) {
    let is_in = |path: &str, place: &str| match place.ends_with('/') {
        true => path.starts_with(place),
        false => path == place,
    };
    let sources = sources();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for source in &sources {
        for line in source.code() {
            let Some(found) = what.iter().find(|what| has(line.text, what)) else {
                continue;
            };
            match allowed.iter().find(|place| is_in(line.path, place)) {
                Some(place) => drop(used.insert(*place)),
                None => wrong.push(format!("{}:{}: {found}", line.path, line.number)),
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed here:\n{}", wrong.join("\n"));
    let unused: Vec<_> = allowed
        .iter()
        .filter(|place| !used.contains(*place))
        .collect();
    assert!(
        unused.is_empty(),
        "{what:?} is no longer in {unused:?}: take it off the list"
    );
}

/// Checks that no code in the directories has one of `what`.
fn nowhere_in(directories: &[&str], what: &[&str]) {
    let mut wrong = Vec::new();
    for source in &sources() {
        if !directories
            .iter()
            .any(|directory| source.path.starts_with(directory))
        {
            continue;
        }
        for line in source.code() {
            for found in what.iter().filter(|what| has(line.text, what)) {
                wrong.push(format!("{}:{}: {found}", line.path, line.number));
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed here:\n{}", wrong.join("\n"));
}

#[test]
fn invariant_1_only_transaction_locks_shards() {
    only_in(&["Locked::acquire"], &["src/transaction/"]);
    // Its definition, and the shards' locks behind it.
    only_in(&["fn acquire", "RawRwLock"], &["src/keyspace/locks.rs"]);
    // try_read is for the prefetch: it waits for nothing and hands nothing out.
    only_in(
        &["RwLock", "try_read"],
        &["src/config/mod.rs", "src/keyspace/locks.rs"],
    );
}

#[test]
fn invariant_2_no_await_under_a_lock() {
    nowhere_in(
        &[
            "src/transaction/",
            "src/keyspace/",
            "src/commands/",
            "src/rdb/",
            "src/types/",
            "src/resp/",
        ],
        &[
            "async fn",
            "async move",
            "async {",
            ".await",
            "tokio",
            "std::net",
            "socket2",
        ],
    );
}

#[test]
fn invariant_2_only_the_server_and_the_connection_touch_sockets() {
    only_in(
        &["tokio"],
        &[
            "src/server.rs",
            "src/session/connection/",
            // MIGRATE's talk with another server.
            "src/session/migrate.rs",
        ],
    );
}

#[test]
fn invariant_3_changes_are_signalled_in_one_place() {
    only_in(
        &[
            "watches.changed",
            "watches.removed",
            "watches.fields_expired",
        ],
        &["src/keyspace/db/mod.rs", "src/keyspace/db/expiry.rs"],
    );
}

#[test]
fn invariant_3_commands_reach_keys_through_the_narrow_door() {
    let inside = [
        "keyspace::locks",
        "keyspace::shard",
        "types::table",
        "keyspace::watch",
        "Locked",
        "Shard",
        "locked_mut",
    ];
    nowhere_in(&["src/commands/", "src/resp/", "src/config/"], &inside);
}

#[test]
fn invariant_4_only_clock_reads_time() {
    let clocks = [
        "SystemTime",
        "Instant",
        "Timestamp::now",
        "Zoned::now",
        "libc::clock_gettime",
    ];
    only_in(&clocks, &["src/clock.rs"]);
}

#[test]
fn invariant_4_only_random_makes_chance() {
    let chance = ["rand", "getrandom", "fastrand"];
    only_in(&chance, &["src/random.rs"]);
    // The key of the hash function, drawn once.
    only_in(&["RandomState"], &["src/types/hasher.rs"]);
}

#[test]
fn invariant_5_only_reply_knows_the_protocol() {
    only_in(
        &["Protocol::Resp2", "Protocol::Resp3"],
        &[
            "src/resp/reply.rs",
            // A session begins in RESP2.
            "src/session/mod.rs",
            // RESET goes back to it.
            "src/session/gate.rs",
            // HELLO chooses.
            "src/commands/connection.rs",
            // DEBUG PROTOCOL shows each type, and RESP2 has no push.
            "src/commands/debug.rs",
        ],
    );
}

#[test]
fn invariant_6_types_are_pure() {
    for source in &sources() {
        for line in source.code() {
            let text = line
                .text
                .replace("crate::types", "")
                .replace("pub(crate)", "");
            let own = source.path.starts_with("src/types/");
            assert!(
                !own || !has(&text, "crate"),
                "{}:{}: types use nothing of ours but types",
                line.path,
                line.number
            );
        }
    }
    nowhere_in(
        &["src/types/"],
        &[
            "std::time",
            "std::net",
            "std::fs",
            "std::env",
            "std::io",
            "std::thread",
            "std::process",
            "super::super",
        ],
    );
}

#[test]
fn files_stay_below_1000_lines() {
    let mut long = Vec::new();
    for directory in ["src", "tests", "benches"] {
        for source in files(directory, &[".rs", ".script", ".py", ".sh"]) {
            let lines = source.text.lines().count();
            if lines >= 1_000 {
                long.push(format!("{}: {lines} lines", source.path));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_file_says_first_what_it_is() {
    for source in files("src", &[".rs"]) {
        assert!(
            source.text.starts_with("//! "),
            "{} does not begin with //!",
            source.path
        );
    }
    for source in files("tests", &[".py"]) {
        assert!(
            source.text.starts_with("\"\"\""),
            "{} does not begin with a docstring",
            source.path
        );
    }
}

/// The rules of transactions that concern the commands that exist. Not among them, for want of commands: 3.6 (MONITOR,
/// SSUBSCRIBE), 3.7 (ACL), 3.10 (scripts), 3.11 (PUBLISH), 3.13 (MONITOR).
const RULES: &str = "
    1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 1.10 1.11
    2
    3.1 3.2 3.3 3.4 3.5 3.8 3.9 3.12 3.14 3.15 3.16
    4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.8 4.9
    5";

/// The numbers in front of a test's sentence: `3.1, 1.3 a whole cycle` has two. A sentence after `; ` may have its own.
fn numbers(sentence: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for part in sentence.split("; ") {
        let words = part.split([' ', ',']).filter(|word| !word.is_empty());
        found.extend(words.take_while(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        }));
    }
    found
}

#[test]
fn every_rule_of_transactions_is_named_by_a_test() {
    assert_eq!(numbers("1.10 x is 5; 1.7 y"), ["1.10", "1.7"]);
    assert_eq!(numbers("3.1, 1.3 a 4.4"), ["3.1", "1.3"]);
    let mut named = BTreeSet::new();
    let scripts = files(
        "tests/scripts",
        &[
            "blocking.script",
            "reload.script",
            "transactions.script",
            "watch.script",
            "watch_bitmap.script",
            "watch_dump.script",
            "watch_table.script",
            "watch_table_keys.script",
        ],
    );
    let titles = scripts.iter().flat_map(|script| script.text.lines());
    let titles = titles.filter_map(|line| line.strip_prefix("== "));
    named.extend(titles.flat_map(numbers));

    let tests = files("tests", &["transactions.rs", "simulation.rs"]);
    for test in &tests {
        let lines: Vec<&str> = test.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            // A rule is only tested by a comment that stands before a test.
            let tested = lines[index..]
                .iter()
                .find(|line| !line.starts_with("///"))
                .is_some_and(|line| *line == "#[test]");
            if let (Some(sentence), true) = (line.strip_prefix("/// "), tested) {
                named.extend(numbers(sentence));
            }
        }
    }
    let missing: Vec<&str> = RULES
        .split_whitespace()
        .filter(|rule| !named.contains(rule))
        .collect();
    assert!(missing.is_empty(), "no test names the rules {missing:?}");
}
