//! Publish and subscribe, and what tracking sends.

use crate::{Servers, connection_id};
use client_matrix::{Outcome, eventually, holds, is, some, soon, texts};
use fred::clients::SubscriberClient;
use fred::interfaces::TrackingInterface;
use fred::prelude::*;
use fred::types::client::ClientKillFilter;
use fred::types::{Message, MessageKind};
use std::collections::HashMap;

/// Runs a part of a check with a client that subscribes anew by itself after it has connected anew.
pub async fn with_subscriber(
    servers: &Servers,
    body: impl AsyncFnOnce(&SubscriberClient, Messages) -> Outcome,
) -> Outcome {
    let subscriber = servers
        .builder(servers.arguments.port)
        .build_subscriber_client()?;
    subscriber.init().await?;
    let task = subscriber.manage_subscriptions();
    let outcome = body(&subscriber, subscriber.message_rx()).await;
    // The task would keep the client, and so its subscriptions, for the checks to come.
    task.abort();
    subscriber.quit().await?;
    outcome
}

pub type Messages = tokio::sync::broadcast::Receiver<Message>;

/// Waits until a channel has a subscriber: the client does not wait for the server when it subscribes.
pub async fn subscribed(client: &Client, channel: &str) -> Outcome {
    eventually("a subscriber", || async {
        let numbers: HashMap<String, i64> = client.pubsub_numsub(channel).await?;
        Ok(numbers.get(channel) == Some(&1))
    })
    .await
}

/// The next message: its kind, its channel and its text.
pub async fn message(receiver: &mut Messages) -> Outcome<(MessageKind, String, Option<String>)> {
    let message = soon("a message", receiver.recv()).await??;
    Ok((
        message.kind,
        message.channel.to_string(),
        message.value.into_string(),
    ))
}

pub fn heard(
    kind: MessageKind,
    channel: &str,
    text: &str,
) -> (MessageKind, String, Option<String>) {
    (kind, channel.to_owned(), some(text))
}

pub async fn publish_subscribe(servers: &Servers) -> Outcome {
    let publisher = servers.fresh().await?;
    is(
        "PUBLISH to nobody",
        publisher.publish("news", "lost").await?,
        0,
    )?;
    with_subscriber(servers, async |subscriber, mut receiver| {
        subscriber.subscribe(vec!["news", "more"]).await?;
        subscribed(&publisher, "more").await?;
        let numbers: HashMap<String, i64> = publisher.pubsub_numsub(vec!["news", "nobody"]).await?;
        is(
            "PUBSUB NUMSUB",
            numbers,
            HashMap::from([("news".to_owned(), 1), ("nobody".to_owned(), 0)]),
        )?;
        is(
            "PUBSUB CHANNELS",
            publisher.pubsub_channels("n*").await?,
            texts(&["news"]),
        )?;
        is("PUBLISH", publisher.publish("news", "one").await?, 1)?;
        is("PUBLISH", publisher.publish("more", "two").await?, 1)?;
        is(
            "a message",
            message(&mut receiver).await?,
            heard(MessageKind::Message, "news", "one"),
        )?;
        is(
            "a message",
            message(&mut receiver).await?,
            heard(MessageKind::Message, "more", "two"),
        )?;
        if servers.resp3() {
            is(
                "GET while subscribed",
                subscriber.to_client().get("key").await?,
                None::<String>,
            )?;
        }
        subscriber.unsubscribe(vec!["news", "more"]).await?;
        eventually("no subscriber", || async {
            Ok(publisher.publish::<i64, _, _>("more", "lost").await? == 0)
        })
        .await?;
        is(
            "PING",
            subscriber.ping::<String>(None).await?,
            "PONG".to_owned(),
        )
    })
    .await
}

pub async fn patterns(servers: &Servers) -> Outcome {
    let publisher = servers.fresh().await?;
    with_subscriber(servers, async |subscriber, mut receiver| {
        subscriber.psubscribe(vec!["news.*", "*.rs"]).await?;
        eventually("two patterns", || async {
            Ok(publisher.pubsub_numpat::<i64>().await? == 2)
        })
        .await?;
        is("PUBLISH", publisher.publish("news.txt", "one").await?, 1)?;
        is("PUBLISH", publisher.publish("other", "two").await?, 0)?;
        is(
            "a message",
            message(&mut receiver).await?,
            heard(MessageKind::PMessage, "news.txt", "one"),
        )?;
        subscriber.punsubscribe("news.*").await?;
        eventually("one pattern", || async {
            Ok(publisher.pubsub_numpat::<i64>().await? == 1)
        })
        .await?;
        is(
            "PUBLISH to nobody",
            publisher.publish("news.txt", "lost").await?,
            0,
        )
    })
    .await
}

pub async fn sharded(servers: &Servers) -> Outcome {
    let publisher = servers.fresh().await?;
    with_subscriber(servers, async |subscriber, mut receiver| {
        subscriber.ssubscribe("news").await?;
        eventually("a subscriber", || async {
            Ok(publisher
                .pubsub_shardchannels::<Vec<String>, _>("*")
                .await?
                == texts(&["news"]))
        })
        .await?;
        is(
            "PUBLISH to nobody",
            publisher.publish("news", "elsewhere").await?,
            0,
        )?;
        is("SPUBLISH", publisher.spublish("news", "one").await?, 1)?;
        is(
            "a message",
            message(&mut receiver).await?,
            heard(MessageKind::SMessage, "news", "one"),
        )?;
        subscriber.sunsubscribe("news").await?;
        eventually("no subscriber", || async {
            Ok(publisher.spublish::<i64, _, _>("news", "lost").await? == 0)
        })
        .await
    })
    .await
}

