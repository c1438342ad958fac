/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            blocking,
            connection,
            generic,
            hash,
            hash_expire,
            hash_expire_8,
            hash_expire_errors,
            numbers,
            protocol,
            pubsub,
            reload,
            server,
            set,
            set_algebra,
            sorted_set,
            sorted_set_algebra,
            sorted_set_pop,
            sorted_set_range,
            sorted_set_scan,
            sorted_set_store,
            string,
            transactions,
            watch,
            watch_hash,
            watch_set,
            watch_set_store,
            watch_sorted_set,
            watch_sorted_set_algebra,
            watch_table,
            watch_table_fields,
            watch_table_keys,
        }
    };
}
