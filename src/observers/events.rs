//! Keyspace events: what `notify-keyspace-events` publishes of each change.

use smallvec::SmallVec;

use crate::config::{Config, notify};
use crate::observers::Woken;
use crate::observers::pubsub::PubSub;

/// The class of an event, a bit of [`notify`]; 0 for what watchers are told and Redis has no event for.
/// `None` for a name that nobody knows.
fn class(event: &str) -> Option<u32> {
    Some(match event {
        "copy_to" | "del" | "expire" | "move_from" | "move_to" | "persist" | "rename_from"
        | "rename_to" | "restore" => notify::GENERIC,
        "append" | "incrby" | "incrbyfloat" | "pfadd" | "set" | "setbit" | "setrange" => {
            notify::STRING
        }
        "sadd" | "sdiffstore" | "sinterstore" | "spop" | "srem" | "sunionstore" => notify::SET,
        "hdel" | "hexpire" | "hexpired" | "hincrby" | "hincrbyfloat" | "hpersist" | "hset" => {
            notify::HASH
        }
        "georadiusstore" | "geosearchstore" | "zadd" | "zdiffstore" | "zincr" | "zinterstore"
        | "zpopmax" | "zpopmin" | "zrangestore" | "zrem" | "zremrangebylex" | "zremrangebyrank"
        | "zremrangebyscore" | "zunionstore" => notify::ZSET,
        "xadd"
        | "xdel"
        | "xgroup-create"
        | "xgroup-createconsumer"
        | "xgroup-delconsumer"
        | "xgroup-destroy"
        | "xgroup-setid"
        | "xsetid"
        | "xtrim" => notify::STREAM,
        "linsert" | "lpop" | "lpush" | "lrem" | "lset" | "ltrim" | "rpop" | "rpush"
        | "sortstore" => notify::LIST,
        "expired" => notify::EXPIRED,
        "evicted" => notify::EVICTED,
        "keymiss" => notify::KEY_MISS,
        "new" => notify::NEW,
        "flush" | "pfcount" | "pfdebug" | "populate" | "reload" | "swapdb" => 0,
        _ => return None,
    })
}

/// Publishes an event of a key of database `index`, as the switches `notify-keyspace-events` say.
pub fn publish(
    pubsub: &PubSub,
    config: &Config,
    index: usize,
    key: &[u8],
    event: &'static str,
    woken: &mut Woken,
) {
    let class = class(event);
    debug_assert!(class.is_some(), "event {event} has no class");
    let switches = config.notify_keyspace_events();
    if switches & class.unwrap_or(0) == 0 || !pubsub.has_subscribers() {
        return;
    }
    let mut channel = SmallVec::<[u8; 128]>::new();
    let mut number = itoa::Buffer::new();
    let number = number.format(index).as_bytes();
    let mut publish = |prefix: &[u8], last: &[u8], message: &[u8]| {
        channel.clear();
        for part in [prefix, number, b"__:", last] {
            channel.extend_from_slice(part);
        }
        pubsub.publish(config, &channel, message, woken);
    };
    if switches & notify::KEYSPACE != 0 {
        publish(b"__keyspace@", key, event.as_bytes());
    }
    if switches & notify::KEYEVENT != 0 {
        publish(b"__keyevent@", event.as_bytes(), key);
    }
}
