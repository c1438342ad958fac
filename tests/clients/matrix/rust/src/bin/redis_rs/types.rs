//! Every type that exists here.

use crate::{Servers, refuses};
use client_matrix::{
    Outcome, bytes, eventually, holds, is, since, some, text_map, text_set, texts,
};
use redis::{AsyncTypedCommands, SetExpiry, SetOptions, Value, cmd};
use std::collections::{HashMap, HashSet};

pub async fn strings(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection.set("key", "value").await?;
    is("GET", connection.get("key").await?, some("value"))?;
    is("GET of nothing", connection.get("missing").await?, None)?;
    is("SETNX", connection.set_nx("key", "other").await?, false)?;
    let options = SetOptions::default()
        .get(true)
        .with_expiration(SetExpiry::EX(100));
    is(
        "SET GET",
        connection.set_options("key", "value", options).await?,
        some("value"),
    )?;
    let redis::IntegerReplyOrNoOp::IntegerReply(ttl) = connection.ttl("key").await? else {
        return Err("TTL is no number".into());
    };
    holds("TTL", (99..=100).contains(&ttl))?;
    is("PERSIST", connection.persist("key").await?, true)?;
    is("APPEND", connection.append("key", "!").await?, 6)?;
    is(
        "GETRANGE",
        connection.getrange("key", 1, -2).await?,
        "alue".to_owned(),
    )?;
    is("INCRBY", connection.incr("counter", 42).await?, 42)?;
    let float: f64 = redis::AsyncCommands::incr(&mut connection, "counter", 0.5).await?;
    is("INCRBYFLOAT", float, 42.5)?;
    connection.mset(&[("a", 1), ("b", 2)]).await?;
    is(
        "MGET",
        connection.mget(&["a", "missing", "b"]).await?,
        vec![some("1"), None, some("2")],
    )?;
    is(
        "TYPE",
        connection.key_type("key").await?,
        redis::ValueType::String,
    )?;
    is("DEL", connection.del(&["a", "b", "missing"]).await?, 2)?;
    is("EXISTS", connection.exists("a").await?, false)?;
    let mut keys = HashSet::new();
    let mut scan = connection.scan_match("*e*").await?;
    while let Some(key) = scan.next_item().await {
        keys.insert(key?);
    }
    drop(scan);
    is("SCAN", keys, text_set(&["counter", "key"]))?;
    let result = connection.incr("key", 1).await;
    refuses(
        "INCR",
        result,
        "ERR",
        "value is not an integer or out of range",
    )?;
    let result = connection.hget("key", "field").await;
    refuses("HGET", result, "WRONGTYPE", "Operation against a key")
}

pub async fn hashes(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection
        .hset_multiple("hash", &[("a", "1"), ("b", "2")])
        .await?;
    is("HSET", connection.hset("hash", "c", "three").await?, 1)?;
    is("HGET", connection.hget("hash", "c").await?, some("three"))?;
    is(
        "HGET of nothing",
        connection.hget("hash", "missing").await?,
        None,
    )?;
    let all = text_map(&[("a", "1"), ("b", "2"), ("c", "three")]);
    is("HGETALL", connection.hgetall("hash").await?, all)?;
    let some_values: (i64, Option<String>, String) =
        redis::AsyncCommands::hmget(&mut connection, "hash", &["a", "missing", "c"]).await?;
    is("HMGET", some_values, (1, None, "three".to_owned()))?;
    is("HSETNX", connection.hset_nx("hash", "a", 2).await?, false)?;
    let sum: i64 = redis::AsyncCommands::hincr(&mut connection, "hash", "a", 41).await?;
    is("HINCRBY", sum, 42)?;
    is(
        "HINCRBYFLOAT",
        connection.hincr("hash", "b", 0.25).await?,
        2.25,
    )?;
    is("HDEL", connection.hdel("hash", &["b", "missing"]).await?, 1)?;
    is("HEXISTS", connection.hexists("hash", "b").await?, false)?;
    is("HLEN", connection.hlen("hash").await?, 2)?;
    is(
        "HKEYS",
        connection.hkeys("hash").await?.into_iter().collect(),
        text_set(&["a", "c"]),
    )?;
    let mut fields = HashMap::new();
    let mut scan: redis::AsyncIter<(String, String)> =
        redis::AsyncCommands::hscan(&mut connection, "hash").await?;
    while let Some(pair) = scan.next_item().await {
        let (name, value) = pair?;
        fields.insert(name, value);
    }
    drop(scan);
    is("HSCAN", fields, text_map(&[("a", "42"), ("c", "three")]))?;
    is(
        "HGETALL of nothing",
        connection.hgetall("missing").await?,
        HashMap::new(),
    )
}

