//! The server: what its threads share ([`Server`]), the listeners, the workers and the end.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU16, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::runtime::{Builder, RuntimeMetrics};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::acl_log::AclLog;
use crate::clients::{Client, Clients, flag};
use crate::clock::{self, Micros};
use crate::commands::registry;
use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::keyspace::locks::SHARDS;
use crate::latency;
use crate::latency::events::{Events, event};
use crate::latency::slow_log::SlowLog;
use crate::memory;
use crate::observers::{self, Observers, Woken};
use crate::pause::Pause;
use crate::random;
use crate::reaper::Reaper;
use crate::saves::Saves;
use crate::session::connection::{Connection, Worker};
use crate::session::multi::Queues;
use crate::stats::{Loops, Stats};
use crate::transaction::evict::{self, OverLimit};
use crate::transaction::expire;

/// How long the end waits for clients to take what they are owed.
const DRAIN: Duration = Duration::from_secs(2);

/// How long the end goes on reading from clients that keep sending.
const LAST_READS: Duration = Duration::from_secs(1);

/// File descriptors kept for the server itself at least (Redis's `CONFIG_MIN_RESERVED_FDS`).
const RESERVED_FILES: u64 = 32;

/// File descriptors of a worker thread: those of its runtime.
const FILES_PER_THREAD: u64 = 4;

/// File descriptors besides those of the workers: listeners, logs, standard streams.
const OWN_FILES: u64 = 16;

/// How often rates are measured, and the table of tracked keys is looked after.
const SAMPLE_PERIOD: Duration = Duration::from_millis(100);

/// What all threads of a server share.
pub struct Server {
    /// Settings.
    pub config: Arc<Config>,
    /// The keys.
    pub keyspace: Keyspace,
    /// The connected clients.
    pub clients: Arc<Clients>,
    /// Who is told of what happens.
    pub observers: Observers,
    /// Counters: those of the workers, and last those of the listener.
    pub stats: Stats,
    /// When the data was saved.
    pub saves: Saves,
    /// What was refused.
    pub acl_log: AclLog,
    /// Commands that took long.
    pub slow_log: SlowLog,
    /// What the latency monitor has seen.
    pub latency_events: Events,
    /// Pauses.
    pub pause: Pause,
    /// How long memory was over `maxmemory`.
    pub over_limit: OverLimit,
    /// Frees large values.
    pub reaper: Reaper,
    /// Transaction queues to use again.
    pub queues: Queues,
    /// When the server started.
    pub started: Micros,
    /// 40 random hex digits, new at each start.
    pub run_id: String,
    /// 40 random hex digits: the replication id of a server without replicas.
    pub replication_id: String,
    /// Whether keys are removed when they expire, before anybody asks for them (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: AtomicBool,
    /// Whether what is done now and then is left undone, but the expiry of keys (DEBUG PAUSE-CRON).
    pub timers_paused: AtomicBool,
    /// Whether `maxmemory` was set below what is used: keys are then evicted even if no command comes.
    pub evict_soon: AtomicBool,
    /// The TCP port; 0 if there is none.
    pub port: AtomicU16,
    /// Bytes that were allocated before the first client came.
    pub initial_memory: AtomicU64,
    load: Vec<AtomicUsize>,
    /// What the workers' runtimes count, once they run.
    runtimes: OnceLock<Vec<RuntimeMetrics>>,
    /// What of it CONFIG RESETSTAT has set to 0.
    loops_before: Mutex<Loops>,
    /// Until when requests are still read, in Unix microseconds; 0 while the server does not end.
    read_until: AtomicI64,
    stop: Notify,
}

impl Server {
    /// A server without listeners.
    pub fn new(config: Arc<Config>) -> Self {
        let threads = config.threads();
        let started = clock::now();
        let clients = Arc::<Clients>::default();
        Server {
            keyspace: Keyspace::new(config.databases()),
            observers: Observers::new(clients.clone()),
            clients,
            stats: Stats::new(threads + 1, registry::count()),
            saves: Saves::new(started),
            acl_log: AclLog::default(),
            slow_log: SlowLog::default(),
            latency_events: Events::default(),
            pause: Pause::default(),
            over_limit: OverLimit::default(),
            reaper: Reaper::start(),
            queues: Queues::default(),
            started,
            run_id: random::hex(20),
            replication_id: random::hex(20),
            active_expire: AtomicBool::new(true),
            timers_paused: AtomicBool::new(false),
            evict_soon: AtomicBool::new(false),
            port: AtomicU16::new(0),
            initial_memory: AtomicU64::new(0),
            load: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            runtimes: OnceLock::new(),
            loops_before: Mutex::default(),
            read_until: AtomicI64::new(0),
            stop: Notify::new(),
            config,
        }
    }

