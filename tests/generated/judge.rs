//! Says whether two replies to the same request agree.

use crate::commands::parse_version;
use crate::groups;
use crate::support::notation;
use crate::support::resp::Value;
use redouble::commands::registry;

/// How the replies of two servers are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Byte for byte.
    Exact,
    /// The elements come in any order.
    Unordered,
    /// Pairs, in one array or as elements of it, in any order.
    UnorderedPairs,
    /// Integers, alone or in an array, of which those that are not negative may be this far apart.
    Within(i64),
    /// A whole iteration of SCAN in one reply: the cursor 0, and the elements in any order.
    Scan,
    /// The same with pairs in one array.
    ScanPairs,
    /// Bulk strings, of whatever bytes: what DUMP answers is compared in `dump.rs`.
    Dump,
    /// Random picks out of what the reply before has shown: equally many.
    Picks {
        /// Whether what was shown are pairs.
        from_pairs: bool,
        /// Whether pairs are picked, too, where there are several.
        pairs: bool,
        /// Whether none may come twice.
        distinct: bool,
    },
    /// The word for an encoding. Since 7.2 sets have had a listpack, and a sorted set that is made by a long
    /// request is large at once.
    Encoding((u32, u32)),
    /// What DEBUG DIGEST and DIGEST-VALUE answer. Before 7.2 other digits of scores are in it.
    Digest((u32, u32)),
    /// The same of one key, whose type is the reply before.
    DigestAfterType((u32, u32)),
    /// Exactly if the reply before says this type, else as the other rule says.
    AsTypeSays {
        /// The type.
        exact: &'static str,
        /// The other rule.
        else_as: Box<Rule>,
    },
    /// Times and idle times may differ a little.
    Clocks,
    /// Doubles may have more digits than they need.
    Numbers(Box<Rule>),
    /// The ID of an entry of a stream, which the server makes of the time.
    StreamId,
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
            Rule::Dump => matches!((ours, theirs), (Value::Bulk(_), Value::Bulk(_))),
            Rule::Unordered => sorted(ours) == sorted(theirs),
            Rule::UnorderedPairs => pairs(ours)
                .zip(pairs(theirs))
                .is_some_and(|(ours, theirs)| in_order(&ours) == in_order(&theirs)),
            Rule::ScanPairs => match (ours, theirs) {
                (Value::Array(a), Value::Array(b)) if a.len() == 2 && b.len() == 2 => {
                    a[0] == b[0] && Rule::UnorderedPairs.accepts(&a[1], &b[1], None)
                }
                _ => false,
            },
            Rule::Picks {
                from_pairs,
                pairs,
                distinct,
            } => before.is_some_and(|before| {
                let picked = |reply| picked(reply, before, *from_pairs, *pairs, *distinct);
                std::mem::discriminant(ours) == std::mem::discriminant(theirs)
                    && picked(ours).is_some()
                    && picked(ours) == picked(theirs)
            }),
            Rule::Encoding(version) => {
                let forms = ["listpack", "hashtable", "skiplist", "quicklist"];
                let form = |word: &Value| {
                    word.text()
                        .is_some_and(|text| forms.iter().any(|form| form.as_bytes() == text))
                };
                *version < (7, 2) && form(ours) && form(theirs)
            }
            Rule::Digest(version) => {
                *version < (7, 2) && std::mem::discriminant(ours) == std::mem::discriminant(theirs)
            }
            Rule::DigestAfterType(version) => {
                before == Some(&Value::Simple(b"zset".to_vec()))
                    && Rule::Digest(*version).accepts(ours, theirs, None)
            }
            Rule::AsTypeSays { exact, else_as } => {
                let exact = Value::Simple(exact.as_bytes().to_vec());
                before != Some(&exact) && else_as.accepts(ours, theirs, None)
            }
            Rule::Clocks => groups::agree(ours, theirs),
            Rule::Numbers(rule) => {
                rule.accepts(&short(ours), &short(theirs), before.map(short).as_ref())
            }
            Rule::Within(distance) => match (ours, theirs) {
                (Value::Array(a), Value::Array(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.accepts(a, b, None))
                }
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
            Rule::StreamId => [ours, theirs].iter().all(|id| is_fresh_id(id)),
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

/// Whether it is an ID with the time of about now, and the number 0.
fn is_fresh_id(id: &Value) -> bool {
    let text = id.text().unwrap_or_default();
    let ms = text.strip_suffix(b"-0").unwrap_or_default();
    ms.len() == 13 && ms.iter().all(u8::is_ascii_digit)
}

fn in_order<T: Clone + std::fmt::Debug>(items: &[T]) -> Vec<T> {
    let mut items = items.to_vec();
    items.sort_by_cached_key(|item| format!("{item:?}"));
    items
}

/// The pairs of a map, of a flat array or of an array of pairs.
fn pairs(value: &Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Map(pairs) => Some(pairs.clone()),
        Value::Array(items) if items.iter().any(|item| matches!(item, Value::Array(_))) => items
            .iter()
            .map(|item| match item {
                Value::Array(pair) if pair.len() == 2 => Some((pair[0].clone(), pair[1].clone())),
                _ => None,
            })
            .collect(),
        Value::Array(items) if items.len() % 2 == 0 => Some(
            items
                .chunks(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
        ),
        _ => None,
    }
}

/// How many were picked; `None` if the reply is no pick out of what was shown, scores in as many digits as
/// they may be.
fn picked(
    reply: &Value,
    shown: &Value,
    from_pairs: bool,
    in_pairs: bool,
    distinct: bool,
) -> Option<usize> {
    let single = |value: &Value| (value.clone(), Value::Null);
    let all: Vec<(Value, Value)> = match shown {
        Value::Set(items) => items.iter().map(single).collect(),
        Value::Array(items) if !from_pairs => items.iter().map(single).collect(),
        other => pairs(other)?,
    };
    let picks: Vec<(Value, Value)> = match reply {
        Value::Bulk(_) => vec![single(reply)],
        Value::Set(items) => items.iter().map(single).collect(),
        Value::Array(items) if !in_pairs => items.iter().map(single).collect(),
        other => pairs(other)?,
    };
    let found = picks.iter().all(|pick| {
        all.iter()
            .any(|one| one.0 == pick.0 && (!in_pairs || short(&one.1) == short(&pick.1)))
    });
    let twice = |at: usize| picks[..at].iter().any(|other| other.0 == picks[at].0);
    let fine = found && !(distinct && (0..picks.len()).any(twice));
    fine.then_some(picks.len())
}

/// The reply with all that reads as a double in its shortest form.
fn short(value: &Value) -> Value {
    let text = |text: &Vec<u8>| match std::str::from_utf8(text).map(str::parse::<f64>) {
        Ok(Ok(number)) if text.len() > 15 => format!("{number:?}").into_bytes(),
        _ => text.clone(),
    };
    match value {
        Value::Bulk(bytes) => Value::Bulk(text(bytes)),
        Value::Double(bytes) => Value::Double(text(bytes)),
        Value::Array(items) => Value::Array(items.iter().map(short).collect()),
        Value::Set(items) => Value::Set(items.iter().map(short).collect()),
        other => other.clone(),
    }
}

/// As [`short`], of several.
pub fn short_all(values: &[Value]) -> Vec<Value> {
    values.iter().map(short).collect()
}

/// The elements in an order of our own; any other reply as it is.
fn sorted(value: &Value) -> Value {
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

/// The two replies as a failure shows them: of INFO, the lines that differ.
pub fn shown(rule: &Rule, ours: &Value, theirs: &Value) -> (String, String) {
    if let (Rule::Info, Some(a), Some(b)) = (rule, ours.text(), theirs.text()) {
        let (a, b) = (counts(&a), counts(&b));
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|line| !b.contains(line)).cloned().collect()
        };
        return (only(&a, &b).join("; "), only(&b, &a).join("; "));
    }
    (notation::write(ours), notation::write(theirs))
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
        .filter(|line| {
            !["scan", "hscan", "sscan", "zscan"]
                .iter()
                .any(|name| line.starts_with(&format!("cmdstat_{name}:")))
        })
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
