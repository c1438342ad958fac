//! Lists, streams, and what is read of strings and sorted sets in ways of its own.

use crate::{Servers, custom, info_field, refuses};
use client_matrix::{Outcome, bytes, eventually, holds, is, some, texts};
use fred::prelude::*;
use fred::types::geo::{GeoPosition, GeoUnit, GeoValue};
use fred::types::lists::{LMoveDirection, ListLocation};
use fred::types::streams::{XReadResponse, XReadValue};
use fred::types::{InfoKind, SortOrder};
use std::collections::HashMap;

type Entry = XReadValue<String, String, String>;

fn entry(id: &str, field: &str, value: &str) -> Entry {
    let fields = HashMap::from([(field.to_owned(), value.to_owned())]);
    (id.to_owned(), fields)
}

pub async fn lists(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    is("RPUSH", client.rpush("list", vec!["a", "b", "c"]).await?, 3)?;
    is("LPUSH", client.lpush("list", "first").await?, 4)?;
    is("LPUSHX", client.lpushx("missing", "x").await?, 0)?;
    let all = texts(&["first", "a", "b", "c"]);
    is("LRANGE", client.lrange("list", 0, -1).await?, all)?;
    is("LLEN", client.llen("list").await?, 4)?;
    is("LINDEX", client.lindex("list", -1).await?, some("c"))?;
    let inserted = client
        .linsert("list", ListLocation::After, "a", "a")
        .await?;
    is("LINSERT", inserted, 5)?;
    is(
        "LPOS",
        client.lpos("list", "a", None, Some(0), None).await?,
        vec![1, 2],
    )?;
    client.lset::<(), _, _>("list", 0, "FIRST").await?;
    is("LREM", client.lrem("list", -1, "a").await?, 1)?;
    client.ltrim::<(), _>("list", 0, 2).await?;
    let moved = client
        .lmove("list", "other", LMoveDirection::Right, LMoveDirection::Left)
        .await?;
    is("LMOVE", moved, some("b"))?;
    is(
        "LPOP",
        client.lpop("list", Some(5)).await?,
        texts(&["FIRST", "a"]),
    )?;
    is(
        "RPOP of nothing",
        client.rpop("list", None).await?,
        None::<String>,
    )?;
    let popped: (String, Vec<String>) = client
        .lmpop(vec!["list", "other"], LMoveDirection::Left, None)
        .await?;
    is("LMPOP", popped, ("other".to_owned(), texts(&["b"])))?;
    let result: Result<(), _> = client.lset("list", 0, "x").await;
    refuses(
        "LSET of nothing",
        result,
        ErrorKind::Unknown,
        "ERR no such key",
    )
}

async fn add(
    client: &Client,
    key: &str,
    id: &str,
    fields: Vec<(&str, &str)>,
) -> Result<String, Error> {
    client.xadd(key, false, None, id, fields).await
}

pub async fn streams(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    is(
        "XADD",
        add(&client, "stream", "1-1", vec![("name", "Ann")]).await?,
        "1-1".to_owned(),
    )?;
    is(
        "XADD",
        add(&client, "stream", "1-2", vec![("name", "Bob")]).await?,
        "1-2".to_owned(),
    )?;
    is(
        "XADD",
        add(&client, "stream", "2-0", vec![("name", "Cid")]).await?,
        "2-0".to_owned(),
    )?;
    is("XLEN", client.xlen("stream").await?, 3)?;
    let (first, second) = (entry("1-1", "name", "Ann"), entry("1-2", "name", "Bob"));
    let found: Vec<Entry> = client.xrange_values("stream", "-", "1-2", None).await?;
    is("XRANGE", found, vec![first, second.clone()])?;
    let found: Vec<Entry> = client.xrevrange_values("stream", "+", "-", Some(1)).await?;
    is("XREVRANGE", found, vec![entry("2-0", "name", "Cid")])?;
    let found: XReadResponse<String, String, String, String> = client
        .xread_map(Some(1), None, vec!["stream", "missing"], vec!["1-1", "0"])
        .await?;
    is(
        "XREAD",
        found,
        HashMap::from([("stream".to_owned(), vec![second])]),
    )?;
    is("XDEL", client.xdel("stream", vec!["1-1", "9-9"]).await?, 1)?;
    is(
        "XTRIM",
        client.xtrim("stream", ("MAXLEN", "=", 1)).await?,
        1,
    )?;
    let result = add(&client, "stream", "1-5", vec![("a", "1")]).await;
    let text = "ERR The ID specified in XADD is equal or smaller than";
    refuses("XADD of an old ID", result, ErrorKind::Unknown, text)
}