    /// Whether requests are still read: always, but at the end only for a moment. A closed socket with
    /// unread bytes would take replies back that are on their way.
    #[inline]
    pub fn reads_on(&self) -> bool {
        let until = self.read_until.load(Relaxed);
        until == 0 || clock::now().0 < until
    }

    /// Ends the server, as SHUTDOWN does.
    pub fn shut_down(&self) {
        self.stop_reading();
        self.stop.notify_one();
    }

    /// A connection of this worker is gone.
    pub fn connection_ended(&self, worker: usize) {
        self.load[worker].fetch_sub(1, Relaxed);
    }

    /// What the workers' event loops did since the start or [`Server::reset_event_loops`].
    pub fn event_loops(&self) -> Loops {
        let (all, before) = (self.all_event_loops(), *self.loops_before.lock());
        Loops {
            cycles: all.cycles.saturating_sub(before.cycles),
            micros: all.micros.saturating_sub(before.micros),
        }
    }

    fn all_event_loops(&self) -> Loops {
        let runtimes = self.runtimes.get().map_or(&[][..], Vec::as_slice);
        let busy = runtimes.iter().map(|one| one.worker_total_busy_duration(0));
        Loops {
            cycles: runtimes.iter().map(|one| one.worker_park_count(0)).sum(),
            micros: busy.sum::<Duration>().as_micros() as u64,
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset_event_loops(&self) {
        *self.loops_before.lock() = self.all_event_loops();
    }

    fn stop_reading(&self) {
        let until = clock::now().0 + LAST_READS.as_micros() as i64;
        // Whoever was first has set the end.
        let _ = self.read_until.compare_exchange(0, until, Relaxed, Relaxed);
    }

    /// The worker with the fewest connections.
    fn least_loaded(&self) -> usize {
        (0..self.load.len())
            .min_by_key(|&worker| self.load[worker].load(Relaxed))
            .unwrap_or(0)
    }
}

/// A connection on its way to its worker. Its client is registered already: ids ascend in the order in
/// which connections were accepted, and `maxclients` counts those that no worker has seen yet.
struct Accepted {
    socket: Socket,
    client: Arc<Client>,
    /// Whether it needs no password.
    authenticated: bool,
}

enum Socket {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// Runs a server until it is told to end. Says on the log what it does.
///
/// `listening` is called once all sockets are open, so that a server whose port is taken leaves no trace; what
/// it answers is dropped at the end. `ready` is called after the log has said that clients can connect.
///
/// # Errors
/// Why the server could not start: one or more lines, which are not on the log.
pub fn run<T>(
    config: Arc<Config>,
    listening: impl FnOnce() -> T,
    ready: impl FnOnce(),
) -> Result<(), String> {
    raise_file_limit(&config)?;
    let server = Arc::new(Server::new(config));
    let listeners = Listeners::bind(&server)?;
    tracing::info!(
        "Running mode=standalone, port={}.",
        server.port.load(Relaxed)
    );
    let workers: io::Result<Vec<_>> = (0..server.config.threads())
        .map(|index| start_worker(&server, index))
        .collect();
    let (workers, runtime) = match (workers, Builder::new_current_thread().enable_all().build()) {
        (Ok(workers), Ok(runtime)) => (workers, runtime),
        (Err(error), _) | (_, Err(error)) => {
            return Err(format!("Failed to start a thread: {error}"));
        }
    };
    let mut runtimes = Vec::new();
    let (senders, threads): (Vec<_>, Vec<_>) = workers
        .into_iter()
        .map(|(started, metrics)| {
            runtimes.push(metrics);
            started
        })
        .unzip();
    let _ = server.runtimes.set(runtimes);
    let _until_the_end = runtime.block_on(listen(&server, listeners, &senders, listening, ready));
    drop(senders);
    end(threads);
    Ok(())
}

/// Waits for the workers: each ends when its last client has what it is owed, or is too slow.
fn end(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::warn!("A worker thread panicked");
        }
    }
    tracing::warn!("Redis is now ready to exit, bye bye...");
}

struct Listeners {
    tcp: Vec<TcpListener>,
    unix: Option<(std::os::unix::net::UnixListener, std::path::PathBuf)>,
}

impl Listeners {
    /// Opens every socket that the settings name; the error is for the log.
    fn bind(server: &Server) -> Result<Self, String> {
        let config = &server.config;
        // Made absolute, so that the socket can be found again at the end.
        let path = config.unixsocket();
        let path = path.map(|path| std::path::absolute(&path).unwrap_or(path));
        let (tcp, port) = match config.port() {
            // As in Redis. Only a server that would then listen nowhere looks for a free port.
            0 if path.is_some() => (Vec::new(), 0),
            port => bind_tcp(config, port)?,
        };
        if tcp.is_empty() && path.is_none() {
            return Err("Configured to not listen anywhere, exiting.".to_owned());
        }
        server.port.store(port, Relaxed);
        let unix = match path {
            None => None,
            Some(path) => Some((listen_on_path(&path, config.unixsocketperm())?, path)),
        };
        Ok(Listeners { tcp, unix })
    }
}

/// Opens a socket for each address of `bind`; with them comes their port, or 0 if there are none.
fn bind_tcp(config: &Config, mut port: u16) -> Result<(Vec<TcpListener>, u16), String> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in config.bind() {
        let optional = address.starts_with('-');
        let host = match address.trim_start_matches('-') {
            "*" => "0.0.0.0",
            "::*" => "::",
            other => other,
        };
        let resolved = (host, port).to_socket_addrs().map(|mut all| all.next());
        let outcome = match resolved {
            Ok(Some(address)) => listen_on(address, config.tcp_backlog()),
            _ if optional => continue,
            _ => {
                return Err(format!(
                    "Could not create server TCP listening socket {host}:{port}: Name or service not known\n\
                     Failed listening on port {port} (tcp), aborting."
                ));
            }
        };
        match outcome {
            Ok(listener) => {
                // With port 0 all addresses share the port that the first was given.
                port = listener.local_addr().map_or(port, |address| address.port());
                listeners.push(listener);
            }
            Err(error) if optional && error.kind() != io::ErrorKind::AddrInUse => {}
            // The system has no IPv6 at all: as in Redis that is no reason not to serve.
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
            Err(error) => {
                let text = crate::config::os_text(&error);
                return Err(format!(
                    "Could not create server TCP listening socket {host}:{port}: bind: {text}\n\
                     Failed listening on port {port} (tcp), aborting."
                ));
            }
        }
    }
    let port = if listeners.is_empty() { 0 } else { port };
    Ok((listeners, port))
}

