//! Lists, streams, and what is read of strings and sorted sets in ways of its own.

use crate::{Servers, refuses};
use client_matrix::{Outcome, bytes, eventually, holds, is, some, texts};
use redis::aio::MultiplexedConnection;
use redis::geo::{Coord, RadiusOptions, RadiusOrder, RadiusSearchResult, Unit};
use redis::streams::{
    StreamAutoClaimOptions, StreamInfoGroupsReply, StreamReadOptions, StreamReadReply,
};
use redis::{AsyncCommands, Direction, LposOptions, RedisResult, Value, cmd};
use std::num::NonZeroUsize;

/// Entries of a stream: each an ID with its fields and values.
type Entries = Vec<(String, Vec<(String, String)>)>;

fn entry(id: &str, field: &str, value: &str) -> (String, Vec<(String, String)>) {
    (id.to_owned(), vec![(field.to_owned(), value.to_owned())])
}

pub async fn lists(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    is(
        "RPUSH",
        connection.rpush("list", &["a", "b", "c"]).await?,
        3,
    )?;
    is("LPUSH", connection.lpush("list", "first").await?, 4)?;
    is("LPUSHX", connection.lpush_exists("missing", "x").await?, 0)?;
    let all = texts(&["first", "a", "b", "c"]);
    is("LRANGE", connection.lrange("list", 0, -1).await?, all)?;
    is("LLEN", connection.llen("list").await?, 4)?;
    is("LINDEX", connection.lindex("list", -1).await?, some("c"))?;
    is(
        "LINSERT",
        connection.linsert_after("list", "a", "a").await?,
        5,
    )?;
    let options = LposOptions::default().count(0);
    is(
        "LPOS",
        connection.lpos("list", "a", options).await?,
        vec![1, 2],
    )?;
    connection.lset::<_, _, ()>("list", 0, "FIRST").await?;
    is("LREM", connection.lrem("list", -1, "a").await?, 1)?;
    connection.ltrim::<_, ()>("list", 0, 2).await?;
    let moved = connection
        .lmove("list", "other", Direction::Right, Direction::Left)
        .await?;
    is("LMOVE", moved, some("b"))?;
    let popped = connection.lpop("list", NonZeroUsize::new(5)).await?;
    is("LPOP", popped, texts(&["FIRST", "a"]))?;
    is(
        "RPOP of nothing",
        connection.rpop("list", None).await?,
        None::<String>,
    )?;
    let popped = connection
        .lmpop(2, &["list", "other"], Direction::Left, 1)
        .await?;
    is("LMPOP", popped, Some(("other".to_owned(), texts(&["b"]))))?;
    let result: RedisResult<()> = connection.lset("list", 0, "x").await;
    refuses("LSET of nothing", result, "ERR", "no such key")
}

pub async fn streams(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let id = connection.xadd("stream", "1-1", &[("name", "Ann")]).await?;
    is("XADD", id, some("1-1"))?;
    let id = connection.xadd("stream", "1-*", &[("name", "Bob")]).await?;
    is("XADD of a part", id, some("1-2"))?;
    let id = connection.xadd("stream", "2-0", &[("name", "Cid")]).await?;
    is("XADD", id, some("2-0"))?;
    is("XLEN", connection.xlen("stream").await?, 3)?;
    let (first, second) = (entry("1-1", "name", "Ann"), entry("1-2", "name", "Bob"));
    let found: Entries = connection.xrange("stream", "-", "1-2").await?;
    is("XRANGE", found, vec![first, second])?;
    let found: Entries = connection.xrevrange_count("stream", "+", "-", 1).await?;
    is("XREVRANGE", found, vec![entry("2-0", "name", "Cid")])?;
    let options = StreamReadOptions::default().count(1);
    let found: Option<StreamReadReply> = connection
        .xread_options(&["stream", "missing"], &["1-1", "0"], &options)
        .await?;
    is(
        "XREAD",
        read(found),
        vec![("stream".to_owned(), vec![some("1-2")])],
    )?;
    let found: Option<StreamReadReply> = connection.xread(&["stream"], &["2-0"]).await?;
    is("XREAD of nothing", read(found), vec![])?;
    is("XDEL", connection.xdel("stream", &["1-1", "9-9"]).await?, 1)?;
    let trimmed: i64 = cmd("XTRIM")
        .arg(&["stream", "MAXLEN", "1"])
        .query_async(&mut connection)
        .await?;
    is("XTRIM", trimmed, 1)?;
    let result: RedisResult<String> = connection.xadd("stream", "1-5", &[("a", "1")]).await;
    refuses(
        "XADD of an old ID",
        result,
        "ERR",
        "The ID specified in XADD is equal or smaller than",
    )
}

