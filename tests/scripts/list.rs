/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            blocking,
            connection,
            generic,
            hash,
            numbers,
            protocol,
            server,
            string,
            transactions,
            watch,
            watch_hash,
            watch_table,
            watch_table_keys,
        }
    };
}
