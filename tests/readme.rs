//! The command table of README.md is the one that follows from the declarations.
//!
//! `REDOUBLE_UPDATE=1 cargo test --test readme` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use redouble::commands::registry;
use redouble::commands::spec::Group;

const BEGIN: &str = "<!-- commands:begin -->\n";
const END: &str = "<!-- commands:end -->";

/// One row for each group: its name, the number of commands, and the commands, those of one container together.
fn table() -> String {
    let mut groups: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    for command in registry::top_level() {
        // These are refused, and need a sentence only.
        if command.spec.group == Group::Cluster {
            continue;
        }
        let (count, names) = groups.entry(command.spec.group.name()).or_default();
        *count += command.subcommands().len().max(1);
        let subcommands: Vec<&str> = command
            .subcommands()
            .iter()
            .map(|sub| sub.spec.name)
            .collect();
        names.push(match subcommands.is_empty() {
            true => command.spec.name.to_owned(),
            false => format!("{} ({})", command.spec.name, subcommands.join(", ")),
        });
    }
    let mut table = String::from("| group | | commands |\n|---|--:|---|\n");
    for (group, (count, names)) in groups {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {group} | {count} | {} |", names.join(", "));
    }
    table
}

#[test]
fn the_command_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = fs::read_to_string(path).expect("README.md");
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("README.md has the line <!-- commands:begin -->");
    let (found, after) = rest
        .split_once(END)
        .expect("README.md has the line <!-- commands:end -->");
    let expected = table();
    if std::env::var_os("REDOUBLE_UPDATE").is_some() {
        fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}"))
            .expect("README.md can be written");
        return;
    }
    assert_eq!(
        found, expected,
        "README.md's command table is old; REDOUBLE_UPDATE=1 cargo test --test readme writes it anew"
    );
}
