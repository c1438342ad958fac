//! fred: the checks of the client matrix. `server.sh` says how this is called.

mod collections;
mod messages;
mod transactions;
mod types;

use client_matrix::{
    Arguments, Outcome, Report, check_all, error_of, eventually, holds, is, restart, since, some,
};
use fred::prelude::*;
use fred::types::config::ServerConfig;
use fred::types::{ClusterHash, CustomCommand, InfoKind, MessageKind, RespVersion};

/// The servers, and what the client knows of them.
struct Servers {
    arguments: Arguments,
    version: String,
}

impl Servers {
    fn resp3(&self) -> bool {
        self.arguments.protocol == Some(3)
    }

    /// All as the client chooses, but that it connects anew for as long as it takes.
    fn builder(&self, port: u16) -> Builder {
        let mut builder = Builder::default_centralized();
        builder.with_config(|config| {
            config.server = ServerConfig::new_centralized("127.0.0.1", port);
            match self.arguments.protocol {
                None => {}
                Some(3) => config.version = RespVersion::RESP3,
                Some(_) => config.version = RespVersion::RESP2,
            }
        });
        builder.set_policy(ReconnectPolicy::new_constant(0, 50));
        builder
    }

    async fn client_with(&self, config: impl FnOnce(&mut Config)) -> Result<Client, Error> {
        let client = self
            .builder(self.arguments.port)
            .with_config(config)
            .build()?;
        client.init().await?;
        Ok(client)
    }

    async fn client(&self) -> Result<Client, Error> {
        self.client_with(|_| {}).await
    }

    async fn guarded(&self, user: Option<&str>, password: Option<&str>) -> Result<Client, Error> {
        let mut builder = self.builder(self.arguments.guarded_port);
        builder.with_config(|config| {
            config.username = user.map(str::to_owned);
            config.password = password.map(str::to_owned);
        });
        // Without a second attempt, so that a bad password is an error and not a wait.
        builder.set_policy(ReconnectPolicy::new_constant(1, 50));
        let client = builder.build()?;
        client.init().await?;
        Ok(client)
    }

    /// A client of an empty server.
    async fn fresh(&self) -> Result<Client, Error> {
        let client = self.client().await?;
        client.flushall::<()>(false).await?;
        Ok(client)
    }
}

/// A command that the client has no method for.
fn custom(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::FirstKey, false)
}

/// The error that the server answers, by the client's kind and the beginning of the text.
fn refuses<T: std::fmt::Debug>(
    what: &str,
    result: Result<T, Error>,
    kind: ErrorKind,
    text: &str,
) -> Outcome {
    let error = error_of(what, result)?;
    if *error.kind() == kind && error.details().starts_with(text) {
        return Ok(());
    }
    Err(format!("{what} fails with {error:?}, expected {kind:?} {text}").into())
}

async fn info_field(client: &Client, section: InfoKind, field: &str) -> Outcome<String> {
    let info: String = client.info(Some(section)).await?;
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value
        .map(str::to_owned)
        .ok_or_else(|| format!("INFO has no {field}").into())
}

async fn connect(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    is(
        "PING",
        client.ping::<String>(None).await?,
        "PONG".to_owned(),
    )?;
    is(
        "PING",
        client.ping::<String>(Some("hello".to_owned())).await?,
        "hello".to_owned(),
    )?;
    is(
        "ECHO",
        client.echo::<String, _>("hello").await?,
        "hello".to_owned(),
    )?;
    let version = client.server_version().ok_or("no version")?;
    is(
        "the version that the client has seen",
        version.to_string(),
        servers.version.clone(),
    )?;
    let ids: Vec<i64> = client.connection_ids().into_values().collect();
    is(
        "the id of the connection",
        ids,
        vec![client.client_id().await?],
    )?;
    // Without a way to reconnect, as the client is by default.
    let url = format!("redis://127.0.0.1:{}/1", servers.arguments.port);
    let plain = Builder::from_config(Config::from_url(&url)?).build()?;
    plain.init().await?;
    is("PING", plain.ping::<String>(None).await?, "PONG".to_owned())?;
    let info: String = plain.client_info().await?;
    holds(&format!("no db=1 in {info}"), info.contains(" db=1 "))?;
    plain.quit().await?;
    let info: String = client.client_info().await?;
    let wanted = if servers.resp3() {
        " resp=3"
    } else {
        " resp=2"
    };
    holds(
        &format!("no{wanted} in {info}"),
        info.contains(wanted) || !since(&servers.version, 7, 2),
    )
}

async fn connect_with_password(servers: &Servers) -> Outcome {
    let password = Some(servers.arguments.password.as_str());
    let client = servers.guarded(None, password).await?;
    is(
        "PING",
        client.ping::<String>(None).await?,
        "PONG".to_owned(),
    )?;
    let client = servers.guarded(Some("default"), password).await?;
    is(
        "PING",
        client.ping::<String>(None).await?,
        "PONG".to_owned(),
    )
}