fn listen_on(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        None,
    )?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog.min(i32::MAX as u32) as i32)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn listen_on_path(
    path: &std::path::Path,
    permissions: u32,
) -> Result<std::os::unix::net::UnixListener, String> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: io::Error| {
        // The system's own words for a path that is too long name a constant.
        let text = match error.kind() {
            io::ErrorKind::InvalidInput => "the path is too long for a socket".to_owned(),
            _ => crate::config::os_text(&error),
        };
        format!(
            "Failed opening Unix socket: bind: {}: {text}",
            path.display()
        )
    };
    // A socket that an earlier server left behind would refuse the name.
    let _ = std::fs::remove_file(path);
    let listener = std::os::unix::net::UnixListener::bind(path).map_err(failed)?;
    if permissions != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))
            .map_err(failed)?;
    }
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Accepts connections and hands them out, until the server ends. Answers what `listening` does.
async fn listen<T>(
    server: &Arc<Server>,
    listeners: Listeners,
    workers: &[UnboundedSender<Accepted>],
    listening: impl FnOnce() -> T,
    ready: impl FnOnce(),
) -> T {
    use tokio::signal::unix::{SignalKind, signal};
    let local = LocalSet::new();
    // Caught before anybody is told that the server is ready. SIGHUP is caught to be ignored: the server
    // outlives the terminal that it was started from.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    let has_tcp = !listeners.tcp.is_empty();
    for listener in listeners.tcp {
        let (server, workers) = (server.clone(), workers.to_vec());
        local.spawn_local(async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => accept_tcp(&server, &listener, &workers).await,
                Err(error) => tracing::warn!("Cannot listen: {error}"),
            }
        });
    }
    let socket_path = listeners.unix.as_ref().map(|(_, path)| path.clone());
    if let Some((listener, path)) = listeners.unix {
        let (server, workers) = (server.clone(), workers.to_vec());
        local.spawn_local(async move {
            match UnixListener::from_std(listener) {
                Ok(listener) => accept_unix(&server, &listener, &workers).await,
                Err(error) => tracing::warn!("Cannot listen: {error}"),
            }
        });
        tracing::info!(
            "The server is now ready to accept connections at {}",
            path.display()
        );
    }
    let until_the_end = listening();
    // One line for each kind of listener, whatever the number of addresses.
    if has_tcp {
        tracing::info!("Ready to accept connections tcp");
    }
    if socket_path.is_some() {
        tracing::info!("Ready to accept connections unix");
    }
    ready();
    let maxmemory = server.config.maxmemory();
    if (1..1 << 20).contains(&maxmemory) {
        tracing::warn!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {maxmemory} bytes). \
             Are you sure this is what you really want?"
        );
    }
    let timers = server.clone();
    local.spawn_local(async move { check_idle_clients(&timers).await });
    let timers = server.clone();
    local.spawn_local(async move { take_samples(&timers).await });
    server.initial_memory.store(memory::publish(), Relaxed);
    let reason = local
        .run_until(async {
            let (Ok(mut term), Ok(mut int), Ok(_)) = signals else {
                tracing::warn!("Signals cannot be caught");
                server.stop.notified().await;
                return "User requested shutdown...";
            };
            tokio::select! {
                _ = term.recv() => "Received SIGTERM scheduling shutdown...",
                _ = int.recv() => "Received SIGINT scheduling shutdown...",
                () = server.stop.notified() => "User requested shutdown...",
            }
        })
        .await;
    tracing::info!("{reason}");
    server.stop_reading();
    if let Some(path) = socket_path {
        tracing::info!("Removing the unix socket file.");
        let _ = std::fs::remove_file(path);
    }
    until_the_end
}

