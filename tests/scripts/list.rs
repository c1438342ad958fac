/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            connection,
            generic,
            numbers,
            protocol,
            server,
            set,
            string,
            transactions,
            watch,
            watch_set,
            watch_table,
            watch_table_keys,
        }
    };
}