/// The IDs that were read, by streams.
fn read(reply: Option<StreamReadReply>) -> Vec<(String, Vec<Option<String>>)> {
    let keys = reply.map(|reply| reply.keys).unwrap_or_default();
    let ids = keys
        .into_iter()
        .map(|key| (key.key, key.ids.into_iter().map(|id| Some(id.id)).collect()));
    ids.collect()
}

pub async fn groups(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection
        .xgroup_create_mkstream::<_, _, _, ()>("orders", "shop", "$")
        .await?;
    for number in 1..=3 {
        connection
            .xadd::<_, _, _, _, ()>("orders", format!("{number}-0"), &[("number", number)])
            .await?;
    }
    let as_ann = || StreamReadOptions::default().group("shop", "ann");
    let two = vec![("orders".to_owned(), vec![some("1-0"), some("2-0")])];
    let options = as_ann().count(2);
    let found = connection
        .xread_options(&["orders"], &[">"], &options)
        .await?;
    is("XREADGROUP", read(found), two.clone())?;
    let found = connection
        .xread_options(&["orders"], &["0"], &as_ann())
        .await?;
    is("XREADGROUP of what it has", read(found), two)?;
    is(
        "XACK",
        connection.xack("orders", "shop", &["1-0", "9-0"]).await?,
        1,
    )?;
    let waiting: (i64, String, String, Vec<(String, i64)>) =
        connection.xpending("orders", "shop").await?;
    let (first, ann) = ("2-0".to_owned(), ("ann".to_owned(), 1));
    is("XPENDING", waiting, (1, first.clone(), first, vec![ann]))?;
    let claimed: Entries = connection
        .xclaim("orders", "shop", "bob", 0, &["2-0"])
        .await?;
    is("XCLAIM", claimed, vec![entry("2-0", "number", "2")])?;
    let options = StreamAutoClaimOptions::default();
    let claimed: (String, Entries, Vec<String>) = connection
        .xautoclaim_options("orders", "shop", "cid", 0, "0", options)
        .await?;
    is(
        "XAUTOCLAIM",
        claimed,
        ("0-0".to_owned(), vec![entry("2-0", "number", "2")], vec![]),
    )?;
    let reply: StreamInfoGroupsReply = connection.xinfo_groups("orders").await?;
    let groups: Vec<_> = reply
        .groups
        .into_iter()
        .map(|group| (group.name, group.consumers, group.pending, group.lag))
        .collect();
    is(
        "XINFO GROUPS",
        groups,
        vec![("shop".to_owned(), 3, 1, Some(1))],
    )?;
    is(
        "XGROUP DESTROY",
        connection.xgroup_destroy("orders", "shop").await?,
        1,
    )?;
    let result: RedisResult<Option<StreamReadReply>> = connection
        .xread_options(&["orders"], &[">"], &as_ann())
        .await;
    refuses(
        "XREADGROUP without a group",
        result,
        "NOGROUP",
        "No such key",
    )
}

pub async fn bitmaps(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    is("SETBIT", connection.setbit("bits", 7, true).await?, false)?;
    is(
        "SETBIT again",
        connection.setbit("bits", 7, true).await?,
        true,
    )?;
    connection.setbit::<_, ()>("bits", 20, true).await?;
    is("GETBIT", connection.getbit("bits", 7).await?, true)?;
    is("BITCOUNT", connection.bitcount("bits").await?, 2)?;
    is(
        "BITCOUNT of a part",
        connection.bitcount_range("bits", 0, 0).await?,
        1,
    )?;
    connection.set::<_, _, ()>("other", b"\xff").await?;
    is(
        "BITOP",
        connection.bit_and("both", &["bits", "other"]).await?,
        3,
    )?;
    is(
        "its bytes",
        connection.get("both").await?,
        b"\x01\0\0".to_vec(),
    )?;
    let fields: Vec<Option<i64>> = cmd("BITFIELD")
        .arg("bits")
        .arg(&[
            "SET", "u8", "0", "255", "OVERFLOW", "FAIL", "INCRBY", "u8", "0", "1",
        ])
        .query_async(&mut connection)
        .await?;
    is("BITFIELD", fields, vec![Some(1), None])
}