async fn accept_tcp(
    server: &Server,
    listener: &tokio::net::TcpListener,
    workers: &[UnboundedSender<Accepted>],
) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                if let Some(socket) = admit(server, socket, peer)
                    && let Ok(socket) = socket.into_std()
                    && let Ok(local) = socket.local_addr()
                {
                    let client = register(
                        server,
                        peer.to_string(),
                        local.to_string(),
                        socket.as_raw_fd(),
                        0,
                    );
                    hand_out(server, workers, Socket::Tcp(socket), client);
                }
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

async fn accept_unix(
    server: &Server,
    listener: &UnixListener,
    workers: &[UnboundedSender<Accepted>],
) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                if server.clients.len() >= server.config.maxclients() {
                    refuse_for_number(server, |text| {
                        let _ = socket.try_write(text);
                    });
                } else if let Ok(socket) = socket.into_std() {
                    let path = server.config.unixsocket().unwrap_or_default();
                    let addr = format!("{}:0", path.display());
                    let client = register(
                        server,
                        addr.clone(),
                        addr,
                        socket.as_raw_fd(),
                        flag::UNIX_SOCKET,
                    );
                    hand_out(server, workers, Socket::Unix(socket), client);
                }
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

/// No file descriptor is free, most likely: trying again at once would only burn the core.
async fn accept_failed(error: &io::Error) {
    tracing::warn!("Error accepting a client connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn register(server: &Server, addr: String, laddr: String, fd: i32, flags: u32) -> Arc<Client> {
    let clients = &server.clients;
    let client = Arc::new(Client::new(
        clients.next_id(),
        addr,
        laddr,
        fd,
        flags,
        clock::now(),
    ));
    clients.insert(client.clone());
    client
}

fn hand_out(
    server: &Server,
    workers: &[UnboundedSender<Accepted>],
    socket: Socket,
    client: Arc<Client>,
) {
    let worker = server.least_loaded();
    server.load[worker].fetch_add(1, Relaxed);
    server
        .stats
        .worker(server.config.threads())
        .connections_received
        .add(1);
    let id = client.id;
    let accepted = Accepted {
        socket,
        client,
        authenticated: !server.config.has_password(),
    };
    if workers[worker].send(accepted).is_err() {
        server.load[worker].fetch_sub(1, Relaxed);
        server.clients.remove(id);
    }
}

/// Refuses a client that may not connect: there are too many, or it is from elsewhere and the server
/// has no password (protected mode).
fn admit(server: &Server, socket: TcpStream, peer: SocketAddr) -> Option<TcpStream> {
    if server.clients.len() >= server.config.maxclients() {
        refuse_for_number(server, |text| {
            let _ = socket.try_write(text);
        });
        return None;
    }
    if server.config.protected_mode()
        && !server.config.has_password()
        && !peer.ip().to_canonical().is_loopback()
    {
        let _ = socket.try_write(
            b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set \
              for the default user. In this mode connections are only accepted from the loopback interface. If you \
              want to connect from external computers, start the server with '--protected-mode no', or set a \
              password for the default user.\r\n",
        );
        server
            .stats
            .worker(server.config.threads())
            .rejected_connections
            .add(1);
        return None;
    }
    Some(socket)
}

fn refuse_for_number(server: &Server, write: impl FnOnce(&[u8])) {
    // Written at once or not at all: nobody waits for a client that is not wanted.
    write(b"-ERR max number of clients reached\r\n");
    server
        .stats
        .worker(server.config.threads())
        .rejected_connections
        .add(1);
}

type Started = (UnboundedSender<Accepted>, JoinHandle<()>);

fn start_worker(server: &Arc<Server>, index: usize) -> io::Result<(Started, RuntimeMetrics)> {
    let (sender, receiver) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let metrics = runtime.metrics();
    let server = server.clone();
    let thread = std::thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || {
            let local = LocalSet::new();
            local.block_on(
                &runtime,
                work(Rc::new(Worker::new(server, index)), index, receiver),
            );
        })?;
    Ok(((sender, thread), metrics))
}

