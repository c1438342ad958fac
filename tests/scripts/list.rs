/// Every script, sorted: each becomes two tests, one for each protocol.
macro_rules! for_each_script {
    ($then:ident) => {
        $then! {
            connection,
            generic,
            hash_expire,
            hash_expire_8,
            hash_expire_errors,
            numbers,
            protocol,
            server,
            string,
            transactions,
            watch,
            watch_table,
            watch_table_fields,
            watch_table_keys,
        }
    };
}
