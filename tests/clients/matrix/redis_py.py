"""redis-py, the synchronous client. Replies are bytes, as redis-py gives them by default."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.cache import CacheConfig
from redis.retry import Retry
from report import (
    GUARDED_PORT,
    HOST,
    PASSWORD,
    PORT,
    PROTOCOL,
    NotPossible,
    Wrong,
    check,
    equal,
    holds,
    raised,
    restart,
    run,
    same,
    version_of,
    whole,
)

OPTIONS = {} if PROTOCOL is None else {"protocol": PROTOCOL}
EVERY_BYTE = bytes(range(256))
# Replies look as in RESP2 unless RESP3 is asked for, though RESP3 is what redis-py speaks by default.
PAIR = list if PROTOCOL == 3 else tuple


def connect(port=PORT, **options):
    return redis.Redis(host=HOST, port=port, **OPTIONS, **options)


def error_of(action):
    """The error of the client that an action raises, or None."""
    try:
        action()
    except redis.RedisError as error:
        return error
    return None


def eventually(what, action, expected):
    """Repeats an action until it returns the expected value; for what another connection brings about."""
    end = time.monotonic() + 10
    while not same(found := action(), expected):
        if time.monotonic() > end:
            raise Wrong(f"{what}: still {found!r} instead of {expected!r}")
        time.sleep(0.01)


@check("connect without a password")
def connect_without_password():
    client = connect(client_name="matrix")
    equal("PING", client.ping(), True)
    mine = client.client_info()
    equal("the protocol", mine["resp"], str(PROTOCOL or 3))
    equal("the name", mine["name"], "matrix")
    if version_of(client.info("server")) >= (7, 2):
        equal("the library", mine["lib-name"].split("(")[0], "redis-py")
        equal("its version", mine["lib-ver"], redis.__version__)
    equal("CLIENT SETNAME", client.client_setname("other"), True)
    equal("CLIENT GETNAME", client.client_getname(), b"other" if PROTOCOL == 3 else "other")


@check("connect with a password")
def connect_with_password():
    equal("PING", connect(GUARDED_PORT, password=PASSWORD).ping(), True)
    client = connect(GUARDED_PORT, username="default", password=PASSWORD, db=2)
    equal("the user", client.client_info()["user"], "default")
    url = f"redis://:{quote(PASSWORD)}@{HOST}:{GUARDED_PORT}/4"
    equal("the database of a URL", redis.from_url(url, **OPTIONS).client_info()["db"], 4)


@check("a wrong password")
def wrong_password():
    # By default redis-py tries again ten times, and waits in between.
    once = Retry(NoBackoff(), 0)
    for options in [{"password": "bad"}, {"username": "nobody", "password": PASSWORD}]:
        error = error_of(connect(GUARDED_PORT, retry=once, **options).ping)
        raised("a refused login", error, redis.AuthenticationError, "invalid username-password pair or user is")


@check("no password where one is needed")
def missing_password():
    client = connect(GUARDED_PORT, retry=Retry(NoBackoff(), 0))
    text = "Authentication required." if PROTOCOL == 2 else "HELLO must be called with the client already authenticated"
    raised("PING", error_of(client.ping), redis.AuthenticationError, text)


@check("SELECT")
def select():
    third = connect(db=3)
    third.set("where", "in 3")
    equal("the key in 0", connect().get("where"), None)
    equal("the key in 3", third.get("where"), b"in 3")
    with connect().client() as single:
        equal("SELECT", single.select(3), True)
        equal("the key after SELECT", single.get("where"), b"in 3")
        raised("SELECT 99", error_of(lambda: single.select(99)), redis.ResponseError, "DB index is out of range")
        equal("the database after a bad SELECT", single.client_info()["db"], 3)
        equal("MOVE", single.move("where", 5), True)
    equal("the key in 5", connect(db=5).get("where"), b"in 3")
    lost = connect(db=99, retry=Retry(NoBackoff(), 0))
    raised("a client of a bad database", error_of(lost.ping), redis.ResponseError, "DB index is out of range")


@check("INFO")
def info():
    client = connect()
    everything = client.info()
    equal("the port", everything["tcp_port"], PORT)
    equal("the role", everything["role"], "master")
    equal("the policy", everything["maxmemory_policy"], "noeviction")
    holds("clients are counted", everything["connected_clients"] >= 1)
    client.flushall()
    client.set("key", 1, ex=100)
    keys = client.info("keyspace")["db0"]
    equal("the keys", (keys["keys"], keys["expires"]), (1, 1))
    equal("a setting", client.config_get("databases"), {"databases": "16"})


@check("strings")
def strings():
    client = connect()
    client.flushdb()
    equal("SET", client.set("name", "Ann"), True)
    equal("GET", client.get("name"), b"Ann")
    equal("GET of nothing", client.get("missing"), None)
    equal("SET NX", client.set("name", "Bob", nx=True), None)
    equal("SET GET", client.set("name", "Bob", get=True), b"Ann")
    equal("INCR", client.incr("count"), 1)
    equal("INCRBYFLOAT", client.incrbyfloat("number", 0.5), 0.5)
    equal("MSET", client.mset({"a": 1, "b": 2}), True)
    equal("MGET", client.mget("a", "missing", "b"), [b"1", None, b"2"])
    equal("APPEND", client.append("name", "by"), 5)
    equal("GETRANGE", client.getrange("name", 1, 2), b"ob")
    equal("SET EX", client.set("short", "x", ex=100), True)
    equal("TTL", whole(client.ttl("short")), 100)
    equal("TTL of nothing", client.ttl("missing"), -2)
    equal("GETEX", client.getex("short", persist=True), b"x")
    equal("GETDEL", client.getdel("short"), b"x")
    equal("LCS", client.lcs("name", "name", len=True), 5)
    equal("TYPE", client.type("name"), b"string")
    equal("EXISTS", client.exists("a", "b", "missing"), 2)
    equal("SCAN", sorted(client.scan_iter(match="[ab]")), [b"a", b"b"])
    equal("OBJECT ENCODING", client.object("encoding", "a"), b"int")
    equal("SETBIT", client.setbit("bits", 7, 1), 0)
    equal("BITCOUNT", client.bitcount("bits"), 1)
    equal("BITFIELD", client.bitfield("bits").get("u8", 0).incrby("u8", 0, 255, "FAIL").execute(), [1, None])
    equal("DEL", client.delete("a", "b", "missing"), 2)
    raised("INCR of a word", error_of(lambda: client.incr("name")), redis.ResponseError, "not an integer")


@check("hashes")
def hashes():
    client = connect()
    client.delete("user", "empty")
    equal("HSET", client.hset("user", mapping={"name": "Ann", "funds": 10}), 2)
    equal("HGET", client.hget("user", "name"), b"Ann")
    equal("HGET of nothing", client.hget("user", "missing"), None)
    equal("HGETALL", client.hgetall("user"), {b"name": b"Ann", b"funds": b"10"})
    equal("HGETALL of nothing", client.hgetall("empty"), {})
    equal("HINCRBY", client.hincrby("user", "funds", -3), 7)
    equal("HINCRBYFLOAT", client.hincrbyfloat("user", "funds", 0.5), 7.5)
    equal("HMGET", client.hmget("user", ["name", "missing"]), [b"Ann", None])
    equal("HEXISTS", client.hexists("user", "name"), True)
    equal("HKEYS", client.hkeys("user"), [b"name", b"funds"])
    equal("HRANDFIELD", sorted(client.hrandfield("user", 5)), [b"funds", b"name"])
    equal("HSCAN", dict(client.hscan_iter("user")), {b"name": b"Ann", b"funds": b"7.5"})
    equal("HDEL", client.hdel("user", "name", "missing"), 1)
    equal("HLEN", client.hlen("user"), 1)
    raised("GET of a hash", error_of(lambda: client.get("user")), redis.ResponseError, "WRONGTYPE")


@check("expiry of hash fields")
def fields():
    client = connect()
    if version_of(client.info("server")) < (7, 4):
        raise NotPossible("the server is older than 7.4")
    client.delete("session")
    client.hset("session", mapping={"token": "x", "user": "Ann", "brief": "y"})
    equal("HEXPIRE", client.hexpire("session", 100, "token", "missing"), [1, -2])
    left = client.httl("session", "token", "user", "missing")
    equal("HTTL", [*map(whole, left)], [100, -1, -2])
    equal("HPERSIST", client.hpersist("session", "token", "user"), [1, -1])
    equal("HPEXPIRE", client.hpexpire("session", 20, "brief"), [1])
    eventually("HGETALL without the field", lambda: client.hgetall("session"), {b"token": b"x", b"user": b"Ann"})


@check("sets")
def sets():
    client = connect()
    client.delete("a", "b", "c")
    equal("SADD", client.sadd("a", "x", "y", "z"), 3)
    client.sadd("b", "y", "z", "w")
    equal("SMEMBERS", client.smembers("a"), {b"x", b"y", b"z"})
    equal("SISMEMBER", client.sismember("a", "x"), 1)
    equal("SMISMEMBER", client.smismember("a", "x", "w"), [1, 0])
    equal("SINTER", client.sinter("a", "b"), {b"y", b"z"})
    equal("SDIFF", client.sdiff("a", "b"), {b"x"})
    equal("SINTERCARD", client.sintercard(2, ["a", "b"]), 2)
    equal("SUNIONSTORE", client.sunionstore("c", "a", "b"), 4)
    equal("SCARD", client.scard("c"), 4)
    equal("SMOVE", client.smove("a", "b", "x"), True)
    equal("SSCAN", sorted(client.sscan_iter("c")), [b"w", b"x", b"y", b"z"])
    equal("SPOP", sorted(client.spop("a", 5)), [b"y", b"z"])
    equal("SPOP of nothing", client.spop("a"), None)
    equal("SREM", client.srem("b", "w", "missing"), 1)


@check("sorted sets")
def sorted_sets():
    client = connect()
    client.delete("market", "copy")
    equal("ZADD", client.zadd("market", {"bread": 1.5, "sword": 35, "crown": float("inf")}), 3)
    equal("ZADD XX CH", client.zadd("market", {"bread": 2.5}, xx=True, ch=True), 1)
    equal("ZSCORE", client.zscore("market", "bread"), 2.5)
    equal("ZSCORE of nothing", client.zscore("market", "missing"), None)
    equal("ZADD INCR", client.zadd("market", {"bread": 1}, incr=True), 3.5)
    equal("ZINCRBY", client.zincrby("market", 0.5, "bread"), 4.0)
    equal("ZMSCORE", client.zmscore("market", ["sword", "missing"]), [35.0, None])
    equal("ZRANGE", client.zrange("market", 0, -1), [b"bread", b"sword", b"crown"])
    equal("ZRANGE WITHSCORES", client.zrange("market", 0, 0, withscores=True), [PAIR((b"bread", 4.0))])
    highest = client.zrange("market", "inf", 4, byscore=True, desc=True, offset=0, num=1)
    equal("ZRANGE REV BYSCORE", highest, [b"crown"])
    equal("ZRANK", client.zrank("market", "crown"), 2)
    equal("ZRANK of nothing", client.zrank("market", "missing"), None)
    equal("ZCOUNT", client.zcount("market", "(4", "+inf"), 2)
    equal("ZUNION", client.zunion(["market", "market"], withscores=True)[0], PAIR((b"bread", 8.0)))
    equal("ZRANGESTORE", client.zrangestore("copy", "market", 0, 1), 2)
    equal("ZPOPMIN", client.zpopmin("copy"), [b"bread", 4.0] if PROTOCOL == 3 else [(b"bread", 4.0)])
    equal("ZPOPMIN of nothing", client.zpopmin("missing"), [])
    equal("ZSCAN", sorted(client.zscan_iter("market"))[2], (b"sword", 35.0))
    equal("ZREM", client.zrem("market", "crown"), 1)
    raised("ZADD of a word", error_of(lambda: client.execute_command("ZADD", "market", "x", "y")),
           redis.ResponseError, "value is not a valid float")


@check("lists")
def lists():
    client = connect()
    client.delete("list", "other")
    equal("RPUSH", client.rpush("list", "a", "b", EVERY_BYTE, "c"), 4)
    equal("LPUSH", client.lpush("list", "first"), 5)
    equal("RPUSHX of nothing", client.rpushx("missing", "x"), 0)
    equal("LRANGE", client.lrange("list", 0, -1), [b"first", b"a", b"b", EVERY_BYTE, b"c"])
    equal("LLEN", client.llen("list"), 5)
    equal("LINDEX", (client.lindex("list", -1), client.lindex("list", 9)), (b"c", None))
    equal("LINSERT", client.linsert("list", "BEFORE", "b", "a"), 6)
    equal("LPOS", client.lpos("list", "a", count=0), [1, 2])
    equal("LPOS of nothing", client.lpos("list", "missing"), None)
    equal("LSET", client.lset("list", 0, "FIRST"), True)
    equal("LREM", client.lrem("list", 1, "a"), 1)
    equal("LTRIM", client.ltrim("list", 0, 2), True)
    equal("LPOP", client.lpop("list"), b"FIRST")
    equal("RPOP of many", client.rpop("list", 5), [b"b", b"a"])
    equal("LPOP of nothing", (client.lpop("list"), client.lpop("list", 2)), (None, None))
    client.rpush("list", *range(5))
    equal("LMOVE", client.lmove("list", "other", "RIGHT", "LEFT"), b"4")
    equal("RPOPLPUSH", client.rpoplpush("list", "other"), b"3")
    equal("LMPOP", client.lmpop(2, "missing", "list", direction="LEFT", count=2), [b"list", [b"0", b"1"]])
    error = error_of(lambda: client.lset("list", 9, "x"))
    raised("LSET out of range", error, redis.ResponseError, "index out of range")


@check("streams")
def streams():
    client = connect()
    client.delete("stream")
    equal("XADD", client.xadd("stream", {"name": "Ann", EVERY_BYTE: EVERY_BYTE}, id="1-1"), b"1-1")
    equal("XADD of a part", client.xadd("stream", {"name": "Bob"}, id="1-*"), b"1-2")
    client.xadd("stream", {"name": "Cid"}, id="2-0")
    error = error_of(lambda: client.xadd("stream", {"a": 1}, id="1-5"))
    raised("XADD of an old ID", error, redis.ResponseError, "equal or smaller than the target stream top item")
    equal("XLEN", client.xlen("stream"), 3)
    first = (b"1-1", {b"name": b"Ann", EVERY_BYTE: EVERY_BYTE})
    second, third = (b"1-2", {b"name": b"Bob"}), (b"2-0", {b"name": b"Cid"})
    equal("XRANGE", client.xrange("stream"), [first, second, third])
    equal("XRANGE of a part", client.xrange("stream", "(1-1", "2", count=1), [second])
    equal("XREVRANGE", client.xrevrange("stream", count=2), [third, second])
    found = client.xread({"stream": "1-1", "missing": "0"})
    equal("XREAD", found, {b"stream": [[second, third]]} if PROTOCOL == 3 else [[b"stream", [second, third]]])
    equal("XREAD of nothing", client.xread({"stream": "2-0"}), {} if PROTOCOL == 3 else [])
    information = client.xinfo_stream("stream")
    equal("XINFO STREAM", (information["length"], information["first-entry"]), (3, first))
    equal("XADD that trims", client.xadd("stream", {"a": 1}, id="3-0", maxlen=3, approximate=False), b"3-0")
    equal("XDEL", client.xdel("stream", "1-2", "9-9"), 1)
    equal("XTRIM", client.xtrim("stream", minid="3-0", approximate=False), 1)
    equal("what is left", client.xrange("stream"), [(b"3-0", {b"a": b"1"})])
    now = client.xadd("stream", {"a": 1})
    holds("an ID by the clock", abs(int(now.split(b"-")[0]) / 1000 - time.time()) < 60)


@check("consumer groups")
def groups():
    client = connect()
    client.delete("orders")
    equal("XGROUP CREATE", client.xgroup_create("orders", "shop", id="0", mkstream=True), True)
    error = error_of(lambda: client.xgroup_create("orders", "shop"))
    raised("XGROUP CREATE again", error, redis.ResponseError, "BUSYGROUP Consumer Group name already exists")
    for number in range(1, 5):
        client.xadd("orders", {"number": number}, id=f"{number}-0")

    def read(consumer, start=">", **options):
        found = client.xreadgroup("shop", consumer, {"orders": start}, **options)
        [entries] = found[b"orders"] if PROTOCOL == 3 else [found[0][1]]
        return [entry[0] for entry in entries]

    equal("XREADGROUP", read("ann", count=2), [b"1-0", b"2-0"])
    equal("XREADGROUP by another", read("bob"), [b"3-0", b"4-0"])
    equal("XREADGROUP of nothing", client.xreadgroup("shop", "bob", {"orders": ">"}), {} if PROTOCOL == 3 else [])
    equal("XREADGROUP of what it has", read("ann", "0"), [b"1-0", b"2-0"])
    equal("XACK", client.xack("orders", "shop", "1-0", "9-0"), 1)
    waiting = client.xpending("orders", "shop")
    wanted = {"pending": 3, "min": b"2-0", "max": b"4-0"}
    equal("XPENDING", {name: waiting[name] for name in wanted}, wanted)
    equal("whose they are", waiting["consumers"], [{"name": b"ann", "pending": 1}, {"name": b"bob", "pending": 2}])
    entries = client.xpending_range("orders", "shop", "-", "+", 10, consumername="bob")
    found = [(entry["message_id"], entry["consumer"], entry["times_delivered"]) for entry in entries]
    equal("XPENDING of one", found, [(b"3-0", b"bob", 1), (b"4-0", b"bob", 1)])
    equal("XCLAIM", client.xclaim("orders", "shop", "ann", 0, ["3-0"]), [(b"3-0", {b"number": b"3"})])
    equal("XCLAIM JUSTID", client.xclaim("orders", "shop", "ann", 0, ["4-0"], justid=True), [b"4-0"])
    claimed = client.xautoclaim("orders", "shop", "bob", 0, count=2)
    equal("XAUTOCLAIM", claimed[:2], [b"4-0", [(b"2-0", {b"number": b"2"}), (b"3-0", {b"number": b"3"})]])
    [group] = client.xinfo_groups("orders")
    equal("XINFO GROUPS", (group["name"], group["consumers"], group["pending"], group["lag"]), (b"shop", 2, 3, 0))
    equal("XINFO CONSUMERS", [entry["name"] for entry in client.xinfo_consumers("orders", "shop")], [b"ann", b"bob"])
    equal("XGROUP DELCONSUMER", client.xgroup_delconsumer("orders", "shop", "bob"), 2)
    equal("XGROUP SETID", client.xgroup_setid("orders", "shop", "3-0"), True)
    equal("XREADGROUP after it", read("ann", noack=True), [b"4-0"])
    equal("XGROUP DESTROY", client.xgroup_destroy("orders", "shop"), True)
    error = error_of(lambda: read("ann"))
    raised("XREADGROUP without a group", error, redis.ResponseError, "NOGROUP No such key")


@check("bitmaps")
def bitmaps():
    client = connect()
    client.delete("bits", "other", "both")
    equal("SETBIT", (client.setbit("bits", 7, 1), client.setbit("bits", 7, 1), client.setbit("bits", 20, 1)), (0, 1, 0))
    equal("GETBIT", (client.getbit("bits", 7), client.getbit("bits", 1_000)), (1, 0))
    equal("the bytes", client.get("bits"), b"\x01\x00\x08")
    equal("BITCOUNT", (client.bitcount("bits"), client.bitcount("bits", 0, 7, "BIT")), (2, 1))
    equal("BITPOS", (client.bitpos("bits", 1), client.bitpos("bits", 1, 2)), (7, 20))
    client.set("other", b"\xff")
    equal("BITOP", (client.bitop("AND", "both", "bits", "other"), client.get("both")), (3, b"\x01\x00\x00"))
    fields = client.bitfield("bits").set("u8", 0, 255).get("u4", 4)
    equal("BITFIELD", fields.incrby("u8", 0, 10, "SAT").incrby("u8", 0, 1, "FAIL").execute(), [1, 15, 255, None])
    equal("BITFIELD_RO", client.bitfield_ro("bits", "u8", 0), [255])


@check("HyperLogLogs")
def hyperloglogs():
    client = connect()
    client.delete("visits", "others", "all")
    equal("PFADD", (client.pfadd("visits", *range(1_000)), client.pfadd("visits", 5)), (1, 0))
    equal("PFCOUNT", client.pfcount("visits"), 1001)
    client.pfadd("others", *range(500, 1_500))
    equal("PFCOUNT of both", client.pfcount("visits", "others"), 1512)
    equal("PFMERGE", (client.pfmerge("all", "visits", "others"), client.pfcount("all")), (True, 1512))


@check("geo")
def geo():
    client = connect()
    client.delete("places", "near")
    palermo, catania = (13.361389, 38.115556, "Palermo"), (15.087269, 37.502669, "Catania")
    equal("GEOADD", client.geoadd("places", [*palermo, *catania]), 2)
    equal("GEODIST", client.geodist("places", "Palermo", "Catania", "km"), 166.2742)
    palermo = b"sqc8b49rny0" if PROTOCOL == 3 else "sqc8b49rny0"
    equal("GEOHASH", client.geohash("places", "Palermo", "missing"), [palermo, None])
    [position, missing] = client.geopos("places", "Palermo", "missing")
    equal("GEOPOS", (tuple(position), missing), ((13.361389338970184, 38.1155563954963), None))
    around = {"longitude": 15, "latitude": 37, "unit": "km"}
    found = client.geosearch("places", **around, radius=200, sort="ASC", withdist=True)
    equal("GEOSEARCH", found, [[b"Catania", 56.4413], [b"Palermo", 190.4424]])
    equal("GEOSEARCH by a box", client.geosearch("places", **around, width=200, height=200), [b"Catania"])
    equal("GEOSEARCHSTORE", client.geosearchstore("near", "places", **around, radius=100), 1)
    equal("GEORADIUSBYMEMBER", client.georadiusbymember("places", "Palermo", 10, "km"), [b"Palermo"])


@check("SORT")
def sort():
    client = connect()
    client.delete("numbers", "sorted", "words")
    client.rpush("numbers", 10, 9, 2, 33)
    equal("SORT", client.sort("numbers"), [b"2", b"9", b"10", b"33"])
    equal("SORT DESC LIMIT", client.sort("numbers", desc=True, start=1, num=2), [b"10", b"9"])
    equal("SORT ALPHA", client.sort("numbers", alpha=True), [b"10", b"2", b"33", b"9"])
    client.mset({"weight:2": 4, "weight:9": 3, "weight:10": 2, "weight:33": 1, "name:10": "ten"})
    found = client.sort("numbers", by="weight:*", get=["#", "name:*"], start=2, num=2, groups=True)
    equal("SORT BY GET", found, [(b"9", None), (b"2", None)])
    equal("SORT STORE", (client.sort("numbers", store="sorted"), client.lrange("sorted", 0, 1)), (4, [b"2", b"9"]))
    client.sadd("words", "pear", "apple")
    equal("SORT of a set", client.sort("words", alpha=True), [b"apple", b"pear"])
    equal("SORT_RO", client.sort_ro("words", alpha=True, desc=True), [b"pear", b"apple"])
    error = error_of(lambda: client.sort("words"))
    raised("SORT of words", error, redis.ResponseError, "can't be converted into double")


@check("DUMP and RESTORE")
def dump():
    client = connect()
    client.flushdb()
    client.set("string", EVERY_BYTE * 100)
    client.rpush("list", *range(1_000), EVERY_BYTE)
    client.sadd("set", *range(1_000), EVERY_BYTE)
    client.sadd("numbers", 1, 2, 3)
    client.zadd("zset", {EVERY_BYTE: 1.5, "last": float("inf")})
    client.hset("hash", mapping={EVERY_BYTE: EVERY_BYTE, "a": 1})
    client.xadd("stream", {EVERY_BYTE: EVERY_BYTE}, id="1-1")
    client.xgroup_create("stream", "group", id="0")
    read = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "numbers": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "hash": client.hgetall,
        "stream": lambda key: (client.xrange(key), client.xinfo_groups(key)),
    }
    for key, value in read.items():
        equal("RESTORE", client.restore(f"{key} again", 0, client.dump(key)), b"OK")
        equal(f"the {key}", value(f"{key} again"), value(key))
        equal("its type", client.type(f"{key} again"), client.type(key))
    payload = client.dump("string")
    equal("DUMP of nothing", client.dump("missing"), None)
    error = error_of(lambda: client.restore("string", 0, payload))
    raised("RESTORE of what is there", error, redis.ResponseError, "BUSYKEY Target key name already exists")
    equal("RESTORE REPLACE", client.restore("string", 100_000, payload, replace=True), b"OK")
    equal("its time", whole(client.ttl("string")), 100)
    error = error_of(lambda: client.restore("bad", 0, payload[:-1] + b"x"))
    raised("RESTORE of a broken payload", error, redis.ResponseError, "DUMP payload version or checksum are wrong")


@check("a WATCH conflict")
def conflict():
    client, other = connect(), connect()
    client.set("balance", 10)
    with client.pipeline() as pipe:
        pipe.watch("balance")
        balance = int(pipe.get("balance"))
        other.set("balance", 20)
        pipe.multi()
        pipe.set("balance", balance + 5)
        pipe.get("balance")
        raised("EXEC", error_of(pipe.execute), redis.WatchError, "")
    equal("the balance", client.get("balance"), b"20")
    tries = []

    def add(pipe):
        balance = int(pipe.get("balance"))
        if not tries:
            other.incr("balance")
        tries.append(balance)
        pipe.multi()
        pipe.set("balance", balance + 5)

    equal("transaction()", client.transaction(add, "balance"), [True])
    equal("what each try saw", tries, [20, 21])
    equal("the balance at the end", client.get("balance"), b"26")


@check("WATCH without a conflict")
def no_conflict():
    client, other = connect(), connect()
    client.mset({"mine": 1, "elsewhere": 1})
    with client.pipeline() as pipe:
        pipe.watch("mine", "missing")
        other.incr("elsewhere")
        pipe.multi()
        pipe.incr("mine").get("mine").get("missing")
        equal("EXEC", pipe.execute(), [2, b"2", None])


@check("a runtime error in a transaction")
def runtime_error():
    client = connect()
    client.set("word", "text")
    pipe = client.pipeline().set("number", 1).incr("word").incr("number")
    first, second, third = pipe.execute(raise_on_error=False)
    raised("the element", second, redis.ResponseError, "value is not an integer or out of range")
    equal("the others", (first, third), (True, 2))
    error = error_of(client.pipeline().set("number", 5).incr("word").execute)
    raised("execute", error, redis.ResponseError, "Command # 2 (INCRBY word 1) of pipeline caused error")
    equal("the number", client.get("number"), b"5")


@check("a queueing error in a transaction")
def queueing_error():
    client = connect()
    client.delete("number")
    error = error_of(client.pipeline().set("number", 1).execute_command("GET").execute)
    raised("execute", error, redis.ResponseError, "wrong number of arguments for 'get' command")
    with connect().client() as single:
        equal("MULTI", single.execute_command("MULTI"), b"OK")
        equal("APPEND", single.execute_command("APPEND", "number", 1), b"QUEUED")
        raised("GET", error_of(lambda: single.execute_command("GET")), redis.ResponseError, "wrong number of arguments")
        raised("EXEC", error_of(lambda: single.execute_command("EXEC")), redis.exceptions.ExecAbortError, "discarded")
    equal("the number, which was not set", client.get("number"), None)


@check("UNWATCH")
def unwatch():
    client, other = connect(), connect()
    client.set("key", 1)
    with client.pipeline() as pipe:
        pipe.watch("key")
        other.set("key", 2)
        equal("UNWATCH", pipe.unwatch(), True)
        pipe.multi()
        pipe.incr("key")
        equal("EXEC", pipe.execute(), [3])


@check("DISCARD")
def discard():
    other = connect()
    other.set("key", 1)
    with connect().client() as single:
        single.execute_command("WATCH", "key")
        single.execute_command("MULTI")
        equal("a queued command", single.execute_command("APPEND", "key", 2), b"QUEUED")
        equal("DISCARD", single.execute_command("DISCARD"), b"OK")
        equal("the key", single.get("key"), b"1")
        # The watch is gone too.
        other.set("key", 3)
        single.execute_command("MULTI")
        single.execute_command("INCR", "key")
        equal("EXEC", single.execute_command("EXEC"), [4])
        raised("DISCARD again", error_of(lambda: single.execute_command("DISCARD")), redis.ResponseError,
               "DISCARD without MULTI")


@check("a pipeline of 10,000")
def large_pipeline():
    client = connect()
    for transaction in [False, True]:
        pipe = client.pipeline(transaction=transaction)
        for number in range(5_000):
            pipe.set(f"key:{number}", f"{number}" * 10)
            pipe.get(f"key:{number}")
        results = pipe.execute()
        equal("what was set", results[::2], [True] * 5_000)
        equal("what was read", results[1::2], [b"%d" % number * 10 for number in range(5_000)])
    equal("DEL of all", client.delete(*[f"key:{number}" for number in range(5_000)]), 5_000)


def message(listener):
    """The next message, or note of a subscription, of a listener."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if (found := listener.get_message(timeout=1)) is not None:
            return (found["type"], found["pattern"], found["channel"], found["data"])
    raise Wrong("no message comes")


