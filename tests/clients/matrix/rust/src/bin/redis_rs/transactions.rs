//! WATCH, MULTI and EXEC, pipelines, and many connections.

use crate::{Servers, refuses};
use client_matrix::{Outcome, error_of, holds, is, some};
use redis::aio::transaction_async;
use redis::{
    AsyncTypedCommands, Client, Commands, ErrorKind, RedisResult, ServerErrorKind, Value, cmd, pipe,
};
use std::collections::HashMap;

pub async fn conflict(servers: &Servers) -> Outcome {
    let (mut connection, mut other) = (servers.fresh().await?, servers.connection().await?);
    connection.set("balance", 10).await?;
    cmd("WATCH")
        .arg("balance")
        .exec_async(&mut connection)
        .await?;
    is("GET", connection.get_int("balance").await?, Some(10))?;
    other.incr("balance", 5).await?;
    let result: Option<(String, i64)> = pipe()
        .atomic()
        .set("balance", 11)
        .incr("balance", 1)
        .query_async(&mut connection)
        .await?;
    is("EXEC", result, None)?;
    is("GET", other.get_int("balance").await?, Some(15))?;
    // The client's own loop comes back for a second attempt.
    let mut attempts = 0;
    let sum: i64 = transaction_async(
        connection.clone(),
        &["balance"],
        |mut connection, mut pipe| {
            attempts += 1;
            let (attempt, mut other) = (attempts, other.clone());
            async move {
                let balance = connection.get_int("balance").await?.unwrap_or(0);
                if attempt == 1 {
                    other.incr("balance", 5).await?;
                }
                pipe.set("balance", balance + 1).ignore().get("balance");
                let result: Option<(i64,)> = pipe.query_async(&mut connection).await?;
                Ok(result.map(|(sum,)| sum))
            }
        },
    )
    .await?;
    is("the sum", sum, 21)?;
    is("the attempts", attempts, 2)
}

pub async fn no_conflict(servers: &Servers) -> Outcome {
    let (mut connection, mut other) = (servers.fresh().await?, servers.connection().await?);
    connection.set("balance", 10).await?;
    cmd("WATCH")
        .arg("balance")
        .arg("more")
        .exec_async(&mut connection)
        .await?;
    other.set("elsewhere", 1).await?;
    let mut pipe = pipe();
    pipe.atomic()
        .incr("balance", 1)
        .get("balance")
        .hgetall("hash");
    let result: Option<(i64, String, HashMap<String, String>)> =
        pipe.query_async(&mut connection).await?;
    is("EXEC", result, Some((11, "11".to_owned(), HashMap::new())))?;
    is("GET", other.get_int("balance").await?, Some(11))
}

pub async fn runtime_error(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection.set("word", "text").await?;
    let mut pipe = pipe();
    pipe.atomic().incr("word", 1).incr("counter", 1);
    let result: RedisResult<(i64, i64)> = pipe.query_async(&mut connection).await;
    let error = error_of("EXEC", result)?;
    let errors = error
        .into_server_errors()
        .ok_or("no errors of the server")?;
    is(
        "the places of errors",
        errors.iter().map(|(place, _)| *place).collect(),
        vec![0],
    )?;
    is("the code", errors[0].1.code(), "ERR")?;
    is(
        "the text",
        errors[0].1.details(),
        Some("value is not an integer or out of range"),
    )?;
    is("GET", connection.get_int("counter").await?, Some(1))?;
    // Each reply by itself.
    let results: Vec<RedisResult<i64>> = pipe.ignore_errors().query_async(&mut connection).await?;
    let [first, second] = &results[..] else {
        return Err(format!("EXEC gives {results:?}").into());
    };
    refuses(
        "INCR",
        first.clone(),
        "ERR",
        "value is not an integer or out of range",
    )?;
    is("INCR", second.clone()?, 2)
}

