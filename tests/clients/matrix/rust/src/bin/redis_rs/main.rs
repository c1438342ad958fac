//! redis-rs: the checks of the client matrix. `server.sh` says how this is called.

mod collections;
mod messages;
mod transactions;
mod types;

use client_matrix::{
    Arguments, Outcome, Report, check_all, error_of, eventually, holds, is, restart, since, some,
};
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, AsyncTypedCommands, Client, ErrorKind, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisResult, TypedCommands, cmd,
};
use std::time::Duration;

/// The servers, and what the client knows of them.
struct Servers {
    arguments: Arguments,
    version: String,
}

/// A loaded machine may take longer than the half second that the client waits by default.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(25));

impl Servers {
    fn resp3(&self) -> bool {
        self.arguments.protocol == Some(3)
    }

    fn settings(&self) -> RedisConnectionInfo {
        let settings = RedisConnectionInfo::default();
        match self.arguments.protocol {
            None => settings,
            Some(3) => settings.set_protocol(ProtocolVersion::RESP3),
            Some(_) => settings.set_protocol(ProtocolVersion::RESP2),
        }
    }

    fn client_of(&self, port: u16, settings: RedisConnectionInfo) -> RedisResult<Client> {
        let info = ("127.0.0.1", port).into_connection_info()?;
        Client::open(info.set_redis_settings(settings))
    }

    fn client(&self) -> RedisResult<Client> {
        self.client_of(self.arguments.port, self.settings())
    }

    async fn connect_to(
        client: &Client,
        config: AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let config = config
            .set_response_timeout(PATIENCE)
            .set_connection_timeout(PATIENCE);
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        Self::connect_to(&self.client()?, AsyncConnectionConfig::new()).await
    }

    async fn guarded(&self, settings: RedisConnectionInfo) -> RedisResult<MultiplexedConnection> {
        let client = self.client_of(self.arguments.guarded_port, settings)?;
        Self::connect_to(&client, AsyncConnectionConfig::new()).await
    }

    async fn manager(&self, config: ConnectionManagerConfig) -> RedisResult<ConnectionManager> {
        let config = config
            .set_response_timeout(PATIENCE)
            .set_connection_timeout(PATIENCE);
        self.client()?
            .get_connection_manager_with_config(config)
            .await
    }

    /// A connection to an empty server.
    async fn fresh(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection().await?;
        connection.flushall().await?;
        Ok(connection)
    }
}

/// The error that the server answers, by its code and the beginning of its text.
fn refuses<T: std::fmt::Debug>(
    what: &str,
    result: RedisResult<T>,
    code: &str,
    text: &str,
) -> Outcome {
    let error = error_of(what, result)?;
    let detail = error.detail().unwrap_or_default();
    if error.code() == Some(code) && detail.starts_with(text) {
        return Ok(());
    }
    Err(format!("{what} fails with {error:?}, expected {code} {text}").into())
}

async fn connect(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    is("PING", connection.ping().await?, "PONG".to_owned())?;
    is(
        "PING",
        connection.ping_message("hello").await?,
        "hello".to_owned(),
    )?;
    let mut manager = servers.manager(ConnectionManagerConfig::new()).await?;
    is(
        "PING of a manager",
        manager.ping().await?,
        "PONG".to_owned(),
    )?;
    // With all that the client does by default.
    let mut plain = servers.client()?.get_multiplexed_async_connection().await?;
    is("PING", plain.ping().await?, "PONG".to_owned())?;
    let url = match servers.arguments.protocol {
        None => format!("redis://127.0.0.1:{}/1", servers.arguments.port),
        Some(protocol) => format!(
            "redis://127.0.0.1:{}/1?protocol={protocol}",
            servers.arguments.port
        ),
    };
    let blocking = tokio::task::spawn_blocking(move || -> Outcome<String> {
        let mut connection = Client::open(url)?.get_connection()?;
        is(
            "PING of a blocking connection",
            TypedCommands::ping(&mut connection)?,
            "PONG".to_owned(),
        )?;
        Ok(cmd("CLIENT").arg("INFO").query(&mut connection)?)
    });
    let info = blocking.await??;
    let wanted = if servers.resp3() {
        " resp=3"
    } else {
        " resp=2"
    };
    holds(
        &format!("no{wanted} in {info}"),
        info.contains(wanted) || !since(&servers.version, 7, 2),
    )?;
    holds(&format!("no db=1 in {info}"), info.contains(" db=1 "))?;
    let library = " lib-name=redis-rs lib-ver=1.8.1";
    holds(
        &format!("no{library} in {info}"),
        info.contains(library) || !since(&servers.version, 7, 2),
    )
}

async fn connect_with_password(servers: &Servers) -> Outcome {
    let settings = servers.settings().set_password(&servers.arguments.password);
    is(
        "PING",
        servers.guarded(settings.clone()).await?.ping().await?,
        "PONG".to_owned(),
    )?;
    let settings = settings.set_username("default");
    is(
        "PING",
        servers.guarded(settings).await?.ping().await?,
        "PONG".to_owned(),
    )
}