async fn wrong_password(servers: &Servers) -> Outcome {
    let result = servers.guarded(None, Some("wrong")).await;
    refuses(
        "a wrong password",
        result,
        ErrorKind::Auth,
        "WRONGPASS invalid username-password pair",
    )
}

async fn no_password(servers: &Servers) -> Outcome {
    let text = if servers.resp3() {
        "NOAUTH HELLO must be called"
    } else {
        "NOAUTH Authentication required"
    };
    refuses(
        "no password",
        servers.guarded(None, None).await,
        ErrorKind::Auth,
        text,
    )
}

async fn select(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    client
        .set::<(), _, _>("key", "zero", None, None, false)
        .await?;
    let third = servers
        .client_with(|config| config.database = Some(3))
        .await?;
    is("GET", third.get("key").await?, None::<String>)?;
    third
        .set::<(), _, _>("key", "three", None, None, false)
        .await?;
    client.select(3).await?;
    is("GET", client.get("key").await?, some("three"))?;
    is(
        "MOVE to where the key exists",
        client.custom(custom("MOVE"), vec!["key", "0"]).await?,
        0,
    )?;
    client.select(0).await?;
    is("GET", client.get("key").await?, some("zero"))?;
    is("DBSIZE", client.dbsize().await?, 1)?;
    refuses(
        "SELECT",
        client.select(99).await,
        ErrorKind::Unknown,
        "ERR DB index is out of range",
    )
}

async fn info(servers: &Servers) -> Outcome {
    let client = servers.fresh().await?;
    let port = info_field(&client, InfoKind::Server, "tcp_port").await?;
    is("tcp_port", port, servers.arguments.port.to_string())?;
    is(
        "role",
        info_field(&client, InfoKind::Replication, "role").await?,
        "master".to_owned(),
    )?;
    client.set::<(), _, _>("key", 1, None, None, false).await?;
    let keys = info_field(&client, InfoKind::Keyspace, "db0").await?;
    holds(&keys, keys.starts_with("keys=1,"))?;
    holds(&servers.version, servers.version.split('.').count() == 3)
}

fn connection_id(client: &impl ClientInterface) -> Outcome<i64> {
    client
        .connection_ids()
        .into_values()
        .next()
        .ok_or_else(|| "no id".into())
}

async fn blocking(servers: &Servers) -> Outcome {
    let (client, other) = (servers.fresh().await?, servers.client().await?);
    let waiting = client.clone();
    let wait = tokio::spawn(async move {
        waiting
            .bzpopmin::<Option<(String, String, f64)>, _>(vec!["first", "second"], 20.0)
            .await
    });
    eventually("a blocked client", || async {
        Ok(info_field(&other, InfoKind::Clients, "blocked_clients").await? == "1")
    })
    .await?;
    let members = vec![(2.0, "two"), (1.0, "one")];
    is(
        "ZADD",
        other
            .zadd("second", None, None, false, false, members)
            .await?,
        2,
    )?;
    is(
        "BZPOPMIN",
        wait.await??,
        Some(("second".to_owned(), "one".to_owned(), 1.0)),
    )?;
    let found = client.bzpopmin(vec!["first", "second"], 20.0).await?;
    is(
        "BZPOPMIN of what is there",
        found,
        Some(("second".to_owned(), "two".to_owned(), 2.0)),
    )?;
    let result: Result<Value, _> = client.bzpopmin("first", 0.05).await;
    refuses(
        "BZPOPMIN in vain",
        result,
        ErrorKind::Timeout,
        "Request timed out",
    )?;
    let blocked = info_field(&other, InfoKind::Clients, "blocked_clients").await?;
    is("blocked_clients", blocked, "0".to_owned())
}

async fn after_restart(servers: &Servers) -> Outcome {
    let client = servers
        .client_with(|config| config.database = Some(2))
        .await?;
    messages::with_subscriber(servers, async |subscriber, mut receiver| {
        subscriber.subscribe("news").await?;
        messages::subscribed(&client, "news").await?;
        client
            .set::<(), _, _>("key", "value", None, None, false)
            .await?;
        restart().await?;
        // The client holds commands back until it is connected again.
        is("GET", client.get("key").await?, None::<String>)?;
        client
            .set::<(), _, _>("key", "again", None, None, false)
            .await?;
        is("GET", client.get("key").await?, some("again"))?;
        let info: String = client.client_info().await?;
        holds(&format!("no db=2 in {info}"), info.contains(" db=2 "))?;
        messages::subscribed(&client, "news").await?;
        is("PUBLISH", client.publish("news", "after").await?, 1)?;
        is(
            "a message",
            messages::message(&mut receiver).await?,
            messages::heard(MessageKind::Message, "news", "after"),
        )
    })
    .await
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Outcome {
    println!("fred 10.1.0");
    let mut servers = Servers {
        arguments: Arguments::read(),
        version: String::new(),
    };
    servers.version =
        info_field(&servers.client().await?, InfoKind::Server, "redis_version").await?;
    let servers = &servers;
    let mut report = Report::default();
    check_all!(report, servers);
    report.end()
}
