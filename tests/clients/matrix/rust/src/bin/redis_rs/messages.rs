//! Publish and subscribe, and what tracking sends.

use crate::Servers;
use client_matrix::{Outcome, cannot, error_of, eventually, holds, is, some, soon, texts};
use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::caching::CacheConfig;
use redis::{AsyncConnectionConfig, AsyncTypedCommands, ErrorKind, Msg, PushInfo, PushKind, cmd};
use std::collections::HashMap;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A manager that subscribes anew by itself, and what it receives.
async fn listener(servers: &Servers) -> Outcome<(ConnectionManager, UnboundedReceiver<PushInfo>)> {
    let (sender, receiver) = unbounded_channel();
    let config = ConnectionManagerConfig::new()
        .set_push_sender(sender)
        .set_automatic_resubscription();
    Ok((servers.manager(config).await?, receiver))
}

/// The next push of a kind, as texts; others of the client's own may stand before it.
async fn next_push(
    receiver: &mut UnboundedReceiver<PushInfo>,
    kind: PushKind,
) -> Outcome<Vec<String>> {
    loop {
        let push = soon("a push", receiver.recv())
            .await?
            .ok_or("no more pushes")?;
        if push.kind == kind {
            let texts = push.data.into_iter().map(redis::from_redis_value::<String>);
            return Ok(texts.collect::<Result<_, _>>()?);
        }
        let known = [
            PushKind::Subscribe,
            PushKind::PSubscribe,
            PushKind::SSubscribe,
            PushKind::Disconnection,
        ];
        holds(
            &format!("{push:?} where a {kind} is expected"),
            known.contains(&push.kind),
        )?;
    }
}

pub fn message(message: Option<Msg>) -> Outcome<(String, String)> {
    let message = message.ok_or("no more messages")?;
    Ok((
        message.get_channel_name().to_owned(),
        message.get_payload()?,
    ))
}

fn pair(one: &str, two: &str) -> (String, String) {
    (one.to_owned(), two.to_owned())
}

pub async fn publish_subscribe(servers: &Servers) -> Outcome {
    let mut publisher = servers.fresh().await?;
    is(
        "PUBLISH to nobody",
        publisher.publish("news", "lost").await?,
        0,
    )?;
    if servers.resp3() {
        let (mut manager, mut receiver) = listener(servers).await?;
        manager.subscribe(&["news", "more"]).await?;
        is("PUBLISH", publisher.publish("news", "one").await?, 1)?;
        is("PUBLISH", publisher.publish("more", "two").await?, 1)?;
        is(
            "a message",
            next_push(&mut receiver, PushKind::Message).await?,
            texts(&["news", "one"]),
        )?;
        is(
            "a message",
            next_push(&mut receiver, PushKind::Message).await?,
            texts(&["more", "two"]),
        )?;
        is("GET while subscribed", manager.get("key").await?, None)?;
        manager.unsubscribe(&["news", "more"]).await?;
        is(
            "PUBLISH to nobody",
            publisher.publish("news", "lost").await?,
            0,
        )?;
        return is("PING", manager.ping().await?, "PONG".to_owned());
    }
    let (mut sink, mut stream) = servers.client()?.get_async_pubsub().await?.split();
    sink.subscribe(&["news", "more"]).await?;
    let numbers: HashMap<String, i64> = cmd("PUBSUB")
        .arg("NUMSUB")
        .arg(&["news", "nobody"])
        .query_async(&mut publisher)
        .await?;
    is(
        "PUBSUB NUMSUB",
        numbers,
        HashMap::from([("news".to_owned(), 1), ("nobody".to_owned(), 0)]),
    )?;
    is("PUBLISH", publisher.publish("news", "one").await?, 1)?;
    is("PUBLISH", publisher.publish("more", "two").await?, 1)?;
    is(
        "a message",
        message(soon("a message", stream.next()).await?)?,
        pair("news", "one"),
    )?;
    is(
        "a message",
        message(soon("a message", stream.next()).await?)?,
        pair("more", "two"),
    )?;
    let pong: Vec<String> = sink.ping_message("hello").await?;
    is("PING", pong, texts(&["pong", "hello"]))?;
    sink.unsubscribe(&["news", "more"]).await?;
    is(
        "PUBLISH to nobody",
        publisher.publish("news", "lost").await?,
        0,
    )
}