@check("publish and subscribe")
def publish():
    client, listener = connect(), connect().pubsub()
    equal("receivers before", client.publish("news", "nobody hears"), 0)
    listener.subscribe("news", "sport")
    equal("the first note", message(listener), ("subscribe", None, b"news", 1))
    equal("the second note", message(listener), ("subscribe", None, b"sport", 2))
    equal("receivers", client.publish("news", EVERY_BYTE), 1)
    equal("the message", message(listener), ("message", None, b"news", EVERY_BYTE))
    listener.ping("are you there")
    equal("PING", message(listener), ("pong", None, None, b"are you there"))
    equal("PUBSUB CHANNELS", sorted(client.pubsub_channels("*o*")), [b"sport"])
    equal("PUBSUB NUMSUB", client.pubsub_numsub("news", "none"), [(b"news", 1), (b"none", 0)])
    for number in range(1_000):
        client.publish("sport", number)
    equal("1,000 messages in order", [message(listener)[3] for _ in range(1_000)],
          [b"%d" % number for number in range(1_000)])
    pipe = client.pipeline().publish("news", "from EXEC").set("announced", 1)
    equal("PUBLISH in EXEC", pipe.execute(), [1, True])
    equal("its message", message(listener)[3], b"from EXEC")
    listener.unsubscribe("news")
    equal("the note of the end", message(listener), ("unsubscribe", None, b"news", 1))
    equal("receivers after", client.publish("news", "nobody hears"), 0)
    listener.unsubscribe()
    equal("the last note", message(listener), ("unsubscribe", None, b"sport", 0))
    listener.close()