pub async fn queueing_error(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let mut pipe = pipe();
    pipe.atomic().set("key", 1).cmd("GET");
    let result: RedisResult<Value> = pipe.query_async(&mut connection).await;
    let error = error_of("EXEC", result)?;
    is(
        "the kind of error",
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ExecAbort),
    )?;
    holds(
        &format!("{error:?}"),
        format!("{error:?}").contains("wrong number of arguments for 'get' command"),
    )?;
    is("GET", connection.get("key").await?, None)?;
    // The client says so by itself after the first error; this is what the server answers to EXEC.
    cmd("MULTI").exec_async(&mut connection).await?;
    let result: RedisResult<Value> = cmd("GET").query_async(&mut connection).await;
    refuses("GET", result, "ERR", "wrong number of arguments")?;
    let result: RedisResult<Value> = cmd("EXEC").query_async(&mut connection).await;
    let text = "Transaction discarded because of previous errors.";
    refuses("EXEC", result, "EXECABORT", text)?;
    is("GET", connection.get("key").await?, None)
}

pub async fn unwatch(servers: &Servers) -> Outcome {
    let (mut connection, mut other) = (servers.fresh().await?, servers.connection().await?);
    cmd("WATCH")
        .arg("balance")
        .exec_async(&mut connection)
        .await?;
    other.set("balance", 1).await?;
    let reply: String = cmd("UNWATCH").query_async(&mut connection).await?;
    is("UNWATCH", reply, "OK".to_owned())?;
    let result: Option<(i64,)> = pipe()
        .atomic()
        .incr("balance", 1)
        .query_async(&mut connection)
        .await?;
    is("EXEC", result, Some((2,)))
}

pub async fn discard(servers: &Servers) -> Outcome {
    let (mut connection, mut other) = (servers.fresh().await?, servers.connection().await?);
    cmd("WATCH")
        .arg("balance")
        .exec_async(&mut connection)
        .await?;
    other.set("balance", 1).await?;
    cmd("MULTI").exec_async(&mut connection).await?;
    let reply: Value = cmd("INCR")
        .arg("balance")
        .query_async(&mut connection)
        .await?;
    is("INCR", reply, Value::SimpleString("QUEUED".to_owned()))?;
    let reply: Value = cmd("DISCARD").query_async(&mut connection).await?;
    is("DISCARD", reply, Value::Okay)?;
    is("GET", connection.get_int("balance").await?, Some(1))?;
    let result: RedisResult<()> = cmd("DISCARD").query_async(&mut connection).await;
    refuses("DISCARD", result, "ERR", "DISCARD without MULTI")?;
    let result: Option<(i64,)> = pipe()
        .atomic()
        .incr("balance", 1)
        .query_async(&mut connection)
        .await?;
    is("EXEC, no longer watching", result, Some((2,)))
}

pub async fn pipeline(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let mut pipe = pipe();
    for i in 0..5_000 {
        pipe.set(format!("key:{i}"), format!("value:{i}"))
            .incr("counter", 1);
    }
    let replies: Vec<Value> = pipe.query_async(&mut connection).await?;
    let expected = (1..=5_000).flat_map(|i| [Value::Okay, Value::Int(i)]);
    holds("the replies", replies.into_iter().eq(expected))?;
    is(
        "DBSIZE",
        cmd("DBSIZE").query_async(&mut connection).await?,
        5_001,
    )?;
    is("GET", connection.get("key:4999").await?, some("value:4999"))?;
    // As many without a pipeline: the connection sends what many tasks ask for at once.
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let mut connection = connection.clone();
            tokio::spawn(async move { connection.incr("many", 1).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    is("GET", connection.get_int("many").await?, Some(10_000))
}

/// Blocking connections in threads, with the client's own loop.
pub async fn many(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let client = servers.client()?;
    let add = move |client: Client| -> RedisResult<()> {
        let mut connection = client.get_connection()?;
        for _ in 0..25 {
            redis::transaction(&mut connection, &["sum"], |connection, pipe| {
                let sum: Option<i64> = Commands::get(connection, "sum")?;
                let pipe = pipe.set("sum", sum.unwrap_or(0) + 1).ignore();
                pipe.query::<Option<()>>(connection)
            })?;
        }
        Ok(())
    };
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || add(client))
        })
        .collect();
    let ends = tokio::task::spawn_blocking(|| {
        threads
            .into_iter()
            .map(|thread| thread.join())
            .collect::<Vec<_>>()
    });
    for end in ends.await? {
        end.map_err(|_| "a thread panics")??;
    }
    is("the sum", connection.get_int("sum").await?, Some(400))
}