pub async fn hyperloglogs(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let numbers: Vec<i32> = (0..1500).collect();
    is(
        "PFADD",
        connection.pfadd("visits", &numbers[..1000]).await?,
        true,
    )?;
    is("PFADD again", connection.pfadd("visits", 5).await?, false)?;
    connection
        .pfadd::<_, _, ()>("others", &numbers[500..])
        .await?;
    is("PFCOUNT", connection.pfcount("visits").await?, 1001)?;
    is(
        "PFCOUNT of both",
        connection.pfcount(&["visits", "others"]).await?,
        1512,
    )?;
    connection
        .pfmerge::<_, _, ()>("all", &["visits", "others"])
        .await?;
    is("PFCOUNT of all", connection.pfcount("all").await?, 1512)
}

pub async fn geo(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let places = [
        (Coord::lon_lat("13.361389", "38.115556"), "Palermo"),
        (Coord::lon_lat("15.087269", "37.502669"), "Catania"),
    ];
    is("GEOADD", connection.geo_add("places", &places).await?, 2)?;
    let far = connection
        .geo_dist("places", "Palermo", "Catania", Unit::Kilometers)
        .await?;
    is("GEODIST", far, Some(166.2742))?;
    let hashes: Vec<Option<String>> = connection
        .geo_hash("places", &["Palermo", "missing"])
        .await?;
    is("GEOHASH", hashes, vec![some("sqc8b49rny0"), None])?;
    let positions: Vec<Option<(f64, f64)>> = connection
        .geo_pos("places", &["Palermo", "missing"])
        .await?;
    is(
        "GEOPOS",
        positions,
        vec![Some((13.361389338970184, 38.1155563954963)), None],
    )?;
    let options = RadiusOptions::default().with_dist().order(RadiusOrder::Asc);
    let found: Vec<RadiusSearchResult> = connection
        .geo_radius("places", 15.0, 37.0, 200.0, Unit::Kilometers, options)
        .await?;
    let found: Vec<_> = found
        .into_iter()
        .map(|place| (place.name, place.dist))
        .collect();
    let near = vec![
        ("Catania".to_owned(), Some(56.4413)),
        ("Palermo".to_owned(), Some(190.4424)),
    ];
    is("GEORADIUS", found, near)?;
    let found: Vec<String> = cmd("GEOSEARCH")
        .arg(&["places", "FROMMEMBER", "Palermo", "BYBOX", "10", "10", "km"])
        .query_async(&mut connection)
        .await?;
    is("GEOSEARCH", found, texts(&["Palermo"]))
}

pub async fn sort(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection
        .rpush::<_, _, ()>("numbers", &[10, 9, 2, 33])
        .await?;
    let sorted: Vec<i64> = cmd("SORT")
        .arg("numbers")
        .query_async(&mut connection)
        .await?;
    is("SORT", sorted, vec![2, 9, 10, 33])?;
    connection
        .mset::<_, _, ()>(&[
            ("weight:2", "4"),
            ("weight:9", "3"),
            ("weight:10", "2"),
            ("name:33", "many"),
        ])
        .await?;
    let found: Vec<(i64, Option<String>)> = cmd("SORT")
        .arg(&[
            "numbers", "BY", "weight:*", "GET", "#", "GET", "name:*", "LIMIT", "0", "2",
        ])
        .query_async(&mut connection)
        .await?;
    is("SORT BY GET", found, vec![(33, some("many")), (10, None)])?;
    let stored: i64 = cmd("SORT")
        .arg(&["numbers", "ALPHA", "DESC", "STORE", "sorted"])
        .query_async(&mut connection)
        .await?;
    is("SORT STORE", stored, 4)?;
    is(
        "what it stored",
        connection.lrange("sorted", 0, -1).await?,
        vec![9, 33, 2, 10],
    )?;
    connection.rpush::<_, _, ()>("numbers", "word").await?;
    let result: RedisResult<Vec<i64>> = cmd("SORT_RO")
        .arg("numbers")
        .query_async(&mut connection)
        .await;
    refuses(
        "SORT_RO of words",
        result,
        "ERR",
        "One or more scores can't be converted into double",
    )
}