async fn wrong_password(servers: &Servers) -> Outcome {
    let settings = servers.settings().set_password("wrong");
    let error = error_of(
        "a wrong password",
        servers.guarded(settings).await.map(drop),
    )?;
    // What the server answers to AUTH becomes an error of the client's own; what it answers to HELLO stays.
    match servers.resp3() {
        true => is("the code", error.code(), Some("WRONGPASS")),
        false => is(
            "the kind of error",
            error.kind(),
            ErrorKind::AuthenticationFailed,
        ),
    }
}

async fn no_password(servers: &Servers) -> Outcome {
    if servers.resp3() {
        // HELLO 3 is refused already.
        let error = error_of(
            "no password",
            servers.guarded(servers.settings()).await.map(drop),
        )?;
        return holds(&format!("{error:?}"), error.code() == Some("NOAUTH"));
    }
    let mut connection = servers.guarded(servers.settings()).await?;
    let result = connection.get("key").await;
    refuses("GET", result, "NOAUTH", "Authentication required.")?;
    let result: RedisResult<String> = cmd("AUTH")
        .arg(&servers.arguments.password)
        .query_async(&mut connection)
        .await;
    is("AUTH", result?, "OK".to_owned())?;
    is("GET", connection.get("key").await?, None)
}

async fn select(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    connection.set("key", "zero").await?;
    let settings = servers.settings().set_db(3);
    let client = servers.client_of(servers.arguments.port, settings)?;
    let mut third = Servers::connect_to(&client, AsyncConnectionConfig::new()).await?;
    is("GET", third.get("key").await?, None)?;
    third.set("key", "three").await?;
    cmd("SELECT").arg(3).exec_async(&mut connection).await?;
    is("GET", connection.get("key").await?, some("three"))?;
    let moved: bool = cmd("MOVE")
        .arg("key")
        .arg(0)
        .query_async(&mut connection)
        .await?;
    is("MOVE to where the key exists", moved, false)?;
    cmd("SELECT").arg(0).exec_async(&mut connection).await?;
    is("GET", connection.get("key").await?, some("zero"))?;
    let settings = servers.settings().set_db(99);
    let client = servers.client_of(servers.arguments.port, settings)?;
    let error = error_of(
        "database 99",
        Servers::connect_to(&client, AsyncConnectionConfig::new())
            .await
            .map(drop),
    )?;
    holds(
        &format!("{error:?}"),
        format!("{error:?}").contains("DB index is out of range"),
    )
}

async fn info(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let info: redis::InfoDict = cmd("INFO").query_async(&mut connection).await?;
    is(
        "tcp_port",
        info.get("tcp_port"),
        Some(servers.arguments.port),
    )?;
    is("role", info.get("role"), some("master"))?;
    is("loading", info.get("loading"), Some(false))?;
    holds(&servers.version, servers.version.split('.').count() == 3)
}

async fn blocking(servers: &Servers) -> Outcome {
    let (mut connection, mut other) = (servers.fresh().await?, servers.connection().await?);
    let mut waiting = connection.clone();
    let wait = tokio::spawn(async move { waiting.bzpopmin(&["first", "second"], 20.0).await });
    let asking = other.clone();
    let blocked = || {
        let mut asking = asking.clone();
        async move {
            let info: redis::InfoDict = cmd("INFO").arg("clients").query_async(&mut asking).await?;
            Outcome::Ok(info.get::<i64>("blocked_clients"))
        }
    };
    eventually("a blocked client", || async {
        Ok(blocked().await? == Some(1))
    })
    .await?;
    other
        .zadd_multiple("second", &[(2, "two"), (1, "one")])
        .await?;
    is(
        "BZPOPMIN",
        wait.await??,
        Some(("second".to_owned(), "one".to_owned(), 1.0)),
    )?;
    let found = connection.bzpopmin(&["first", "second"], 20.0).await?;
    is(
        "BZPOPMIN of what is there",
        found,
        Some(("second".to_owned(), "two".to_owned(), 2.0)),
    )?;
    is(
        "BZPOPMIN in vain",
        connection.bzpopmin("first", 0.05).await?,
        None,
    )?;
    is("blocked_clients", blocked().await?, Some(0))
}

async fn after_restart(servers: &Servers) -> Outcome {
    let mut connection = servers.fresh().await?;
    let mut manager = servers.manager(ConnectionManagerConfig::new()).await?;
    manager.set("key", "value").await?;
    restart().await?;
    let error = error_of(
        "a connection that does not reconnect",
        connection.get("key").await,
    )?;
    holds(&format!("{error:?}"), error.is_connection_dropped())?;
    // The manager hands on what it meets, connects anew, and goes on.
    let mut errors = Vec::new();
    let value = loop {
        match manager.get("key").await {
            Ok(value) => break value,
            Err(error) if error.is_io_error() && errors.len() < 10 => errors.push(error),
            Err(error) => return Err(error.into()),
        }
    };
    is("GET", value, None)?;
    manager.set("key", "again").await?;
    is("GET", manager.get("key").await?, some("again"))
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Outcome {
    println!("redis-rs 1.8.1");
    let mut servers = Servers {
        arguments: Arguments::read(),
        version: String::new(),
    };
    let info: redis::InfoDict = cmd("INFO")
        .arg("server")
        .query_async(&mut servers.connection().await?)
        .await?;
    servers.version = info.get("redis_version").ok_or("no redis_version")?;
    let servers = &servers;
    let mut report = Report::default();
    check_all!(report, servers);
    report.end()
}