@check("patterns")
def patterns():
    client, listener = connect(), connect().pubsub()
    heard = []
    listener.psubscribe("news.*", **{"*.art": heard.append})
    equal("the note", message(listener), ("psubscribe", None, b"news.*", 1))
    equal("the second note", message(listener), ("psubscribe", None, b"*.art", 2))
    equal("receivers, one for each pattern", client.publish("news.art", "opening"), 2)
    # Which of the two patterns is served first is open.
    equal("the message", message(listener), ("pmessage", b"news.*", b"news.art", b"opening"))
    if not heard:
        holds("the handler takes its message", listener.get_message(timeout=10) is None)
    equal("the handler's message", [found["data"] for found in heard], [b"opening"])
    equal("PUBSUB NUMPAT", client.pubsub_numpat(), 2)
    listener.close()
    # What happens to keys comes as messages too.
    listener = connect().pubsub()
    listener.psubscribe("__key*@0__:*")
    equal("the note", message(listener)[0], "psubscribe")
    client.config_set("notify-keyspace-events", "KEA")
    try:
        client.set("watched", 1, px=20)
        events = [message(listener)[2:] for _ in range(5)]
        equal("the events", [*zip(*events)][1], (b"set", b"watched", b"expire", b"watched", b"expired"))
        equal("the last one's channel", events[-1][0], b"__keyspace@0__:watched")
    finally:
        client.config_set("notify-keyspace-events", "")
    listener.close()