/// A worker's life: it takes connections until the listener ends, then lets them drain.
async fn work(worker: Rc<Worker>, index: usize, mut receiver: UnboundedReceiver<Accepted>) {
    let expiry = tokio::task::spawn_local(expire_keys(worker.clone(), index));
    while let Some(accepted) = receiver.recv().await {
        let id = accepted.client.id;
        if let Err(error) = start_connection(&worker, accepted) {
            worker.server.clients.remove(id);
            worker.server.load[index].fetch_sub(1, Relaxed);
            tracing::debug!("A connection ended before it began: {error}");
        }
    }
    expiry.abort();
    // The clients of all workers are told, more than once, which harms nobody.
    let drained = async {
        while worker.server.load[index].load(Relaxed) > 0 {
            worker.last_turns.set(worker.last_turns.get() + 1);
            for client in worker.server.clients.all() {
                client.signal(crate::clients::signal::RESUME);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

/// Begins to serve a connection. If serving it panics, that connection ends and no other notices.
fn start_connection(worker: &Rc<Worker>, accepted: Accepted) -> io::Result<()> {
    let Accepted {
        socket,
        client,
        authenticated,
    } = accepted;
    match socket {
        Socket::Tcp(socket) => {
            socket.set_nodelay(true)?;
            let keepalive = worker.server.config.tcp_keepalive();
            if keepalive > 0 {
                let interval = Duration::from_secs(u64::from(keepalive));
                let parameters = socket2::TcpKeepalive::new()
                    .with_time(interval)
                    .with_interval(interval / 3);
                socket2::SockRef::from(&socket).set_tcp_keepalive(&parameters)?;
            }
            let socket = TcpStream::from_std(socket)?;
            let connection = Connection::new(worker.clone(), socket, client, authenticated);
            tokio::task::spawn_local(connection);
        }
        Socket::Unix(socket) => {
            let socket = UnixStream::from_std(socket)?;
            let connection = Connection::new(worker.clone(), socket, client, authenticated);
            tokio::task::spawn_local(connection);
        }
    }
    Ok(())
}

/// The active expiry cycle of a worker: its share of the shards, `hz` times a second, a segment at a time.
async fn expire_keys(worker: Rc<Worker>, index: usize) {
    let server = worker.server.clone();
    loop {
        let period = Duration::from_micros(1_000_000 / u64::from(server.config.hz().clamp(1, 500)));
        tokio::time::sleep(period).await;
        if !server.active_expire.load(Relaxed)
            || server.pause.holds(clock::now().0, || true).is_some()
        {
            continue;
        }
        let stats = worker.stats();
        let (mut stale, mut timed, mut busy) = (0, 0, 0);
        let mut began = clock::now();
        for shard in (index..SHARDS).step_by(server.config.threads()) {
            let mut at = Some((0, 0));
            while let Some(position) = at {
                let (swept, micros) =
                    clock::apart(|| expire::sweep(&server, stats, shard, position, clock::now()));
                stale += swept.stale;
                timed += swept.timed;
                busy += micros;
                at = swept.next;
                if at.is_some() {
                    // Clients first, whose time is not the cycle's.
                    stats.expire_cycle_micros.add(clock::now().since(began));
                    tokio::task::yield_now().await;
                    began = clock::now();
                }
            }
        }
        stats.expire_cycle_micros.add(clock::now().since(began));
        stats.note_stale(stale, timed);
        latency::sample(&server, event::EXPIRE_CYCLE, busy);
    }
}

/// Closes clients that have sent nothing for `timeout` seconds, if that is set.
async fn check_idle_clients(server: &Server) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let timeout = server.config.timeout() as i64 * 1_000_000;
        if timeout == 0 || server.timers_paused.load(Relaxed) {
            continue;
        }
        let now = clock::now().0;
        for client in server.clients.all() {
            let waits = client.waiting.load(Relaxed) != crate::clients::waiting::NOT;
            let listens = client.is_subscribed() || client.has(flag::MONITOR);
            if !waits && !listens && now - client.last_interaction.load(Relaxed) > timeout {
                tracing::debug!(
                    "Closing idle client id={} addr={}",
                    client.id,
                    client.addr()
                );
                client.kill();
            }
        }
    }
}

/// Measures what INFO calls instantaneous, and the peak of memory, and does what was scheduled.
async fn take_samples(server: &Server) {
    loop {
        if !server.timers_paused.load(Relaxed) {
            let now = clock::now();
            server.stats.sample(now, server.all_event_loops());
            server.saves.do_scheduled(&server.stats, now);
            memory::used();
            let mut woken = Woken::new();
            let tracking = &server.observers.tracking;
            if server.evict_soon.load(Relaxed) {
                let stats = server.stats.worker(server.config.threads());
                let mut changes = Vec::new();
                let more = evict::make_some_room(server, stats, now, &mut changes);
                server.evict_soon.store(more, Relaxed);
                tracking.broadcast(&server.config, &mut changes, &mut woken);
            }
            tracking.tend(&server.config, now, &mut woken);
            observers::wake(&mut woken);
        }
        tokio::time::sleep(SAMPLE_PERIOD).await;
    }
}

/// Lets the process have as many files as `maxclients` needs, or lowers `maxclients` to what the system
/// allows: a client too many is then told so, instead of waiting for a file that does not come free.
fn raise_file_limit(config: &Config) -> Result<(), String> {
    let wanted = config.maxclients();
    let Err(most) = allow_clients(wanted, config.threads()) else {
        return Ok(());
    };
    let needed = wanted as u64 + reserved_files(config.threads());
    if most == 0 {
        return Err(format!(
            "Your current 'ulimit -n' is not enough for the server to start. Please increase your open file \
             limit to at least {needed}. Exiting."
        ));
    }
    tracing::warn!(
        "You requested maxclients of {wanted} requiring at least {needed} max file descriptors."
    );
    config
        .set(&[("maxclients", most.to_string())])
        .map_err(|error| error.to_string())?;
    tracing::warn!(
        "maxclients has been reduced to {most} to compensate for low ulimit. If you need higher maxclients \
         increase 'ulimit -n'."
    );
    Ok(())
}

/// File descriptors that the server needs besides its clients'.
fn reserved_files(threads: usize) -> u64 {
    RESERVED_FILES.max(OWN_FILES + FILES_PER_THREAD * threads as u64)
}

/// Lets the process have as many files as this many clients and worker threads need.
///
/// # Errors
/// The number of clients for which the system does allow enough; the limit is then set for these.
pub fn allow_clients(count: usize, threads: usize) -> Result<(), u64> {
    let reserved = reserved_files(threads);
    let wanted = count as u64 + reserved;
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let set = |current: u64, most: u64| {
        let new = libc::rlimit {
            rlim_cur: current,
            rlim_max: most,
        };
        // SAFETY: a plain system call on a local structure.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const new) == 0 }
    };
    // SAFETY: as above.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 };
    if !known || limit.rlim_cur >= wanted || set(wanted, limit.rlim_max.max(wanted)) {
        return Ok(());
    }
    set(limit.rlim_max, limit.rlim_max);
    Err(limit.rlim_max.saturating_sub(reserved))
}