pub async fn groups(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .xgroup_create::<(), _, _, _>("orders", "shop", "$", true)
        .await?;
    for number in ["1", "2", "3"] {
        add(
            &client,
            "orders",
            &format!("{number}-0"),
            vec![("number", number)],
        )
        .await?;
    }
    let (first, second) = (entry("1-0", "number", "1"), entry("2-0", "number", "2"));
    let two = HashMap::from([("orders".to_owned(), vec![first, second.clone()])]);
    let found: XReadResponse<String, String, String, String> = client
        .xreadgroup_map("shop", "ann", Some(2), None, false, "orders", ">")
        .await?;
    is("XREADGROUP", found, two.clone())?;
    let found: XReadResponse<String, String, String, String> = client
        .xreadgroup_map("shop", "ann", None, None, false, "orders", "0")
        .await?;
    is("XREADGROUP of what it has", found, two)?;
    is(
        "XACK",
        client.xack("orders", "shop", vec!["1-0", "9-0"]).await?,
        1,
    )?;
    let waiting: (i64, String, String, Vec<(String, i64)>) =
        client.xpending("orders", "shop", ()).await?;
    let (id, ann) = ("2-0".to_owned(), ("ann".to_owned(), 1));
    is("XPENDING", waiting, (1, id.clone(), id, vec![ann]))?;
    let claimed: Vec<Entry> = client
        .xclaim_values(
            "orders", "shop", "bob", 0, "2-0", None, None, None, false, false,
        )
        .await?;
    is("XCLAIM", claimed, vec![second])?;
    let claimed: (String, Vec<String>, Vec<String>) = client
        .xautoclaim("orders", "shop", "cid", 0, "0", None, true)
        .await?;
    is(
        "XAUTOCLAIM",
        claimed,
        ("0-0".to_owned(), texts(&["2-0"]), vec![]),
    )?;
    is(
        "XGROUP DESTROY",
        client.xgroup_destroy("orders", "shop").await?,
        1,
    )?;
    let result: Result<Value, _> = client
        .xreadgroup("shop", "ann", None, None, false, "orders", ">")
        .await;
    refuses(
        "XREADGROUP without a group",
        result,
        ErrorKind::Unknown,
        "NOGROUP No such key",
    )
}

/// Bitmaps have no methods here.
pub async fn bitmaps(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let send =
        async |name, arguments: Vec<&str>| client.custom::<i64, _>(custom(name), arguments).await;
    is("SETBIT", send("SETBIT", vec!["bits", "7", "1"]).await?, 0)?;
    is(
        "SETBIT again",
        send("SETBIT", vec!["bits", "7", "1"]).await?,
        1,
    )?;
    is("GETBIT", send("GETBIT", vec!["bits", "7"]).await?, 1)?;
    is("BITCOUNT", send("BITCOUNT", vec!["bits"]).await?, 1)?;
    is("BITPOS", send("BITPOS", vec!["bits", "1"]).await?, 7)?;
    let fields = "bits SET u8 0 255 OVERFLOW FAIL INCRBY u8 0 1"
        .split(' ')
        .collect::<Vec<_>>();
    let fields: Vec<Option<i64>> = client.custom(custom("BITFIELD"), fields).await?;
    is("BITFIELD", fields, vec![Some(1), None])
}