@check("sharded channels")
def sharded():
    client, listener = connect(), connect().pubsub()
    listener.ssubscribe("orders")
    equal("the note", message(listener), ("ssubscribe", None, b"orders", 1))
    equal("receivers", client.spublish("orders", "one"), 1)
    equal("receivers of PUBLISH", client.publish("orders", "two"), 0)
    equal("the message", message(listener), ("smessage", None, b"orders", b"one"))
    equal("PUBSUB SHARDCHANNELS", client.pubsub_shardchannels(), [b"orders"])
    equal("PUBSUB SHARDNUMSUB", client.pubsub_shardnumsub("orders"), [(b"orders", 1)])
    listener.sunsubscribe("orders")
    equal("the note of the end", message(listener), ("sunsubscribe", None, b"orders", 0))
    listener.close()


@check("a subscriber reconnects")
def reconnect():
    client, listener = connect(), connect(client_name="listener").pubsub()
    listener.subscribe("news")
    listener.psubscribe("sport.*")
    listener.ssubscribe("orders")
    notes = [message(listener)[:3:2] for _ in range(3)]
    equal("the notes", notes, [("subscribe", b"news"), ("psubscribe", b"sport.*"), ("ssubscribe", b"orders")])
    found = [other["id"] for other in client.client_list(_type="pubsub") if other["name"] == "listener"]
    equal("the listeners", len(found), 1)
    equal("CLIENT KILL", client.client_kill_filter(_id=found[0]), 1)
    # Reading notices the loss, connects and subscribes again.
    notes = sorted(message(listener)[:3:2] for _ in range(3))
    equal("the notes again", notes, [("psubscribe", b"sport.*"), ("ssubscribe", b"orders"), ("subscribe", b"news")])
    receivers = [client.publish("news", 1), client.publish("sport.x", 2), client.spublish("orders", 3)]
    equal("receivers", receivers, [1, 1, 1])
    equal("the messages", [message(listener)[3] for _ in range(3)], [b"1", b"2", b"3"])
    listener.close()