pub async fn field_expiry(servers: &Servers) -> Outcome {
    use redis::IntegerReplyOrNoOp::{ExistsButNotRelevant, IntegerReply, NotExists};
    let mut connection = servers.fresh().await?;
    connection
        .hset_multiple("hash", &[("short", "1"), ("long", "2")])
        .await?;
    let none = redis::ExpireOption::NONE;
    if !since(&servers.version, 7, 4) {
        let result = connection.hpexpire("hash", 20, none, "short").await;
        return refuses("HPEXPIRE", result, "ERR", "unknown command");
    }
    let replies = connection
        .hexpire("hash", 100, none, &["long", "missing"])
        .await?;
    is("HEXPIRE", replies, vec![IntegerReply(1), NotExists])?;
    let replies = connection.httl("hash", &["short", "missing"]).await?;
    is("HTTL", replies, vec![ExistsButNotRelevant, NotExists])?;
    is(
        "HPEXPIRE",
        connection.hpexpire("hash", 20, none, "short").await?,
        vec![IntegerReply(1)],
    )?;
    eventually("a field expires", || {
        let mut connection = connection.clone();
        async move { Ok(!connection.hexists("hash", "short").await?) }
    })
    .await?;
    is(
        "HGETALL",
        connection.hgetall("hash").await?,
        text_map(&[("long", "2")]),
    )?;
    is(
        "HPERSIST",
        connection.hpersist("hash", "long").await?,
        vec![IntegerReply(1)],
    )
}

pub async fn sets(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    is("SADD", connection.sadd("set", &["a", "b", "c"]).await?, 3)?;
    is("SADD", connection.sadd("other", &["b", "c", "d"]).await?, 3)?;
    is(
        "SMEMBERS",
        connection.smembers("set").await?,
        text_set(&["a", "b", "c"]),
    )?;
    is("SISMEMBER", connection.sismember("set", "a").await?, true)?;
    is(
        "SMISMEMBER",
        connection.smismember("set", &["a", "d"]).await?,
        vec![true, false],
    )?;
    is(
        "SINTER",
        connection.sinter(&["set", "other"]).await?,
        text_set(&["b", "c"]),
    )?;
    is(
        "SUNIONSTORE",
        connection.sunionstore("all", &["set", "other"]).await?,
        4,
    )?;
    is(
        "SREM",
        connection.srem("set", &["a", "b", "missing"]).await?,
        2,
    )?;
    is("SCARD", connection.scard("set").await?, 1)?;
    let value: Value = cmd("SMEMBERS")
        .arg("set")
        .query_async(&mut connection)
        .await?;
    let member = Value::BulkString(b"c".to_vec());
    let expected = if servers.resp3() {
        Value::Set(vec![member])
    } else {
        Value::Array(vec![member])
    };
    is("the reply of SMEMBERS", value, expected)?;
    let popped: Option<String> = redis::AsyncCommands::spop(&mut connection, "set").await?;
    is("SPOP", popped, some("c"))?;
    let popped: Option<String> = redis::AsyncCommands::spop(&mut connection, "set").await?;
    is("SPOP of nothing", popped, None)?;
    let mut members = HashSet::new();
    let mut scan = connection.sscan("all").await?;
    while let Some(member) = scan.next_item().await {
        members.insert(member?);
    }
    drop(scan);
    is("SSCAN", members, text_set(&["a", "b", "c", "d"]))?;
    is(
        "SMEMBERS of nothing",
        connection.smembers("set").await?,
        HashSet::new(),
    )
}