pub async fn dump(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let (all, large) = bytes();
    connection.set::<_, _, ()>("string", &large).await?;
    connection
        .rpush::<_, _, ()>("list", &[&all[..], b"", b"1"])
        .await?;
    connection.hset::<_, _, _, ()>("hash", &all, &all).await?;
    connection
        .xadd::<_, _, _, _, ()>("stream", "1-1", &[(&all, &all)])
        .await?;
    for (key, read) in [
        ("string", "GET"),
        ("list", "LRANGE"),
        ("hash", "HGETALL"),
        ("stream", "XRANGE"),
    ] {
        let payload: Vec<u8> = cmd("DUMP").arg(key).query_async(&mut connection).await?;
        restore(&mut connection, "again", &payload, &["REPLACE"]).await?;
        let mut values = Vec::new();
        for key in [key, "again"] {
            let mut command = cmd(read);
            command.arg(key);
            match read {
                "LRANGE" => drop(command.arg(0).arg(-1)),
                "XRANGE" => drop(command.arg("-").arg("+")),
                _ => {}
            }
            values.push(command.query_async::<Value>(&mut connection).await?);
        }
        holds(&format!("the {key} is another"), values[0] == values[1])?;
    }
    let payload: Vec<u8> = cmd("DUMP")
        .arg("string")
        .query_async(&mut connection)
        .await?;
    let result = restore(&mut connection, "string", &payload, &[]).await;
    refuses(
        "RESTORE",
        result,
        "BUSYKEY",
        "Target key name already exists",
    )?;
    let result = restore(&mut connection, "bad", &payload[..payload.len() - 1], &[]).await;
    refuses(
        "RESTORE of a part",
        result,
        "ERR",
        "DUMP payload version or checksum are wrong",
    )
}

async fn restore(
    connection: &mut MultiplexedConnection,
    key: &str,
    payload: &[u8],
    options: &[&str],
) -> RedisResult<()> {
    let mut command = cmd("RESTORE");
    command.arg(key).arg(0).arg(payload).arg(options);
    command.query_async(connection).await
}

/// Waits until so many clients are blocked.
async fn blocked(connection: &MultiplexedConnection, count: i64) -> Outcome {
    eventually("the blocked clients", || {
        let mut connection = connection.clone();
        async move {
            let info: redis::InfoDict = cmd("INFO")
                .arg("clients")
                .query_async(&mut connection)
                .await?;
            Ok(info.get("blocked_clients") == Some(count))
        }
    })
    .await
}

pub async fn lists_block(servers: &Servers) -> Outcome {
    let mut other = servers.fresh().await?;
    let (mut first, mut second) = (servers.connection().await?, servers.connection().await?);
    is(
        "BLPOP in vain",
        first.blpop("queue", 0.05).await?,
        None::<(String, String)>,
    )?;
    let popping = tokio::spawn(async move { first.blpop(&["none", "queue"], 20.0).await });
    blocked(&other, 1).await?;
    let moving = tokio::spawn(async move {
        let (from, to) = (Direction::Right, Direction::Left);
        second.blmove("queue", "done", from, to, 20.0).await
    });
    blocked(&other, 2).await?;
    is("RPUSH", other.rpush("queue", &["a", "b", "c"]).await?, 3)?;
    is(
        "BLPOP",
        popping.await??,
        Some(("queue".to_owned(), "a".to_owned())),
    )?;
    is("BLMOVE", moving.await??, some("c"))?;
    is(
        "what is left",
        other.lrange("queue", 0, -1).await?,
        texts(&["b"]),
    )
}

pub async fn streams_block(servers: &Servers) -> Outcome {
    let mut other = servers.fresh().await?;
    let (mut first, mut second) = (servers.connection().await?, servers.connection().await?);
    other
        .xgroup_create_mkstream::<_, _, _, ()>("stream", "group", "$")
        .await?;
    let options = StreamReadOptions::default().block(50);
    let found = first.xread_options(&["stream"], &["$"], &options).await?;
    is("XREAD in vain", read(found), vec![])?;
    let reading = tokio::spawn(async move {
        let options = StreamReadOptions::default().block(20_000);
        first.xread_options(&["stream"], &["$"], &options).await
    });
    let consuming = tokio::spawn(async move {
        let options = StreamReadOptions::default()
            .group("group", "ann")
            .block(20_000);
        second.xread_options(&["stream"], &[">"], &options).await
    });
    blocked(&other, 2).await?;
    other
        .xadd::<_, _, _, _, ()>("stream", "2-0", &[("a", 1)])
        .await?;
    let wanted = vec![("stream".to_owned(), vec![some("2-0")])];
    is("XREAD", read(reading.await??), wanted.clone())?;
    is("XREADGROUP", read(consuming.await??), wanted)
}
