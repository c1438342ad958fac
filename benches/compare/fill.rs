//! What is on a server before a workload is measured.

use crate::support::Result;
use crate::support::client::Client;
use crate::support::request::push_command;
use crate::support::server::Server;
use crate::workload::{
    FIELD_PREFIX, ITEM_PREFIX, KEY_SPACE, Kind, MEMBER_PREFIX, ONE, SCORES, SMALL_FIELDS,
    SMALL_MEMBERS, TWO, Workload, key_name, name,
};

/// Members that one command adds to a large collection.
const AT_ONCE: u64 = 100;

/// Empties the server and makes all that the workload may read, many commands per write.
pub fn prepare(server: &Server, workload: &Workload) -> Result<()> {
    let mut client = server.client()?;
    client.command(&[b"FLUSHALL"])?;
    let size = workload.size;
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

/// Appends one command.
pub fn push(out: &mut Vec<u8>, words: &[String]) {
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    push_command(out, &words);
}
