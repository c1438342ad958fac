//! WATCH, MULTI and EXEC, pipelines, and many connections.

use crate::{Servers, custom, refuses};
use client_matrix::{Outcome, holds, is, some};
use fred::clients::Transaction;
use fred::prelude::*;
use std::collections::HashMap;

/// Queues a command; the client does not send it before EXEC.
async fn queue_set(transaction: &Transaction, key: &str, value: i64) -> Outcome {
    let reply: Value = transaction.set(key, value, None, None, false).await?;
    holds("SET is not queued", reply.is_queued())
}

pub async fn conflict(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    client
        .set::<(), _, _>("balance", 10, None, None, false)
        .await?;
    client.watch("balance").await?;
    is("GET", client.get("balance").await?, Some(10))?;
    other.incr_by::<(), _>("balance", 5).await?;
    let transaction = client.multi();
    queue_set(&transaction, "balance", 11).await?;
    let result: Value = transaction.exec(true).await?;
    holds(&format!("EXEC is {result:?}"), result.is_null())?;
    is("GET", other.get("balance").await?, Some(15))?;
    client.watch("balance").await?;
    other.incr_by::<(), _>("balance", 5).await?;
    is("EXEC", transaction.exec(false).await?, None::<(String,)>)?;
    is("GET", other.get("balance").await?, Some(20))
}

pub async fn no_conflict(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    client
        .set::<(), _, _>("balance", 10, None, None, false)
        .await?;
    client.watch(vec!["balance", "more"]).await?;
    other
        .set::<(), _, _>("elsewhere", 1, None, None, false)
        .await?;
    let transaction = client.multi();
    transaction.incr::<(), _>("balance").await?;
    transaction.get::<(), _>("balance").await?;
    transaction.hgetall::<(), _>("hash").await?;
    let result: (i64, String, HashMap<String, String>) = transaction.exec(true).await?;
    is("EXEC", result, (11, "11".to_owned(), HashMap::new()))?;
    is("GET", other.get("balance").await?, Some(11))
}

pub async fn runtime_error(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .set::<(), _, _>("word", "text", None, None, false)
        .await?;
    let transaction = client.multi();
    transaction.incr::<(), _>("word").await?;
    transaction.incr::<(), _>("counter").await?;
    let result: Result<Value, _> = transaction.exec(true).await;
    refuses(
        "EXEC",
        result,
        ErrorKind::Unknown,
        "ERR value is not an integer or out of range",
    )?;
    is("GET", client.get("counter").await?, Some(1))
}

pub async fn queueing_error(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let transaction = client.multi();
    queue_set(&transaction, "key", 1).await?;
    transaction
        .custom::<(), &str>(custom("GET"), vec![])
        .await?;
    // With true the first error counts, otherwise that of EXEC.
    let result: Result<Value, _> = transaction.exec(true).await;
    refuses(
        "EXEC",
        result,
        ErrorKind::Unknown,
        "ERR wrong number of arguments for 'get' command",
    )?;
    let result: Result<Value, _> = transaction.exec(false).await;
    refuses(
        "EXEC",
        result,
        ErrorKind::Unknown,
        "EXECABORT Transaction discarded because of previous errors",
    )?;
    is("GET", client.get("key").await?, None::<i64>)
}

pub async fn unwatch(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    client.watch("balance").await?;
    other
        .set::<(), _, _>("balance", 1, None, None, false)
        .await?;
    client.unwatch().await?;
    let transaction = client.multi();
    transaction.incr::<(), _>("balance").await?;
    is("EXEC", transaction.exec(true).await?, Some((2,)))
}

/// The client's transactions never need DISCARD, so the commands are sent by hand.
pub async fn discard(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    let send = |name: &'static str, arguments: Vec<&'static str>| {
        let client = client.clone();
        async move { client.custom::<Value, _>(custom(name), arguments).await }
    };
    client.watch("balance").await?;
    other
        .set::<(), _, _>("balance", 1, None, None, false)
        .await?;
    is(
        "MULTI",
        send("MULTI", vec![]).await?.into_string(),
        some("OK"),
    )?;
    holds(
        "INCR is not queued",
        send("INCR", vec!["balance"]).await?.is_queued(),
    )?;
    is(
        "DISCARD",
        send("DISCARD", vec![]).await?.into_string(),
        some("OK"),
    )?;
    is("GET", client.get("balance").await?, Some(1))?;
    refuses(
        "DISCARD",
        send("DISCARD", vec![]).await,
        ErrorKind::Unknown,
        "ERR DISCARD without MULTI",
    )?;
    let transaction = client.multi();
    transaction.incr::<(), _>("balance").await?;
    is(
        "EXEC, no longer watching",
        transaction.exec(true).await?,
        Some((2,)),
    )
}

pub async fn pipeline(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let pipeline = client.pipeline();
    for i in 0..5_000 {
        pipeline
            .set::<(), _, _>(format!("key:{i}"), format!("value:{i}"), None, None, false)
            .await?;
        pipeline.incr::<(), _>("counter").await?;
    }
    let replies: Vec<String> = pipeline.all().await?;
    let expected = (1..=5_000).flat_map(|i: i64| ["OK".to_owned(), i.to_string()]);
    holds("the replies", replies.into_iter().eq(expected))?;
    is("DBSIZE", client.dbsize().await?, 5_001)?;
    is("GET", client.get("key:4999").await?, some("value:4999"))?;
    // As many without a pipeline: the client sends what many tasks ask for at once.
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.incr::<i64, _>("many").await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    is("GET", client.get("many").await?, Some(10_000))
}

pub async fn many(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone_new();
            tokio::spawn(async move {
                client.init().await?;
                for _ in 0..25 {
                    loop {
                        client.watch("sum").await?;
                        let sum: Option<i64> = client.get("sum").await?;
                        let transaction = client.multi();
                        transaction
                            .set::<(), _, _>("sum", sum.unwrap_or(0) + 1, None, None, false)
                            .await?;
                        if transaction.exec::<Option<(String,)>>(true).await?.is_some() {
                            break;
                        }
                    }
                }
                client.quit().await
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    is("the sum", client.get("sum").await?, Some(400))
}