pub async fn hyperloglogs(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let numbers: Vec<i64> = (0..1500).collect();
    is(
        "PFADD",
        client.pfadd("visits", numbers[..1000].to_vec()).await?,
        1,
    )?;
    is("PFADD again", client.pfadd("visits", 5).await?, 0)?;
    client
        .pfadd::<(), _, _>("others", numbers[500..].to_vec())
        .await?;
    is("PFCOUNT", client.pfcount("visits").await?, 1001)?;
    is(
        "PFCOUNT of both",
        client.pfcount(vec!["visits", "others"]).await?,
        1512,
    )?;
    client
        .pfmerge::<(), _, _>("all", vec!["visits", "others"])
        .await?;
    is("PFCOUNT of all", client.pfcount("all").await?, 1512)
}

pub async fn geo(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let place = |longitude, latitude, name: &str| GeoValue {
        coordinates: GeoPosition {
            longitude,
            latitude,
        },
        member: name.into(),
    };
    let places = vec![
        place(13.361389, 38.115556, "Palermo"),
        place(15.087269, 37.502669, "Catania"),
    ];
    is(
        "GEOADD",
        client.geoadd("places", None, false, places).await?,
        2,
    )?;
    let far = client
        .geodist("places", "Palermo", "Catania", Some(GeoUnit::Kilometers))
        .await?;
    is("GEODIST", far, Some(166.2742))?;
    let hashes = client.geohash("places", vec!["Palermo", "missing"]).await?;
    is("GEOHASH", hashes, vec![some("sqc8b49rny0"), None])?;
    let positions: Vec<(f64, f64)> = client.geopos("places", "Palermo").await?;
    is(
        "GEOPOS",
        positions,
        vec![(13.361389338970184, 38.1155563954963)],
    )?;
    let (from, near) = (
        GeoPosition::from((15.0, 37.0)),
        (200.0, GeoUnit::Kilometers),
    );
    let ascending = Some(SortOrder::Asc);
    let found: Vec<String> = client
        .geosearch(
            "places",
            None,
            Some(from),
            Some(near),
            None,
            ascending,
            None,
            false,
            false,
            false,
        )
        .await?;
    is("GEOSEARCH", found, texts(&["Catania", "Palermo"]))
}

pub async fn sort(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .rpush::<(), _, _>("numbers", vec![10, 9, 2, 33])
        .await?;
    let sorted: Vec<i64> = client
        .sort("numbers", None, None, (), None, false, None)
        .await?;
    is("SORT", sorted, vec![2, 9, 10, 33])?;
    let weights = vec![
        ("weight:2", "4"),
        ("weight:9", "3"),
        ("weight:10", "2"),
        ("name:33", "many"),
    ];
    client.mset(weights).await?;
    let found: Vec<Option<String>> = client
        .sort(
            "numbers",
            Some("weight:*".into()),
            Some((0, 2)),
            vec!["#", "name:*"],
            None,
            false,
            None,
        )
        .await?;
    is(
        "SORT BY GET",
        found,
        vec![some("33"), some("many"), some("10"), None],
    )?;
    let descending = Some(SortOrder::Desc);
    let stored: i64 = client
        .sort(
            "numbers",
            None,
            None,
            (),
            descending,
            true,
            Some("sorted".into()),
        )
        .await?;
    is("SORT STORE", stored, 4)?;
    is(
        "what it stored",
        client.lrange("sorted", 0, -1).await?,
        vec![9, 33, 2, 10],
    )?;
    client.rpush::<(), _, _>("numbers", "word").await?;
    let result: Result<Vec<i64>, _> = client.sort_ro("numbers", None, None, (), None, false).await;
    let text = "ERR One or more scores can't be converted into double";
    refuses("SORT_RO of words", result, ErrorKind::Unknown, text)
}