pub async fn patterns(servers: &Servers) -> Outcome {
    let mut publisher = servers.fresh().await?;
    if servers.resp3() {
        let (mut manager, mut receiver) = listener(servers).await?;
        manager.psubscribe(&["news.*", "*.rs"]).await?;
        is("PUBLISH", publisher.publish("news.txt", "one").await?, 1)?;
        is("PUBLISH", publisher.publish("other", "two").await?, 0)?;
        let found = next_push(&mut receiver, PushKind::PMessage).await?;
        is("a message", found, texts(&["news.*", "news.txt", "one"]))?;
        manager.punsubscribe("news.*").await?;
        return is(
            "PUBLISH to nobody",
            publisher.publish("news.txt", "lost").await?,
            0,
        );
    }
    let (mut sink, mut stream) = servers.client()?.get_async_pubsub().await?.split();
    sink.psubscribe(&["news.*", "*.rs"]).await?;
    is(
        "PUBSUB NUMPAT",
        cmd("PUBSUB")
            .arg("NUMPAT")
            .query_async(&mut publisher)
            .await?,
        2,
    )?;
    is("PUBLISH", publisher.publish("news.txt", "one").await?, 1)?;
    is("PUBLISH", publisher.publish("other", "two").await?, 0)?;
    let found = soon("a message", stream.next())
        .await?
        .ok_or("no more messages")?;
    is(
        "the pattern",
        found.get_pattern::<Option<String>>()?,
        some("news.*"),
    )?;
    is("a message", message(Some(found))?, pair("news.txt", "one"))?;
    sink.punsubscribe("news.*").await?;
    is(
        "PUBLISH to nobody",
        publisher.publish("news.txt", "lost").await?,
        0,
    )
}

pub async fn sharded(servers: &Servers) -> Outcome {
    if !servers.resp3() {
        return cannot("only in RESP3");
    }
    let mut publisher = servers.fresh().await?;
    let (sender, mut receiver) = unbounded_channel();
    let config = AsyncConnectionConfig::new().set_push_sender(sender);
    let mut subscriber = Servers::connect_to(&servers.client()?, config).await?;
    cmd("SSUBSCRIBE")
        .arg("news")
        .exec_async(&mut subscriber)
        .await?;
    is(
        "PUBLISH to nobody",
        publisher.publish("news", "elsewhere").await?,
        0,
    )?;
    is("SPUBLISH", publisher.spublish("news", "one").await?, 1)?;
    is(
        "a message",
        next_push(&mut receiver, PushKind::SMessage).await?,
        texts(&["news", "one"]),
    )?;
    cmd("SUNSUBSCRIBE")
        .arg("news")
        .exec_async(&mut subscriber)
        .await?;
    is(
        "SPUBLISH to nobody",
        publisher.spublish("news", "lost").await?,
        0,
    )
}

/// The id of the one client that subscribes.
async fn subscriber_id(connection: &mut MultiplexedConnection) -> Outcome<i64> {
    let list: String = cmd("CLIENT")
        .arg("LIST")
        .arg("TYPE")
        .arg("PUBSUB")
        .query_async(connection)
        .await?;
    let ids: Vec<_> = list
        .split_whitespace()
        .filter_map(|field| field.strip_prefix("id="))
        .collect();
    match ids[..] {
        [id] => Ok(id.parse()?),
        _ => Err(format!("not one subscriber in: {list}").into()),
    }
}

async fn kill(connection: &mut MultiplexedConnection, id: i64) -> Outcome {
    is(
        "CLIENT KILL",
        cmd("CLIENT")
            .arg("KILL")
            .arg("ID")
            .arg(id)
            .query_async(connection)
            .await?,
        1,
    )
}

