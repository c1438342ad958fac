/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            connection,
            generic,
            hash_expire,
            numbers,
            protocol,
            server,
            string,
            transactions,
            watch,
            watch_table,
            watch_table_keys,
        }
    };
}