pub async fn dump(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let (all, large) = bytes();
    let value = |bytes: &[u8]| Value::Bytes(bytes.to_vec().into());
    client
        .set::<(), _, _>("string", value(&large), None, None, false)
        .await?;
    client
        .rpush::<(), _, _>("list", vec![value(&all), value(b"")])
        .await?;
    let fields = HashMap::from([(Key::from(&all[..]), value(&all))]);
    client.hset::<(), _, _>("hash", fields).await?;
    for (key, read) in [
        ("string", vec!["GET"]),
        ("list", vec!["LRANGE", "0", "-1"]),
        ("hash", vec!["HGETALL"]),
    ] {
        let payload: Value = client.dump(key).await?;
        client
            .restore::<(), _>("again", 0, payload, true, false, None, None)
            .await?;
        let mut values = Vec::new();
        for key in [key, "again"] {
            let arguments = [&[key], &read[1..]].concat();
            values.push(
                client
                    .custom::<Value, _>(custom(read[0]), arguments)
                    .await?,
            );
        }
        holds(&format!("the {key} is another"), values[0] == values[1])?;
    }
    let payload: Value = client.dump("string").await?;
    let result: Result<(), _> = client
        .restore("string", 0, payload.clone(), false, false, None, None)
        .await;
    refuses(
        "RESTORE",
        result,
        ErrorKind::Unknown,
        "BUSYKEY Target key name already exists",
    )?;
    let broken = payload
        .as_bytes()
        .map(|bytes| value(&bytes[..bytes.len() - 1]))
        .ok_or("no payload")?;
    let result: Result<(), _> = client
        .restore("bad", 0, broken, false, false, None, None)
        .await;
    let text = "ERR DUMP payload version or checksum are wrong";
    refuses("RESTORE of a part", result, ErrorKind::Unknown, text)
}

/// Waits until so many clients are blocked.
async fn blocked(client: &Client, count: &str) -> Outcome {
    eventually("the blocked clients", || async {
        Ok(info_field(client, InfoKind::Clients, "blocked_clients").await? == count)
    })
    .await
}

pub async fn lists_block(servers: &Servers) -> Outcome {
    let other = servers.fresh().await?;
    let (first, second) = (servers.client().await?, servers.client().await?);
    let popping = tokio::spawn(async move { first.blpop(vec!["none", "queue"], 20.0).await });
    blocked(&other, "1").await?;
    let moving = tokio::spawn(async move {
        let (from, to) = (LMoveDirection::Right, LMoveDirection::Left);
        second.blmove("queue", "done", from, to, 20.0).await
    });
    blocked(&other, "2").await?;
    is("RPUSH", other.rpush("queue", vec!["a", "b", "c"]).await?, 3)?;
    is(
        "BLPOP",
        popping.await??,
        ("queue".to_owned(), "a".to_owned()),
    )?;
    is("BLMOVE", moving.await??, some("c"))?;
    is(
        "what is left",
        other.lrange("queue", 0, -1).await?,
        texts(&["b"]),
    )?;
    let result: Result<Value, _> = other.blpop("none", 0.05).await;
    refuses(
        "BLPOP in vain",
        result,
        ErrorKind::Timeout,
        "Request timed out",
    )
}

pub async fn streams_block(servers: &Servers) -> Outcome {
    let other = servers.fresh().await?;
    let (first, second) = (servers.client().await?, servers.client().await?);
    other
        .xgroup_create::<(), _, _, _>("stream", "group", "$", true)
        .await?;
    let reading = tokio::spawn(async move {
        let found: Result<XReadResponse<String, String, String, String>, _> =
            first.xread_map(None, Some(20_000), "stream", "$").await;
        found
    });
    let consuming = tokio::spawn(async move {
        let found: Result<XReadResponse<String, String, String, String>, _> = second
            .xreadgroup_map("group", "ann", None, Some(20_000), false, "stream", ">")
            .await;
        found
    });
    blocked(&other, "2").await?;
    add(&other, "stream", "2-0", vec![("a", "1")]).await?;
    let wanted = HashMap::from([("stream".to_owned(), vec![entry("2-0", "a", "1")])]);
    is("XREAD", reading.await??, wanted.clone())?;
    is("XREADGROUP", consuming.await??, wanted)
}
