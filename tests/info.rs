//! INFO: which sections and fields it has, and that what they count is true.

mod support;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use support::client::Client;
use support::server::Server;

/// The fields of Redis 7.4.1 in their order, by section.
const FIELDS: &str = "
    # Server
    redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits
    monotonic_clock multiplexing_api atomicvar_api gcc_version process_id process_supervised run_id
    tcp_port server_time_usec uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable
    config_file io_threads_active listener0
    # Clients
    connected_clients cluster_connections maxclients client_recent_max_input_buffer
    client_recent_max_output_buffer blocked_clients tracking_clients pubsub_clients watching_clients
    clients_in_timeout_table total_watched_keys total_blocking_keys total_blocking_keys_on_nokey
    # Memory
    used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak
    used_memory_peak_human used_memory_peak_perc used_memory_overhead used_memory_startup
    used_memory_dataset used_memory_dataset_perc allocator_allocated allocator_active
    allocator_resident allocator_muzzy total_system_memory total_system_memory_human used_memory_lua
    used_memory_vm_eval used_memory_lua_human used_memory_scripts_eval number_of_cached_scripts
    number_of_functions number_of_libraries used_memory_vm_functions used_memory_vm_total
    used_memory_vm_total_human used_memory_functions used_memory_scripts used_memory_scripts_human
    maxmemory maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes
    allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes
    mem_fragmentation_ratio mem_fragmentation_bytes mem_not_counted_for_evict
    mem_replication_backlog mem_total_replication_buffers mem_clients_slaves mem_clients_normal
    mem_cluster_links mem_aof_buffer mem_allocator mem_overhead_db_hashtable_rehashing
    active_defrag_running lazyfree_pending_objects lazyfreed_objects
    # Persistence
    loading async_loading current_cow_peak current_cow_size current_cow_size_age current_fork_perc
    current_save_keys_processed current_save_keys_total rdb_changes_since_last_save
    rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec
    rdb_current_bgsave_time_sec rdb_saves rdb_last_cow_size rdb_last_load_keys_expired
    rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled
    aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_rewrites
    aof_rewrites_consecutive_failures aof_last_write_status aof_last_cow_size
    module_fork_in_progress module_fork_last_cow_size
    # Stats
    total_connections_received total_commands_processed instantaneous_ops_per_sec
    total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes
    total_net_repl_output_bytes instantaneous_input_kbps instantaneous_output_kbps
    instantaneous_input_repl_kbps instantaneous_output_repl_kbps rejected_connections sync_full
    sync_partial_ok sync_partial_err expired_subkeys expired_keys expired_stale_perc
    expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys evicted_clients
    evicted_scripts total_eviction_exceeded_time current_eviction_exceeded_time keyspace_hits
    keyspace_misses pubsub_channels pubsub_patterns pubsubshard_channels latest_fork_usec
    total_forks migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits
    active_defrag_misses active_defrag_key_hits active_defrag_key_misses total_active_defrag_time
    current_active_defrag_time tracking_total_keys tracking_total_items tracking_total_prefixes
    unexpected_error_replies total_error_replies dump_payload_sanitizations total_reads_processed
    total_writes_processed io_threaded_reads_processed io_threaded_writes_processed
    client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections
    reply_buffer_shrinks reply_buffer_expands eventloop_cycles eventloop_duration_sum
    eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec
    instantaneous_eventloop_duration_usec acl_access_denied_auth acl_access_denied_cmd
    acl_access_denied_key acl_access_denied_channel
    # Replication
    role connected_slaves master_failover_state master_replid master_replid2 master_repl_offset
    second_repl_offset repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset
    repl_backlog_histlen
    # CPU
    used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread
    used_cpu_user_main_thread
    # Modules
    # Commandstats
    # Errorstats
    # Latencystats
    # Cluster
    cluster_enabled
    # Keyspace
    db0";

/// Fields that have no meaning here: C's atomic operations, reply buffers of a fixed size that are made
/// smaller and larger, and the one thread that runs all commands.
const LEFT_OUT: &str =
    "atomicvar_api reply_buffer_shrinks reply_buffer_expands used_cpu_sys_main_thread
    used_cpu_user_main_thread";

