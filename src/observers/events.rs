//! Keyspace events: what `notify-keyspace-events` publishes of each change.

use crate::config::notify;
use crate::observers::Woken;
use crate::observers::pubsub::PubSub;

/// The class of an event, a bit of [`notify`]; 0 for what is a change to watchers and no event of Redis's
/// (a flush, SWAPDB, DEBUG RELOAD).
pub fn class(event: &str) -> u32 {
    match event {
        "copy_to" | "del" | "expire" | "move_from" | "move_to" | "persist" | "rename_from"
        | "rename_to" | "restore" => notify::GENERIC,
        "append" | "decrby" | "incrby" | "incrbyfloat" | "set" | "setrange" => notify::STRING,
        "sadd" | "sdiffstore" | "sinterstore" | "spop" | "srem" | "sunionstore" => notify::SET,
        "hdel" | "hexpire" | "hexpired" | "hincrby" | "hincrbyfloat" | "hpersist" | "hset" => {
            notify::HASH
        }
        "zadd" | "zdiffstore" | "zincr" | "zinterstore" | "zpopmax" | "zpopmin" | "zrangestore"
        | "zrem" | "zremrangebylex" | "zremrangebyrank" | "zremrangebyscore" | "zunionstore" => {
            notify::ZSET
        }
        "expired" => notify::EXPIRED,
        "evicted" => notify::EVICTED,
        "keymiss" => notify::KEY_MISS,
        "new" => notify::NEW,
        _ => 0,
    }
}

/// Publishes an event of a key of database `index`, as the switches `notify-keyspace-events` say.
pub fn publish(
    pubsub: &PubSub,
    config: &crate::config::Config,
    index: usize,
    key: &[u8],
    event: &str,
    woken: &mut Woken,
) {
    let switches = config.notify_keyspace_events();
    if switches & class(event) == 0 {
        return;
    }
    let channel = |kind: &str, last: &[u8]| {
        let mut channel = format!("__{kind}@{index}__:").into_bytes();
        channel.extend_from_slice(last);
        channel
    };
    if switches & notify::KEYSPACE != 0 {
        pubsub.publish(config, &channel("keyspace", key), event.as_bytes(), woken);
    }
    if switches & notify::KEYEVENT != 0 {
        pubsub.publish(config, &channel("keyevent", event.as_bytes()), key, woken);
    }
}