@check("client-side caching")
def caching():
    if PROTOCOL == 2:
        error = error_of(lambda: connect(cache_config=CacheConfig()))
        raised("a cache in RESP2", error, redis.RedisError, "Client caching is only supported with RESP version 3")
        raise NotPossible("redis-py caches in RESP3 alone")
    other = connect()
    if version_of(other.info("server")) < (7, 4):
        raise NotPossible("redis-py caches with servers from 7.4 on alone")
    other.flushall()
    other.set("price", 10)
    other.hset("user", "name", "Ann")
    client = connect(cache_config=CacheConfig())
    other.config_resetstat()
    for _ in range(5):
        equal("the price", client.get("price"), b"10")
        equal("the user", client.hgetall("user"), {b"name": b"Ann"})
        equal("both and nothing", client.mget("price", "missing"), [b"10", None])

    def calls(command):
        return other.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]

    equal("what came to the server", [calls("get"), calls("hgetall"), calls("mget")], [1, 1, 1])
    equal("what the cache holds", client.get_cache().size, 3)
    other.set("price", 20)
    eventually("the new price", lambda: client.get("price"), b"20")
    eventually("the new price in MGET", lambda: client.mget("price", "missing"), [b"20", None])
    other.set("missing", 1)
    eventually("the key that was missing", lambda: client.mget("price", "missing"), [b"20", b"1"])
    with other.pipeline() as pipe:
        pipe.set("price", 30).hset("user", "name", "Bob").execute()
    eventually("the price of EXEC", lambda: client.get("price"), b"30")
    eventually("the user of EXEC", lambda: client.hgetall("user"), {b"name": b"Bob"})
    # The price expires without anybody's doing.
    equal("PEXPIRE", other.pexpire("price", 20), True)
    eventually("the expired price", lambda: client.get("price"), None)
    other.flushall()
    eventually("the user after FLUSHALL", lambda: client.hgetall("user"), {})