fn text(client: &mut Client, section: &str) -> String {
    let reply = client.ok(&format!("INFO {section}"));
    String::from_utf8(reply.text().expect("a text")).expect("UTF-8")
}

/// The fields of a section with their values.
fn fields(client: &mut Client, section: &str) -> BTreeMap<String, String> {
    let text = text(client, section);
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A field that is a number.
fn number(client: &mut Client, section: &str, field: &str) -> u64 {
    let fields = fields(client, section);
    fields[field]
        .parse()
        .unwrap_or_else(|_| panic!("{field} is {}", fields[field]))
}

#[test]
fn every_field_of_redis_that_means_something_is_there_in_its_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.ok("SET k v");
    let shown: Vec<String> = text(&mut client, "everything")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("cmdstat_"))
        .filter(|line| !line.starts_with("latency_percentiles_"))
        .map(|line| line.split(':').next().unwrap_or(line).to_owned())
        .collect();
    let left_out: Vec<&str> = LEFT_OUT.split_whitespace().collect();
    let expected: Vec<String> = FIELDS
        .trim()
        .lines()
        .map(str::trim)
        .flat_map(|line| match line.starts_with('#') {
            true => vec![line],
            false => line.split(' ').collect(),
        })
        .filter(|field| !left_out.contains(field))
        .map(str::to_owned)
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_time_over_the_limit_is_counted() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let exceeded = |client: &mut Client| {
        let field = |name| number(client, "stats", name);
        [
            "current_eviction_exceeded_time",
            "total_eviction_exceeded_time",
        ]
        .map(field)
    };
    assert_eq!(exceeded(&mut client), [0, 0]);
    client.ok("CONFIG SET maxmemory 1");
    assert!(client.call(&["SET", "k", "v"]).is_error());
    sleep(Duration::from_millis(60));
    let [current, total] = exceeded(&mut client);
    assert!(current >= 60 && total >= 60, "{current} {total}");
    client.ok("CONFIG SET maxmemory 1gb");
    client.ok("SET k v");
    let [current, total] = exceeded(&mut client);
    assert!(current == 0 && total >= 60, "{current} {total}");
    client.ok("CONFIG RESETSTAT");
    assert_eq!(exceeded(&mut client), [0, 0]);
}

#[test]
fn the_work_of_the_event_loops_and_of_expiry_is_counted() {
    let server = Server::start(&["--threads", "1", "--hz", "100"]);
    let mut client = server.connect();
    for _ in 0..200 {
        client.ok("PING");
    }
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    client.ok("DEBUG POPULATE 1000");
    for key in 0..1000 {
        client.ok(&format!("PEXPIRE key:{key} 1"));
    }
    sleep(Duration::from_millis(20));
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    sleep(Duration::from_millis(200));
    let stats = fields(&mut client, "stats");
    let of = |name: &str| -> f64 { stats[name].parse().expect(name) };
    // Each of these commands came alone.
    assert!(of("eventloop_cycles") >= 1_200.0, "{stats:?}");
    assert!(
        of("eventloop_duration_sum") >= of("eventloop_duration_cmd_sum"),
        "{stats:?}"
    );
    assert!(of("eventloop_duration_cmd_sum") > 0.0, "{stats:?}");
    assert!(
        of("instantaneous_eventloop_cycles_per_sec") > 0.0,
        "{stats:?}"
    );
    assert!(
        of("instantaneous_eventloop_duration_usec") > 0.0,
        "{stats:?}"
    );
    assert_eq!(of("expired_keys"), 1000.0);
    // All were past their expiry once, and the mean forgets it a twentieth at a time.
    let stale = of("expired_stale_perc");
    assert!(stale > 0.0 && stale <= 5.0, "{stats:?}");
    sleep(Duration::from_millis(500));
    assert!(number(&mut client, "stats", "expire_cycle_cpu_milliseconds") < 700);
    client.ok("CONFIG RESETSTAT");
    let stats = fields(&mut client, "stats");
    let of = |name: &str| -> f64 { stats[name].parse().expect(name) };
    assert!(of("eventloop_cycles") < 100.0, "{stats:?}");
    assert_eq!(of("expired_stale_perc"), 0.0);
}