pub async fn reconnect(servers: &Servers) -> Outcome {
    let publisher = servers.fresh().await?;
    let publish = async |kind: MessageKind, channel: &str, text: &str| match kind {
        MessageKind::SMessage => publisher.spublish::<i64, _, _>(channel, text).await,
        _ => publisher.publish::<i64, _, _>(channel, text).await,
    };
    with_subscriber(servers, async |subscriber, mut receiver| {
        subscriber.subscribe("news").await?;
        subscriber.psubscribe("p*").await?;
        subscriber.ssubscribe("shard").await?;
        let all = [
            (MessageKind::Message, "news"),
            (MessageKind::PMessage, "pattern"),
            (MessageKind::SMessage, "shard"),
        ];
        let mut id = 0;
        for text in ["before", "after"] {
            for (kind, channel) in &all {
                eventually("a subscription", || async {
                    Ok(publish(kind.clone(), channel, text).await? == 1)
                })
                .await?;
                is(
                    "a message",
                    message(&mut receiver).await?,
                    heard(kind.clone(), channel, text),
                )?;
            }
            if text == "before" {
                id = connection_id(subscriber)?;
                let filter = ClientKillFilter::ID(id.to_string());
                is("CLIENT KILL", publisher.client_kill(vec![filter]).await?, 1)?;
            }
        }
        holds("another connection", connection_id(subscriber)? > id)
    })
    .await
}

/// The next invalidation, as texts.
async fn invalidation(
    receiver: &mut tokio::sync::broadcast::Receiver<fred::types::client::Invalidation>,
) -> Outcome<Vec<Option<String>>> {
    let invalidation = soon("an invalidation", receiver.recv()).await??;
    Ok(invalidation
        .keys
        .into_iter()
        .map(|key| key.into_string())
        .collect())
}

pub async fn tracking(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    if !servers.resp3() {
        return redirected_tracking(servers, &client, &other).await;
    }
    let mut receiver = client.invalidation_rx();
    client
        .start_tracking(None, false, false, false, false)
        .await?;
    client.set::<(), _, _>("key", 1, None, None, false).await?;
    is("GET", client.get("key").await?, Some(1))?;
    other.incr::<(), _>("key").await?;
    is(
        "an invalidation",
        invalidation(&mut receiver).await?,
        vec![some("key")],
    )?;
    is("GET", client.get("key").await?, Some(2))?;
    // The client passes over the null that says that every key is gone.
    other.flushall::<()>(false).await?;
    client.stop_tracking().await?;
    // Only what is asked for: CLIENT CACHING YES before it.
    client
        .start_tracking(None, false, true, false, false)
        .await?;
    client.get::<(), _>("unasked").await?;
    let pipeline = client.pipeline();
    pipeline.client_caching::<()>(true).await?;
    pipeline.get::<(), _>("asked").await?;
    is(
        "what is there",
        pipeline.all().await?,
        (some("OK"), None::<String>),
    )?;
    other.mset(vec![("unasked", 1), ("asked", 1)]).await?;
    is(
        "an invalidation",
        invalidation(&mut receiver).await?,
        vec![some("asked")],
    )?;
    client.stop_tracking().await?;
    // Whole prefixes, but not what this client changes itself.
    client
        .start_tracking(vec!["user:", "item:"], true, false, false, true)
        .await?;
    client
        .set::<(), _, _>("user:0", 1, None, None, false)
        .await?;
    other
        .set::<(), _, _>("elsewhere", 1, None, None, false)
        .await?;
    other
        .set::<(), _, _>("item:1", 1, None, None, false)
        .await?;
    is(
        "an invalidation",
        invalidation(&mut receiver).await?,
        vec![some("item:1")],
    )?;
    Ok(client.stop_tracking().await?)
}

/// In RESP2 invalidations go to a second connection.
async fn redirected_tracking(servers: &Servers, client: &Client, other: &Client) -> Outcome {
    let listener = servers.client().await?;
    let mut receiver = listener.invalidation_rx();
    listener.subscribe("__redis__:invalidate").await?;
    subscribed(other, "__redis__:invalidate").await?;
    let id = connection_id(&listener)?;
    client
        .client_tracking::<(), _, _>("on", Some(id), None, false, false, false, false)
        .await?;
    is("CLIENT GETREDIR", client.client_getredir().await?, id)?;
    let info: HashMap<String, Value> = client.client_trackinginfo().await?;
    is(
        "redirect",
        info.get("redirect").and_then(Value::as_i64),
        Some(id),
    )?;
    client.set::<(), _, _>("key", 1, None, None, false).await?;
    is("GET", client.get("key").await?, Some(1))?;
    other.incr::<(), _>("key").await?;
    is(
        "an invalidation",
        invalidation(&mut receiver).await?,
        vec![some("key")],
    )?;
    is("GET", client.get("key").await?, Some(2))?;
    other.del::<(), _>("key").await?;
    is(
        "an invalidation",
        invalidation(&mut receiver).await?,
        vec![some("key")],
    )?;
    Ok(client
        .client_tracking::<(), _, _>("off", None, None, false, false, false, false)
        .await?)
}