pub async fn sorted_sets(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let members = [(1.0, "one"), (2.5, "two"), (f64::INFINITY, "last")];
    is("ZADD", connection.zadd_multiple("zset", &members).await?, 3)?;
    is("ZSCORE", connection.zscore("zset", "two").await?, Some(2.5))?;
    is(
        "ZSCORE",
        connection.zscore("zset", "last").await?,
        Some(f64::INFINITY),
    )?;
    is(
        "ZSCORE of nothing",
        connection.zscore("zset", "missing").await?,
        None,
    )?;
    let value: Value = cmd("ZSCORE")
        .arg("zset")
        .arg("two")
        .query_async(&mut connection)
        .await?;
    let expected = if servers.resp3() {
        Value::Double(2.5)
    } else {
        Value::BulkString(b"2.5".to_vec())
    };
    is("the reply of ZSCORE", value, expected)?;
    is(
        "ZRANGE",
        connection.zrange("zset", 0, -1).await?,
        texts(&["one", "two", "last"]),
    )?;
    let pairs = connection.zrange_withscores("zset", 0, 1).await?;
    is(
        "ZRANGE",
        pairs,
        vec![("one".to_owned(), 1.0), ("two".to_owned(), 2.5)],
    )?;
    let found = connection.zrevrangebyscore("zset", "+inf", "(1").await?;
    is("ZREVRANGEBYSCORE", found, texts(&["last", "two"]))?;
    is("ZINCRBY", connection.zincr("zset", "one", 2).await?, 3.0)?;
    is("ZRANK", connection.zrank("zset", "one").await?, Some(1))?;
    is(
        "ZRANK of nothing",
        connection.zrank("zset", "missing").await?,
        None,
    )?;
    is("ZCOUNT", connection.zcount("zset", "-inf", 3).await?, 2)?;
    let popped: Vec<(String, f64)> =
        redis::AsyncCommands::zpopmin(&mut connection, "zset", 1).await?;
    is("ZPOPMIN", popped, vec![("two".to_owned(), 2.5)])?;
    let scores: Vec<Option<f64>> =
        redis::AsyncCommands::zscore_multiple(&mut connection, "zset", &["one", "missing"]).await?;
    is("ZMSCORE", scores, vec![Some(3.0), None])?;
    is("ZREM", connection.zrem("zset", "last").await?, 1)?;
    let mut pairs = Vec::new();
    let mut scan: redis::AsyncIter<(String, f64)> =
        redis::AsyncCommands::zscan(&mut connection, "zset").await?;
    while let Some(pair) = scan.next_item().await {
        pairs.push(pair?);
    }
    drop(scan);
    is("ZSCAN", pairs, vec![("one".to_owned(), 3.0)])?;
    is("ZCARD", connection.zcard("zset").await?, 1)
}

pub async fn binary(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let (all, large) = bytes();
    connection.set(&all, &large).await?;
    let found: Vec<u8> = redis::AsyncCommands::get(&mut connection, &all).await?;
    holds("GET gives other bytes", found == large)?;
    let keys: Vec<Vec<u8>> = redis::AsyncCommands::keys(&mut connection, "*").await?;
    is("KEYS", keys, vec![all.clone()])?;
    connection.hset(b"\r\n", b"\0", &all).await?;
    connection.hset(b"\r\n", b"\xff", "").await?;
    let found: HashMap<Vec<u8>, Vec<u8>> =
        redis::AsyncCommands::hgetall(&mut connection, b"\r\n").await?;
    is(
        "HGETALL",
        found,
        HashMap::from([(b"\0".to_vec(), all.clone()), (b"\xff".to_vec(), vec![])]),
    )?;
    connection.zadd(b"\0\0", &all, 1).await?;
    let found: Vec<Vec<u8>> = redis::AsyncCommands::zrange(&mut connection, b"\0\0", 0, -1).await?;
    is("ZRANGE", found, vec![all])?;
    is("GET of an empty key", connection.get("").await?, None)
}