@check("BZPOPMIN blocks")
def blocking():
    client, other = connect(), connect()
    other.delete("queue")
    equal("BZPOPMIN in vain", client.bzpopmin("queue", 0.05), None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.bzpopmin, ["other queue", "queue"], 20)
        eventually("the blocked client", lambda: other.info("clients")["blocked_clients"], 1)
        holds("BZPOPMIN waits", not waiting.done())
        equal("ZADD", other.zadd("queue", {"second": 2, "first": 1}), 2)
        found = waiting.result(timeout=20)
    equal("BZPOPMIN", found, PAIR((b"queue", b"first", 1.0)))
    equal("what is left", other.zrange("queue", 0, -1), [b"second"])


@check("lists block")
def lists_block():
    client, other = connect(), connect()
    other.delete("queue", "done")
    equal("BLPOP in vain", client.blpop("queue", 0.05), None)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(client.blpop, ["other queue", "queue"], 20)
        eventually("the blocked client", lambda: other.info("clients")["blocked_clients"], 1)
        second = pool.submit(client.blmove, "queue", "done", 20, "RIGHT", "LEFT")
        eventually("two blocked clients", lambda: other.info("clients")["blocked_clients"], 2)
        third = pool.submit(client.blmpop, 20, 2, "none", "queue", direction="LEFT", count=5)
        eventually("three blocked clients", lambda: other.info("clients")["blocked_clients"], 3)
        equal("RPUSH", other.rpush("queue", "a", "b", "c", EVERY_BYTE), 4)
        equal("BLPOP", first.result(timeout=20), PAIR((b"queue", b"a")))
        equal("BLMOVE", second.result(timeout=20), EVERY_BYTE)
        equal("BLMPOP", third.result(timeout=20), [b"queue", [b"b", b"c"]])
    equal("what was moved", other.lrange("done", 0, -1), [EVERY_BYTE])
    equal("what is left", other.exists("queue"), 0)


