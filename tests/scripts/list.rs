/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            connection,
            generic,
            numbers,
            protocol,
            server,
            sorted_set,
            sorted_set_pop,
            sorted_set_range,
            sorted_set_scan,
            sorted_set_store,
            string,
            transactions,
            watch,
            watch_sorted_set,
            watch_table,
            watch_table_keys,
        }
    };
}
