//! The numbers by which the format tells types and lengths apart.

/// A string.
pub const STRING: u8 = 0;
/// A list, element by element.
pub const LIST: u8 = 1;
/// A set, member by member.
pub const SET: u8 = 2;
/// A sorted set with scores in text.
pub const ZSET: u8 = 3;
/// A hash, field by field.
pub const HASH: u8 = 4;
/// A sorted set with scores in eight bytes.
pub const ZSET_2: u8 = 5;
/// A hash in a zipmap, as before Redis 2.6.
pub const HASH_ZIPMAP: u8 = 9;
/// A list in a ziplist, as before Redis 3.2.
pub const LIST_ZIPLIST: u8 = 10;
/// A set of integers in a sorted array.
pub const SET_INTSET: u8 = 11;
/// A sorted set in a ziplist, as before Redis 7.0.
pub const ZSET_ZIPLIST: u8 = 12;
/// A hash in a ziplist, as before Redis 7.0.
pub const HASH_ZIPLIST: u8 = 13;
/// A list of ziplists, as before Redis 7.0.
pub const LIST_QUICKLIST: u8 = 14;
/// A stream without its first ID and what was deleted, as before Redis 7.0.
pub const STREAM_LISTPACKS: u8 = 15;
/// A hash in a listpack.
pub const HASH_LISTPACK: u8 = 16;
/// A sorted set in a listpack.
pub const ZSET_LISTPACK: u8 = 17;
/// A list of listpacks and of single large elements.
pub const LIST_QUICKLIST_2: u8 = 18;
/// A stream, as in Redis 7.0.
pub const STREAM_LISTPACKS_2: u8 = 19;
/// A set in a listpack, since Redis 7.2.
pub const SET_LISTPACK: u8 = 20;
/// A stream whose consumers have been active at some time, since Redis 7.2.
pub const STREAM_LISTPACKS_3: u8 = 21;
/// As [`HASH_METADATA`], with whole expiries; only in Redis 7.4's release candidates.
pub const HASH_METADATA_PRE_GA: u8 = 22;
/// As [`HASH_LISTPACK_EX`], without the earliest expiry; only in Redis 7.4's release candidates.
pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
/// A hash, field by field, each with its expiry, since Redis 7.4.
pub const HASH_METADATA: u8 = 24;
/// A hash in a listpack, each field with its expiry, since Redis 7.4.
pub const HASH_LISTPACK_EX: u8 = 25;

/// The two highest bits of a length: it is in the other six.
pub const LENGTH_6: u8 = 0;
/// The two highest bits of a length: it goes on in the next byte.
pub const LENGTH_14: u8 = 1;
/// The two highest bits of a length: no length, but how a string is encoded.
pub const ENCODED: u8 = 3;
/// A length in the next four bytes.
pub const LENGTH_32: u8 = 0x80;
/// A length in the next eight bytes.
pub const LENGTH_64: u8 = 0x81;

/// A string that is an integer of one byte.
pub const INT_8: u64 = 0;
/// A string that is an integer of two bytes.
pub const INT_16: u64 = 1;
/// A string that is an integer of four bytes.
pub const INT_32: u64 = 2;
/// A compressed string.
pub const LZF: u64 = 3;

/// A node of a list that is one large element.
pub const PLAIN: u64 = 1;
/// A node of a list that is a listpack.
pub const PACKED: u64 = 2;

/// The latest moment at which a field of a hash may expire, in Unix milliseconds.
pub const LATEST_FIELD_EXPIRY: i64 = (1 << 48) - 1;