@check("XREAD blocks")
def stream_blocks():
    client, other = connect(), connect()
    other.delete("stream")
    other.xadd("stream", {"a": 0}, id="1-0")
    other.xgroup_create("stream", "group")
    nothing = {} if PROTOCOL == 3 else []
    equal("XREAD in vain", client.xread({"stream": "$"}, block=50), nothing)
    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(client.xread, {"stream": "$"}, block=20_000)
        member = pool.submit(client.xreadgroup, "group", "ann", {"stream": ">"}, block=20_000)
        eventually("the blocked clients", lambda: other.info("clients")["blocked_clients"], 2)
        other.xadd("stream", {"a": 1}, id="2-0")
        entries = [(b"2-0", {b"a": b"1"})]
        wanted = {b"stream": [entries]} if PROTOCOL == 3 else [[b"stream", entries]]
        equal("XREAD", reader.result(timeout=20), wanted)
        equal("XREADGROUP", member.result(timeout=20), wanted)
    equal("XPENDING", other.xpending("stream", "group")["pending"], 1)


@check("binary keys and values")
def binary():
    client = connect()
    client.flushdb()
    big = EVERY_BYTE * 20_000
    for value in [b"", EVERY_BYTE, b"\r\n$3\r\n*1\r\n", big]:
        client.set(EVERY_BYTE, value)
        holds(f"{len(value)} bytes come back", client.get(EVERY_BYTE) == value)
    equal("the keys", client.keys("*"), [EVERY_BYTE])
    client.hset("hash", EVERY_BYTE, EVERY_BYTE)
    equal("a field", client.hgetall("hash"), {EVERY_BYTE: EVERY_BYTE})
    client.sadd("set", EVERY_BYTE, b"")
    equal("a member", client.smembers("set"), {EVERY_BYTE, b""})
    client.zadd("zset", {EVERY_BYTE: 1})
    equal("a scored member", client.zrange("zset", 0, -1), [EVERY_BYTE])
    results = client.pipeline().get(EVERY_BYTE).delete(EVERY_BYTE).execute()
    holds("EXEC gives the value and deletes it", results == [big, 1])
    text = connect(decode_responses=True)
    text.set("Schlüssel", "värde \N{SNOWMAN}")
    equal("text", text.mget("Schlüssel"), ["värde \N{SNOWMAN}"])


