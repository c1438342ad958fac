//! Says whether two replies to the same request agree.

use crate::commands::parse_version;
use crate::support::resp::Value;
use redouble::commands::registry;

/// How the replies of two servers are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Byte for byte.
    Exact,
    /// The elements come in any order.
    Unordered,
    /// Integers, of which those that are not negative may be this far apart.
    Within(i64),
    /// A whole iteration of SCAN in one reply: the cursor 0, and the elements in any order.
    Scan,
    /// Null, or one of the keys that the SCAN before it has returned.
    RandomKey,
    /// Versions and the number of the connection differ.
    Hello,
    /// Names of commands in any order, of which only those count that we and this version know.
    CommandNames((u32, u32)),
    /// The counts of INFO that do not depend on time or on the machine.
    Info,
    /// The fields of CLIENT INFO that say what the requests before have done.
    ClientInfo,
    /// An array with a reply for each command that was queued, which the transaction knows.
    Exec,
}

impl Rule {
    /// Whether the two replies agree. `before` is what both answered to the request before.
    pub fn accepts(&self, ours: &Value, theirs: &Value, before: Option<&Value>) -> bool {
        if ours == theirs && *self != Rule::RandomKey {
            return true;
        }
        match self {
            Rule::Exact | Rule::Exec => false,
            Rule::Unordered => sorted(ours) == sorted(theirs),
            Rule::Within(distance) => match (ours, theirs) {
                (Value::Int(a), Value::Int(b)) if *a >= 0 && *b >= 0 => {
                    a.abs_diff(*b) <= distance.unsigned_abs()
                }
                _ => false,
            },
            Rule::Scan => match (ours, theirs) {
                (Value::Array(a), Value::Array(b)) if a.len() == 2 && b.len() == 2 => {
                    a[0] == b[0] && sorted(&a[1]) == sorted(&b[1])
                }
                _ => false,
            },
            Rule::RandomKey => match (ours, theirs) {
                (Value::Bulk(_), Value::Bulk(_)) => [ours, theirs]
                    .iter()
                    .all(|key| before.is_some_and(|scan| returned(scan, key))),
                _ => ours == theirs,
            },
            Rule::Info => match (ours.text(), theirs.text()) {
                (Some(a), Some(b)) => counts(&a) == counts(&b),
                _ => false,
            },
            Rule::ClientInfo => match (ours.text(), theirs.text()) {
                (Some(a), Some(b)) => a.starts_with(b"id=") && fields(&a, &b) == fields(&b, &a),
                _ => false,
            },
            Rule::Hello => without_names(ours) == without_names(theirs),
            Rule::CommandNames(version) => {
                let ours = known(ours, *version);
                ours.is_some() && ours == known(theirs, *version)
            }
        }
    }
}

/// The elements in an order of our own; any other reply as it is.
fn sorted(value: &Value) -> Value {
    let in_order = |items: &[Value]| {
        let mut items = items.to_vec();
        items.sort_by_cached_key(|item| format!("{item:?}"));
        items
    };
    match value {
        Value::Array(items) => Value::Array(in_order(items)),
        Value::Set(items) => Value::Set(in_order(items)),
        other => other.clone(),
    }
}

/// Whether a reply of SCAN contains the key.
fn returned(scan: &Value, key: &Value) -> bool {
    match scan {
        Value::Array(parts) => parts
            .get(1)
            .is_some_and(|keys| keys.elements().contains(key)),
        _ => false,
    }
}

/// The lines of INFO that must be equal, sorted, without the fields that depend on time.
fn counts(info: &[u8]) -> Vec<String> {
    const NAMES: [&str; 8] = [
        "cmdstat_",
        "errorstat_",
        "db",
        "keyspace_hits:",
        "keyspace_misses:",
        "expired_keys:",
        "total_error_replies:",
        "rdb_changes_since_last_save:",
    ];
    const TIMES: [&str; 4] = ["usec=", "usec_per_call=", "avg_ttl=", "subexpiry="];
    let text = String::from_utf8_lossy(info);
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| NAMES.iter().any(|name| line.starts_with(name)))
        // An iteration takes as many steps as a server likes.
        .filter(|line| !line.starts_with("cmdstat_scan:"))
        .map(|line| {
            let fields = line.split_inclusive([':', ',']);
            fields
                .filter(|field| !TIMES.iter().any(|time| field.starts_with(time)))
                .collect()
        })
        .collect();
    lines.sort();
    lines
}

/// The fields of a line of CLIENT LIST that must be equal, without those that the other line has not.
fn fields(line: &[u8], other: &[u8]) -> Vec<String> {
    const NAMES: [&str; 12] = [
        "name", "db", "sub", "psub", "ssub", "multi", "watch", "flags", "user", "resp", "cmd",
        "lib-name",
    ];
    let other = String::from_utf8_lossy(other);
    let failed = other
        .split(" flags=")
        .nth(1)
        .is_some_and(|flags| flags.split(' ').next().is_some_and(|f| f.contains('d')));
    String::from_utf8_lossy(line)
        .split_ascii_whitespace()
        .filter(|field| {
            // DIFFERENCE: Redis forgets what a client watches when a key changes, but not when a database is
            // flushed or swapped; here a client that cannot succeed any more watches nothing.
            if field.starts_with("watch=") && failed {
                return false;
            }
            let name = field.split('=').next().unwrap_or_default();
            NAMES.contains(&name) && other.contains(&format!(" {name}="))
        })
        .map(str::to_owned)
        .collect()
}

/// The reply of HELLO without the values that a server chooses itself.
fn without_names(value: &Value) -> Value {
    const OWN: [&[u8]; 2] = [b"version", b"id"];
    let own = |name: &Value| name.text().is_some_and(|text| OWN.contains(&&text[..]));
    match value {
        Value::Map(pairs) => Value::Map(
            pairs
                .iter()
                .map(|(name, value)| match own(name) {
                    true => (name.clone(), Value::Null),
                    false => (name.clone(), value.clone()),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(n, item)| match n % 2 == 1 && own(&items[n - 1]) {
                    true => Value::Null,
                    false => item.clone(),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The names in the reply that are commands of ours, sorted; `None` for what
/// is no array.
fn known(value: &Value, version: (u32, u32)) -> Option<Vec<Vec<u8>>> {
    let (Value::Array(items) | Value::Set(items)) = value else {
        return None;
    };
    let mut names: Vec<Vec<u8>> = items
        .iter()
        .filter_map(Value::text)
        .filter(|name| {
            registry::lookup_full(name)
                .is_some_and(|command| parse_version(command.spec.since) <= version)
        })
        .collect();
    names.sort();
    Some(names)
}