pub async fn reconnect(servers: &Servers) -> Outcome {
    let mut publisher = servers.fresh().await?;
    if servers.resp3() {
        let (mut manager, mut receiver) = listener(servers).await?;
        manager.subscribe("news").await?;
        manager.psubscribe("p*").await?;
        is("PUBLISH", publisher.publish("news", "before").await?, 1)?;
        is(
            "a message",
            next_push(&mut receiver, PushKind::Message).await?,
            texts(&["news", "before"]),
        )?;
        let id = subscriber_id(&mut publisher).await?;
        kill(&mut publisher, id).await?;
        // It subscribes anew by itself.
        eventually("two subscriptions", || {
            let mut publisher = publisher.clone();
            async move { Ok(publisher.publish("pattern", "after").await? == 1) }
        })
        .await?;
        let found = next_push(&mut receiver, PushKind::PMessage).await?;
        is("a message", found, texts(&["p*", "pattern", "after"]))?;
        eventually("a subscription", || {
            let mut publisher = publisher.clone();
            async move { Ok(publisher.publish("news", "after").await? == 1) }
        })
        .await?;
        is(
            "a message",
            next_push(&mut receiver, PushKind::Message).await?,
            texts(&["news", "after"]),
        )?;
        return holds(
            "another connection",
            subscriber_id(&mut publisher).await? > id,
        );
    }
    let client = servers.client()?;
    let (mut sink, mut stream) = client.get_async_pubsub().await?.split();
    sink.subscribe("news").await?;
    is("PUBLISH", publisher.publish("news", "before").await?, 1)?;
    is(
        "a message",
        message(soon("a message", stream.next()).await?)?,
        pair("news", "before"),
    )?;
    let id = subscriber_id(&mut publisher).await?;
    kill(&mut publisher, id).await?;
    // The stream ends, and whoever reads it asks for another.
    holds(
        "the stream goes on",
        soon("the end", stream.next()).await?.is_none(),
    )?;
    let (mut sink, mut stream) = client.get_async_pubsub().await?.split();
    sink.subscribe("news").await?;
    is("PUBLISH", publisher.publish("news", "after").await?, 1)?;
    is(
        "a message",
        message(soon("a message", stream.next()).await?)?,
        pair("news", "after"),
    )
}

/// The client's own cache, which needs RESP3.
pub async fn tracking(servers: &Servers) -> Outcome {
    let mut other = servers.fresh().await?;
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::default());
    if !servers.resp3() {
        let error = error_of(
            "a cache",
            Servers::connect_to(&servers.client()?, config)
                .await
                .map(drop),
        )?;
        return is(
            "the kind of error",
            error.kind(),
            ErrorKind::InvalidClientConfig,
        );
    }
    let connection = Servers::connect_to(&servers.client()?, config).await?;
    let statistics = || {
        let statistics = connection.get_cache_statistics();
        statistics.map(|statistics| (statistics.hit, statistics.miss, statistics.invalidate))
    };
    let read = |key: &'static str| {
        let mut connection = connection.clone();
        async move { AsyncTypedCommands::get(&mut connection, key).await }
    };
    other.set("key", 1).await?;
    is("GET", read("key").await?, some("1"))?;
    is("GET", read("key").await?, some("1"))?;
    is("hits, misses, invalidations", statistics(), Some((1, 1, 0)))?;
    other.set("key", 2).await?;
    eventually("an invalidation", || async {
        Ok(statistics().is_some_and(|(_, _, invalidations)| invalidations == 1))
    })
    .await?;
    is("GET", read("key").await?, some("2"))?;
    is("GET", read("key").await?, some("2"))?;
    is("hits, misses, invalidations", statistics(), Some((2, 2, 1)))?;
    other.flushall().await?;
    eventually("a value that is gone", || async {
        Ok(read("key").await?.is_none())
    })
    .await?;
    other.set("short", "gone soon").await?;
    is("GET", read("short").await?, some("gone soon"))?;
    other.pexpire("short", 30).await?;
    eventually("a value that has expired", || async {
        Ok(read("short").await?.is_none())
    })
    .await
}
