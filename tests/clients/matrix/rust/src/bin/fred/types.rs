//! Every type that exists here.

use crate::{Servers, custom, refuses};
use client_matrix::{
    Outcome, bytes, eventually, holds, is, since, some, text_map, text_set, texts,
};
use fred::interfaces::Resp3Frame;
use fred::prelude::*;
use std::collections::{HashMap, HashSet};

pub async fn strings(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .set::<(), _, _>("key", "value", None, None, false)
        .await?;
    is("GET", client.get("key").await?, some("value"))?;
    is(
        "GET of nothing",
        client.get("missing").await?,
        None::<String>,
    )?;
    let nx = Some(SetOptions::NX);
    is(
        "SET NX",
        client.set("key", "other", None, nx, false).await?,
        None::<String>,
    )?;
    let expiry = Some(Expiration::EX(100));
    is(
        "SET GET",
        client.set("key", "value", expiry, None, true).await?,
        some("value"),
    )?;
    holds(
        "TTL",
        (99..=100).contains(&client.ttl::<i64, _>("key").await?),
    )?;
    is("PERSIST", client.persist("key").await?, true)?;
    is("APPEND", client.append("key", "!").await?, 6)?;
    is(
        "GETRANGE",
        client.getrange("key", 1, 4).await?,
        "alue".to_owned(),
    )?;
    is("INCRBY", client.incr_by("counter", 41).await?, 41)?;
    is("INCR", client.incr("counter").await?, 42)?;
    is(
        "INCRBYFLOAT",
        client.incr_by_float("counter", 0.5).await?,
        42.5,
    )?;
    client.mset(vec![("a", 1), ("b", 2)]).await?;
    is(
        "MGET",
        client.mget(vec!["a", "missing", "b"]).await?,
        vec![some("1"), None, some("2")],
    )?;
    is("TYPE", client.r#type("key").await?, "string".to_owned())?;
    is("DEL", client.del(vec!["a", "b", "missing"]).await?, 2)?;
    is("EXISTS", client.exists("a").await?, 0)?;
    let (cursor, keys): (String, HashSet<String>) =
        client.scan_page("0", "*e*", Some(100), None).await?;
    is(
        "SCAN",
        (cursor, keys),
        ("0".to_owned(), text_set(&["counter", "key"])),
    )?;
    let result: Result<i64, _> = client.incr("key").await;
    refuses(
        "INCR",
        result,
        ErrorKind::Unknown,
        "ERR value is not an integer or out of range",
    )?;
    let result: Result<Option<String>, _> = client.hget("key", "field").await;
    refuses(
        "HGET",
        result,
        ErrorKind::InvalidArgument,
        "WRONGTYPE Operation against a key",
    )
}

pub async fn hashes(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let fields = text_map(&[("a", "1"), ("b", "2"), ("c", "three")]);
    is("HSET", client.hset("hash", fields.clone()).await?, 3)?;
    is("HGET", client.hget("hash", "c").await?, some("three"))?;
    is(
        "HGET of nothing",
        client.hget("hash", "missing").await?,
        None::<String>,
    )?;
    is("HGETALL", client.hgetall("hash").await?, fields)?;
    let values: (i64, Option<String>, String) =
        client.hmget("hash", vec!["a", "missing", "c"]).await?;
    is("HMGET", values, (1, None, "three".to_owned()))?;
    is("HSETNX", client.hsetnx("hash", "a", 2).await?, false)?;
    is("HINCRBY", client.hincrby("hash", "a", 41).await?, 42)?;
    is(
        "HINCRBYFLOAT",
        client.hincrbyfloat("hash", "b", 0.25).await?,
        2.25,
    )?;
    is("HDEL", client.hdel("hash", vec!["b", "missing"]).await?, 1)?;
    is("HEXISTS", client.hexists("hash", "b").await?, false)?;
    is("HLEN", client.hlen("hash").await?, 2)?;
    is("HKEYS", client.hkeys("hash").await?, text_set(&["a", "c"]))?;
    let picked: HashMap<String, String> = client.hrandfield("hash", Some((5, true))).await?;
    is(
        "HRANDFIELD",
        picked,
        text_map(&[("a", "42"), ("c", "three")]),
    )?;
    is(
        "HGETALL of nothing",
        client.hgetall("missing").await?,
        HashMap::<String, String>::new(),
    )
}

pub async fn field_expiry(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .hset::<(), _, _>("hash", text_map(&[("short", "1"), ("long", "2")]))
        .await?;
    if !since(&servers.version, 7, 4) {
        let result: Result<Vec<i64>, _> = client.hpexpire("hash", 20, None, "short").await;
        return refuses(
            "HPEXPIRE",
            result,
            ErrorKind::Unknown,
            "ERR unknown command",
        );
    }
    is(
        "HEXPIRE",
        client
            .hexpire("hash", 100, None, vec!["long", "missing"])
            .await?,
        vec![1, -2],
    )?;
    is(
        "HTTL",
        client.httl("hash", vec!["short", "missing"]).await?,
        vec![-1, -2],
    )?;
    is(
        "HPEXPIRE",
        client.hpexpire("hash", 20, None, "short").await?,
        vec![1],
    )?;
    eventually("a field expires", || async {
        Ok(!client.hexists::<bool, _, _>("hash", "short").await?)
    })
    .await?;
    is(
        "HGETALL",
        client.hgetall("hash").await?,
        text_map(&[("long", "2")]),
    )?;
    is("HPERSIST", client.hpersist("hash", "long").await?, vec![1])
}

pub async fn sets(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    is("SADD", client.sadd("set", vec!["a", "b", "c"]).await?, 3)?;
    is("SADD", client.sadd("other", vec!["b", "c", "d"]).await?, 3)?;
    is(
        "SMEMBERS",
        client.smembers("set").await?,
        text_set(&["a", "b", "c"]),
    )?;
    is("SISMEMBER", client.sismember("set", "a").await?, true)?;
    is(
        "SMISMEMBER",
        client.smismember("set", vec!["a", "d"]).await?,
        vec![true, false],
    )?;
    is(
        "SINTER",
        client.sinter(vec!["set", "other"]).await?,
        text_set(&["b", "c"]),
    )?;
    is(
        "SUNIONSTORE",
        client.sunionstore("all", vec!["set", "other"]).await?,
        4,
    )?;
    is(
        "SREM",
        client.srem("set", vec!["a", "b", "missing"]).await?,
        2,
    )?;
    is("SCARD", client.scard("set").await?, 1)?;
    is("SPOP", client.spop("set", None).await?, some("c"))?;
    is(
        "SPOP of nothing",
        client.spop("set", None).await?,
        None::<String>,
    )?;
    is(
        "SMEMBERS of nothing",
        client.smembers("set").await?,
        HashSet::<String>::new(),
    )
}

pub async fn sorted_sets(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let members = vec![(1.0, "one"), (2.5, "two"), (f64::INFINITY, "last")];
    is(
        "ZADD",
        client
            .zadd("zset", None, None, false, false, members)
            .await?,
        3,
    )?;
    is("ZSCORE", client.zscore("zset", "two").await?, Some(2.5))?;
    is(
        "ZSCORE",
        client.zscore("zset", "last").await?,
        Some(f64::INFINITY),
    )?;
    is(
        "ZSCORE of nothing",
        client.zscore("zset", "missing").await?,
        None::<f64>,
    )?;
    let frame = client
        .custom_raw(custom("ZSCORE"), vec!["zset", "two"])
        .await?;
    is(
        "whether ZSCORE is a double",
        matches!(frame, Resp3Frame::Double { .. }),
        servers.resp3(),
    )?;
    let members = client
        .zrange("zset", 0, -1, None, false, None, false)
        .await?;
    is("ZRANGE", members, texts(&["one", "two", "last"]))?;
    let pairs: Vec<(String, f64)> = client.zrange("zset", 0, 1, None, false, None, true).await?;
    is(
        "ZRANGE",
        pairs,
        vec![("one".to_owned(), 1.0), ("two".to_owned(), 2.5)],
    )?;
    let members = client
        .zrevrangebyscore("zset", "+inf", "(1", false, None)
        .await?;
    is("ZREVRANGEBYSCORE", members, texts(&["last", "two"]))?;
    is("ZINCRBY", client.zincrby("zset", 2.0, "one").await?, 3.0)?;
    is("ZRANK", client.zrank("zset", "one", false).await?, Some(1))?;
    is(
        "ZRANK of nothing",
        client.zrank("zset", "missing", false).await?,
        None::<i64>,
    )?;
    is(
        "ZCOUNT",
        client.zcount("zset", f64::NEG_INFINITY, 3.0).await?,
        2,
    )?;
    let popped: Vec<(String, f64)> = client.zpopmin("zset", None).await?;
    is("ZPOPMIN", popped, vec![("two".to_owned(), 2.5)])?;
    is(
        "ZMSCORE",
        client.zmscore("zset", vec!["one", "missing"]).await?,
        vec![Some(3.0), None],
    )?;
    is("ZREM", client.zrem("zset", "last").await?, 1)?;
    is(
        "ZADD",
        client
            .zadd("other", None, None, false, false, (10.0, "one"))
            .await?,
        1,
    )?;
    let pairs: Vec<(String, f64)> = client
        .zunion(vec!["zset", "other"], None, None, true)
        .await?;
    is("ZUNION", pairs, vec![("one".to_owned(), 13.0)])?;
    is("ZCARD", client.zcard("zset").await?, 1)
}

pub async fn binary(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let (all, large) = bytes();
    let value = |bytes: &[u8]| Value::Bytes(bytes.to_vec().into());
    client
        .set::<(), _, _>(all.as_slice(), value(&large), None, None, false)
        .await?;
    let found: Value = client.get(all.as_slice()).await?;
    holds(
        "GET gives other bytes",
        found.as_bytes() == Some(&large[..]),
    )?;
    let keys: Vec<Value> = client.custom(custom("KEYS"), vec!["*"]).await?;
    holds(
        "KEYS gives other bytes",
        keys.len() == 1 && keys[0].as_bytes() == Some(&all[..]),
    )?;
    let fields = HashMap::from([
        (Key::from(&b"\0"[..]), value(&all)),
        (Key::from(&b"\xff"[..]), value(b"")),
    ]);
    is("HSET", client.hset(&b"\r\n"[..], fields).await?, 2)?;
    let found: HashMap<Key, Value> = client.hgetall(&b"\r\n"[..]).await?;
    is("HLEN", found.len(), 2)?;
    let field = found.get(&Key::from(&b"\0"[..])).and_then(Value::as_bytes);
    is("a field", field, Some(&all[..]))?;
    let field = found
        .get(&Key::from(&b"\xff"[..]))
        .and_then(Value::as_bytes);
    is("a field", field, Some(&b""[..]))?;
    is(
        "ZADD",
        client
            .zadd(&b"\0\0"[..], None, None, false, false, (1.0, value(&all)))
            .await?,
        1,
    )?;
    let found: Vec<Value> = client
        .zrange(&b"\0\0"[..], 0, -1, None, false, None, false)
        .await?;
    holds(
        "ZRANGE gives other bytes",
        found.len() == 1 && found[0].as_bytes() == Some(&all[..]),
    )?;
    is("GET of an empty key", client.get("").await?, None::<String>)
}