@check("16 connections at once")
def many():
    connect().delete("counter", "mine")
    ready = threading.Barrier(16)

    def work(number):
        with connect(single_connection_client=True) as client:
            client.ping()
            ready.wait(timeout=20)
            for _ in range(10):
                while True:
                    with client.pipeline() as pipe:
                        try:
                            pipe.watch("counter")
                            count = int(pipe.get("counter") or 0)
                            pipe.multi()
                            pipe.set("counter", count + 1).hincrby("mine", number, 1).execute()
                            break
                        except redis.WatchError:
                            pass
            return client.client_id()

    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(work, range(16)))
    equal("the connections", len(ids), 16)
    equal("the counter", connect().get("counter"), b"160")
    equal("the shares", connect().hvals("mine"), [b"10"] * 16)


@check("going on after a restart")
def after_restart():
    client, listener = connect(db=1, client_name="survivor"), connect().pubsub()
    listener.subscribe("news")
    equal("the note", message(listener), ("subscribe", None, b"news", 1))
    client.set("before", 1)
    pipe = client.pipeline()
    pipe.watch("before")
    restart()
    pipe.multi()
    pipe.set("before", 2)
    raised("EXEC of a watch that is lost", error_of(pipe.execute), redis.WatchError, "")
    equal("the key of the first server", client.get("before"), None)
    equal("SET", client.set("after", 1), True)
    mine = client.client_info()
    equal("name and database", (mine["name"], mine["db"]), ("survivor", 1))
    equal("the note again", message(listener), ("subscribe", None, b"news", 1))
    equal("receivers", client.publish("news", "again"), 1)
    equal("the message", message(listener)[3], b"again")


run()
