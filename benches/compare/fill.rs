//! What is on a server before a workload is measured.

use crate::support::Result;
use crate::support::client::Client;
use crate::support::request::push_command;
use crate::support::server::Server;
use crate::workload::{
    ENTRY, FIELD_PREFIX, FIRST_GROUP_ID, FIRST_ID, GROUP, ITEM_PREFIX, KEY_SPACE, Kind,
    MEMBER_PREFIX, ONE, SCORES, SMALL_FIELDS, SMALL_MEMBERS, SOUTH, TWO, WEST, Workload, key_name,
    name,
};

/// Members that one command adds to a large collection.
const AT_ONCE: u64 = 100;

/// Empties the server and makes all that the workload may read, many commands per write.
pub fn prepare(server: &Server, workload: &Workload) -> Result<()> {
    let mut client = server.client()?;
    client.command(&[b"FLUSHALL"])?;
    let size = workload.size;
    let entry = || ENTRY.map(String::from);
    match workload.kind {
        Kind::Hset | Kind::Hget => {
            let value = String::from_utf8(workload.value())?;
            fill_keys(&mut client, "HSET", |words| {
                for field in 0..SMALL_FIELDS {
                    words.extend([name(FIELD_PREFIX, field), value.clone()]);
                }
            })
        }
        // Every second of the items that the load chooses from.
        Kind::Sadd | Kind::Sismember => fill_keys(&mut client, "SADD", |words| {
            words.extend((0..SMALL_MEMBERS).map(|item| name(ITEM_PREFIX, 2 * item)));
        }),
        Kind::Zadd | Kind::Zscore | Kind::Zrank | Kind::Zrange => {
            fill_sorted_set(&mut client, ONE, 0, size)
        }
        Kind::Zunionstore => {
            fill_sorted_set(&mut client, ONE, 0, size)?;
            fill_sorted_set(&mut client, TWO, size / 2, size)
        }
        Kind::Sinter => {
            fill_set(&mut client, ONE, 0, size)?;
            fill_set(&mut client, TWO, size / 2, size)
        }
        Kind::Hgetall => {
            let value = String::from_utf8(workload.value())?;
            fill_one(&mut client, ["HSET", "HLEN"], ONE, size, |n, words| {
                words.extend([name(FIELD_PREFIX, n), value.clone()]);
            })
        }
        Kind::Lpush | Kind::Rpush | Kind::Lpop | Kind::Lrange => {
            let value = String::from_utf8(workload.value())?;
            fill_one(&mut client, ["RPUSH", "LLEN"], ONE, size, |_, words| {
                words.push(value.clone());
            })
        }
        Kind::Xadd | Kind::Xrange => fill_stream(&mut client, FIRST_ID, size, |_, words| {
            words.extend(entry())
        }),
        Kind::Xreadgroup => {
            fill_stream(&mut client, FIRST_GROUP_ID, size, |_, words| {
                words.extend(entry())
            })?;
            client.command(&[b"XGROUP", b"CREATE", ONE.as_bytes(), GROUP.as_bytes(), b"0"])?;
            Ok(())
        }
        // Half of the bits are set.
        Kind::Setbit | Kind::Bitcount => {
            let bytes = vec![0x33; size as usize];
            client.command(&[b"SET", ONE.as_bytes(), &bytes])?;
            Ok(())
        }
        // It soon is what it will always be, and then most members change nothing.
        Kind::Pfadd => client.fill(size / AT_ONCE, |part, out| {
            let members = part * AT_ONCE..(part + 1) * AT_ONCE;
            let members = members.map(|n| name(MEMBER_PREFIX, n));
            let words = ["PFADD", ONE].map(String::from).into_iter().chain(members);
            push(out, &words.collect::<Vec<_>>());
        }),
        // One in each field of a grid of 100 x 100, somewhere in it.
        Kind::Geosearch => fill_one(&mut client, ["GEOADD", "ZCARD"], ONE, size, |n, words| {
            let x = n % 100 * 10_000 + n * 7_919 % 10_000;
            let y = n / 100 % 100 * 10_000 + n * 6_151 % 10_000;
            words.extend([name(WEST, x), name(SOUTH, y), name(MEMBER_PREFIX, n)]);
        }),
        _ => {
            let value = String::from_utf8(workload.value())?;
            fill_keys(&mut client, "SET", |words| words.push(value.clone()))
        }
    }
}

/// Sends `command` for every key of the key space, with what `rest` appends.
fn fill_keys(client: &mut Client, command: &str, rest: impl Fn(&mut Vec<String>)) -> Result<()> {
    client.fill(KEY_SPACE, |n, out| {
        let mut words = vec![command.to_owned(), key_name(n)];
        rest(&mut words);
        push(out, &words);
    })?;
    match client.integer(&[b"DBSIZE"])? {
        KEY_SPACE => Ok(()),
        size => Err(format!("{size} keys after making {KEY_SPACE}").into()),
    }
}

fn fill_set(client: &mut Client, key: &str, from: u64, size: u64) -> Result<()> {
    fill_one(client, ["SADD", "SCARD"], key, size, |n, words| {
        words.push(name(MEMBER_PREFIX, from + n));
    })
}

/// Scores are spread over all that the load may give.
fn fill_sorted_set(client: &mut Client, key: &str, from: u64, size: u64) -> Result<()> {
    fill_one(client, ["ZADD", "ZCARD"], key, size, |n, words| {
        let score = SCORES.from + n * 7_919 % (SCORES.below - SCORES.from);
        words.extend([score.to_string(), name(MEMBER_PREFIX, from + n)]);
    })
}

/// Makes one collection of `size` members. `commands` are the one that adds what `member` appends, and the one that counts.
pub fn fill_one(
    client: &mut Client,
    commands: [&str; 2],
    key: &str,
    size: u64,
    member: impl Fn(u64, &mut Vec<String>),
) -> Result<()> {
    let [add, count] = commands;
    client.fill(size.div_ceil(AT_ONCE), |part, out| {
        let mut words = vec![add.to_owned(), key.to_owned()];
        for n in part * AT_ONCE..size.min((part + 1) * AT_ONCE) {
            member(n, &mut words);
        }
        push(out, &words);
    })?;
    let found = client.integer(&[count.as_bytes(), key.as_bytes()])?;
    if found != size {
        return Err(format!("{found} members in {key} after adding {size}").into());
    }
    Ok(())
}

/// Makes one stream of `size` entries with what `entry` appends, and IDs that count on from `first`.
pub fn fill_stream(
    client: &mut Client,
    first: u64,
    size: u64,
    entry: impl Fn(u64, &mut Vec<String>),
) -> Result<()> {
    client.fill(size, |n, out| {
        let id = (first + n).to_string();
        let mut words = vec!["XADD".to_owned(), ONE.to_owned(), id];
        entry(n, &mut words);
        push(out, &words);
    })?;
    let found = client.integer(&[b"XLEN", ONE.as_bytes()])?;
    if found != size {
        return Err(format!("{found} entries after adding {size}").into());
    }
    Ok(())
}

/// Appends one command.
pub fn push(out: &mut Vec<u8>, words: &[String]) {
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    push_command(out, &words);
}
