"""redis-py's asyncio client. Replies are bytes, as it gives them by default."""

import asyncio
import functools
import time
from urllib.parse import quote

import redis.asyncio
import report
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from report import (
    GUARDED_PORT,
    HOST,
    PASSWORD,
    PORT,
    PROTOCOL,
    NotPossible,
    Wrong,
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
opened = []


def connect(port=PORT, **options):
    client = redis.asyncio.Redis(host=HOST, port=port, **OPTIONS, **options)
    opened.append(client)
    return client


def subscriber(**options):
    listener = connect(**options).pubsub()
    opened.append(listener)
    return listener


def check(name):
    """A check as in report.py, at whose end all that it opened is closed."""

    def add(function):
        @functools.wraps(function)
        async def closing():
            try:
                await function()
            finally:
                while opened:
                    await opened.pop().aclose()

        return report.check(name)(closing)

    return add


async def error_of(awaitable):
    """The client's error in which an awaitable ends, or None."""
    try:
        await awaitable
    except redis.RedisError as error:
        return error
    return None


async def eventually(what, action, expected):
    """Repeats an action until it returns the expected value; for what another connection brings about."""
    end = time.monotonic() + 10
    while not same(found := await action(), expected):
        if time.monotonic() > end:
            raise Wrong(f"{what}: still {found!r} instead of {expected!r}")
        await asyncio.sleep(0.01)


@check("connect without a password")
async def connect_without_password():
    client = connect(client_name="matrix")
    equal("PING", await client.ping(), True)
    mine = await client.client_info()
    equal("the protocol", mine["resp"], str(PROTOCOL or 3))
    equal("the name", mine["name"], "matrix")
    if version_of(await client.info("server")) >= (7, 2):
        equal("the library", mine["lib-name"].split("(")[0], "redis-py")
        equal("its version", mine["lib-ver"], redis.__version__)


@check("connect with a password")
async def connect_with_password():
    equal("PING", await connect(GUARDED_PORT, password=PASSWORD).ping(), True)
    client = connect(GUARDED_PORT, username="default", password=PASSWORD, db=2)
    equal("the user", (await client.client_info())["user"], "default")
    url = f"redis://:{quote(PASSWORD)}@{HOST}:{GUARDED_PORT}/4"
    client = redis.asyncio.from_url(url, **OPTIONS)
    opened.append(client)
    equal("the database of a URL", (await client.client_info())["db"], 4)


@check("a wrong password")
async def wrong_password():
    # By default redis-py tries again ten times, and waits in between.
    once = Retry(NoBackoff(), 0)
    for options in [{"password": "bad"}, {"username": "nobody", "password": PASSWORD}]:
        error = await error_of(connect(GUARDED_PORT, retry=once, **options).ping())
        raised("a refused login", error, redis.AuthenticationError, "invalid username-password pair or user is")


@check("no password where one is needed")
async def missing_password():
    client = connect(GUARDED_PORT, retry=Retry(NoBackoff(), 0))
    text = "Authentication required." if PROTOCOL == 2 else "HELLO must be called with the client already authenticated"
    raised("PING", await error_of(client.ping()), redis.AuthenticationError, text)


@check("SELECT")
async def select():
    third = connect(db=3)
    await third.set("where", "in 3")
    equal("the key in 0", await connect().get("where"), None)
    equal("the key in 3", await third.get("where"), b"in 3")
    async with connect(single_connection_client=True) as single:
        equal("SELECT", await single.select(3), True)
        equal("the key after SELECT", await single.get("where"), b"in 3")
        error = await error_of(single.select(99))
        raised("SELECT 99", error, redis.ResponseError, "DB index is out of range")
        equal("the database after a bad SELECT", (await single.client_info())["db"], 3)
    lost = connect(db=99, retry=Retry(NoBackoff(), 0))
    raised("a client of a bad database", await error_of(lost.ping()), redis.ResponseError, "DB index is out of range")


@check("INFO")
async def info():
    client = connect()
    everything = await client.info()
    equal("the port", everything["tcp_port"], PORT)
    equal("the role", everything["role"], "master")
    holds("clients are counted", everything["connected_clients"] >= 1)
    equal("a setting", await client.config_get("databases"), {"databases": "16"})


@check("strings")
async def strings():
    client = connect()
    await client.flushdb()
    equal("SET", await client.set("name", "Ann", ex=100), True)
    equal("GET", await client.get("name"), b"Ann")
    equal("GET of nothing", await client.get("missing"), None)
    equal("SET NX", await client.set("name", "Bob", nx=True), None)
    equal("TTL", whole(await client.ttl("name")), 100)
    equal("INCRBYFLOAT", await client.incrbyfloat("number", 0.5), 0.5)
    equal("MSET", await client.mset({"a": 1, "b": 2}), True)
    equal("MGET", await client.mget("a", "missing", "b"), [b"1", None, b"2"])
    equal("SCAN", sorted([key async for key in client.scan_iter(match="[ab]")]), [b"a", b"b"])
    equal("GETDEL", await client.getdel("name"), b"Ann")
    equal("SETBIT", await client.setbit("bits", 7, 1), 0)
    equal("BITCOUNT", await client.bitcount("bits"), 1)
    raised("INCR", await error_of(client.incr("number")), redis.ResponseError, "not an integer")


@check("hashes")
async def hashes():
    client = connect()
    await client.delete("user")
    equal("HSET", await client.hset("user", mapping={"name": "Ann", "funds": 10}), 2)
    equal("HGETALL", await client.hgetall("user"), {b"name": b"Ann", b"funds": b"10"})
    equal("HINCRBYFLOAT", await client.hincrbyfloat("user", "funds", -0.5), 9.5)
    equal("HMGET", await client.hmget("user", ["name", "missing"]), [b"Ann", None])
    equal("HSCAN", {pair async for pair in client.hscan_iter("user")}, {(b"name", b"Ann"), (b"funds", b"9.5")})
    equal("HEXISTS", await client.hexists("user", "missing"), False)
    raised("GET of a hash", await error_of(client.get("user")), redis.ResponseError, "WRONGTYPE")


@check("expiry of hash fields")
async def fields():
    client = connect()
    if version_of(await client.info("server")) < (7, 4):
        raise NotPossible("the server is older than 7.4")
    await client.delete("session")
    await client.hset("session", mapping={"token": "x", "user": "Ann", "brief": "y"})
    equal("HEXPIRE", await client.hexpire("session", 100, "token", "missing"), [1, -2])
    left = await client.httl("session", "token", "user", "missing")
    equal("HTTL", [*map(whole, left)], [100, -1, -2])
    equal("HPEXPIRE", await client.hpexpire("session", 20, "brief"), [1])
    await eventually("HGETALL without it", lambda: client.hgetall("session"), {b"token": b"x", b"user": b"Ann"})


@check("sets")
async def sets():
    client = connect()
    await client.delete("a", "b")
    equal("SADD", await client.sadd("a", "x", "y", "z"), 3)
    await client.sadd("b", "y", "z", "w")
    equal("SMEMBERS", await client.smembers("a"), {b"x", b"y", b"z"})
    equal("SINTER", await client.sinter("a", "b"), {b"y", b"z"})
    equal("SMISMEMBER", await client.smismember("a", "x", "w"), [1, 0])
    equal("SMOVE", await client.smove("a", "b", "x"), True)
    equal("SPOP", sorted(await client.spop("a", 5)), [b"y", b"z"])


@check("sorted sets")
async def sorted_sets():
    client = connect()
    await client.delete("market")
    equal("ZADD", await client.zadd("market", {"bread": 1.5, "sword": 35, "crown": float("inf")}), 3)
    equal("ZSCORE", await client.zscore("market", "crown"), float("inf"))
    equal("ZADD INCR", await client.zadd("market", {"bread": 1}, incr=True), 2.5)
    equal("ZRANGE", await client.zrange("market", 0, -1), [b"bread", b"sword", b"crown"])
    equal("ZRANGE WITHSCORES", await client.zrange("market", 0, 0, withscores=True), [PAIR((b"bread", 2.5))])
    equal("ZRANK", await client.zrank("market", "crown"), 2)
    equal("ZSCAN", sorted([pair async for pair in client.zscan_iter("market")])[2], (b"sword", 35.0))
    first = [b"bread", 2.5] if PROTOCOL == 3 else [(b"bread", 2.5)]
    equal("ZPOPMIN", await client.zpopmin("market"), first)


@check("lists")
async def lists():
    client = connect()
    await client.delete("list", "other")
    equal("RPUSH", await client.rpush("list", "a", EVERY_BYTE, "c"), 3)
    equal("LPUSH", await client.lpush("list", "first"), 4)
    equal("LRANGE", await client.lrange("list", 0, -1), [b"first", b"a", EVERY_BYTE, b"c"])
    equal("LPOS", await client.lpos("list", "c"), 3)
    equal("LINDEX of nothing", await client.lindex("list", 9), None)
    equal("LMOVE", await client.lmove("list", "other", "RIGHT", "LEFT"), b"c")
    equal("LREM", await client.lrem("list", 0, "a"), 1)
    equal("LPOP of many", await client.lpop("list", 5), [b"first", EVERY_BYTE])
    equal("RPOP of nothing", await client.rpop("list"), None)
    equal("LMPOP", await client.lmpop(2, "list", "other", direction="LEFT"), [b"other", [b"c"]])


@check("streams")
async def streams():
    client = connect()
    await client.delete("stream")
    equal("XADD", await client.xadd("stream", {"name": EVERY_BYTE}, id="1-1"), b"1-1")
    await client.xadd("stream", {"name": "Bob"}, id="2-0")
    entries = [(b"1-1", {b"name": EVERY_BYTE}), (b"2-0", {b"name": b"Bob"})]
    equal("XRANGE", await client.xrange("stream"), entries)
    equal("XREVRANGE", await client.xrevrange("stream", count=1), entries[1:])
    found = await client.xread({"stream": "1-1", "missing": "0"})
    equal("XREAD", found, {b"stream": [entries[1:]]} if PROTOCOL == 3 else [[b"stream", entries[1:]]])
    equal("XTRIM", await client.xtrim("stream", maxlen=1, approximate=False), 1)
    equal("XLEN", await client.xlen("stream"), 1)
    equal("XINFO STREAM", (await client.xinfo_stream("stream"))["last-generated-id"], b"2-0")


@check("consumer groups")
async def groups():
    client = connect()
    await client.delete("orders")
    equal("XGROUP CREATE", await client.xgroup_create("orders", "shop", mkstream=True), True)
    for number in [1, 2, 3]:
        await client.xadd("orders", {"number": number}, id=f"{number}-0")
    entries = [(f"{number}-0".encode(), {b"number": b"%d" % number}) for number in [1, 2, 3]]
    found = await client.xreadgroup("shop", "ann", {"orders": ">"}, count=2)
    equal("XREADGROUP", found, {b"orders": [entries[:2]]} if PROTOCOL == 3 else [[b"orders", entries[:2]]])
    equal("XACK", await client.xack("orders", "shop", "1-0"), 1)
    equal("XPENDING", (await client.xpending("orders", "shop"))["pending"], 1)
    claimed = await client.xautoclaim("orders", "shop", "bob", 0)
    equal("XAUTOCLAIM", claimed[:2], [b"0-0", entries[1:2]])
    [group] = await client.xinfo_groups("orders")
    equal("XINFO GROUPS", (group["name"], group["consumers"], group["pending"], group["lag"]), (b"shop", 2, 1, 1))
    error = await error_of(client.xgroup_create("orders", "shop"))
    raised("XGROUP CREATE again", error, redis.ResponseError, "BUSYGROUP Consumer Group name already exists")


@check("bitmaps")
async def bitmaps():
    client = connect()
    await client.delete("bits")
    equal("SETBIT", (await client.setbit("bits", 7, 1), await client.setbit("bits", 7, 1)), (0, 1))
    equal("BITCOUNT", await client.bitcount("bits"), 1)
    equal("BITPOS", await client.bitpos("bits", 1), 7)
    equal("BITFIELD", await client.bitfield("bits").set("u8", 0, 255).incrby("u8", 0, 1, "FAIL").execute(), [1, None])


@check("HyperLogLogs")
async def hyperloglogs():
    client = connect()
    await client.delete("visits", "all")
    equal("PFADD", await client.pfadd("visits", *range(1_000)), 1)
    equal("PFCOUNT", await client.pfcount("visits"), 1001)
    equal("PFMERGE", (await client.pfmerge("all", "visits"), await client.pfcount("all")), (True, 1001))


@check("geo")
async def geo():
    client = connect()
    await client.delete("places")
    await client.geoadd("places", [13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"])
    equal("GEODIST", await client.geodist("places", "Palermo", "Catania", "km"), 166.2742)
    around = {"longitude": 15, "latitude": 37, "radius": 200, "unit": "km", "sort": "ASC"}
    equal("GEOSEARCH", await client.geosearch("places", **around), [b"Catania", b"Palermo"])


@check("SORT")
async def sort():
    client = connect()
    await client.delete("numbers")
    await client.rpush("numbers", 10, 9, 2)
    equal("SORT", await client.sort("numbers", desc=True), [b"10", b"9", b"2"])
    equal("SORT BY GET", await client.sort("numbers", by="none", get="#"), [b"10", b"9", b"2"])
    equal("SORT_RO", await client.sort_ro("numbers", alpha=True), [b"10", b"2", b"9"])


@check("DUMP and RESTORE")
async def dump():
    client = connect()
    await client.flushdb()
    await client.set("string", EVERY_BYTE * 100)
    await client.hset("hash", mapping={EVERY_BYTE: EVERY_BYTE})
    for key, read in [("string", client.get), ("hash", client.hgetall)]:
        equal("RESTORE", await client.restore("again", 0, await client.dump(key), replace=True), b"OK")
        equal(f"the {key}", await read("again"), await read(key))
    error = await error_of(client.restore("bad", 0, b"no payload"))
    raised("RESTORE of nonsense", error, redis.ResponseError, "DUMP payload version or checksum are wrong")


@check("a WATCH conflict")
async def conflict():
    client, other = connect(), connect()
    await client.set("balance", 10)
    async with client.pipeline() as pipe:
        await pipe.watch("balance")
        balance = int(await pipe.get("balance"))
        await other.set("balance", 20)
        pipe.multi()
        pipe.set("balance", balance + 5)
        raised("EXEC", await error_of(pipe.execute()), redis.WatchError, "")
    equal("the balance", await client.get("balance"), b"20")
    tries = []

    async def add(pipe):
        balance = int(await pipe.get("balance"))
        if not tries:
            await other.incr("balance")
        tries.append(balance)
        pipe.multi()
        pipe.set("balance", balance + 5)

    equal("transaction()", await client.transaction(add, "balance"), [True])
    equal("what each try saw", tries, [20, 21])


@check("WATCH without a conflict")
async def no_conflict():
    client, other = connect(), connect()
    await client.mset({"mine": 1, "elsewhere": 1})
    async with client.pipeline() as pipe:
        await pipe.watch("mine", "missing")
        await other.incr("elsewhere")
        pipe.multi()
        pipe.incr("mine").get("mine").get("missing")
        equal("EXEC", await pipe.execute(), [2, b"2", None])


@check("a runtime error in a transaction")
async def runtime_error():
    client = connect()
    await client.set("word", "text")
    pipe = client.pipeline().set("number", 1).incr("word").incr("number")
    first, second, third = await pipe.execute(raise_on_error=False)
    raised("the element", second, redis.ResponseError, "value is not an integer or out of range")
    equal("the others", (first, third), (True, 2))
    error = await error_of(client.pipeline().set("number", 5).incr("word").execute())
    raised("execute", error, redis.ResponseError, "Command # 2 (INCRBY word 1) of pipeline caused error")
    equal("the number", await client.get("number"), b"5")


@check("a queueing error in a transaction")
async def queueing_error():
    client = connect()
    await client.delete("number")
    error = await error_of(client.pipeline().set("number", 1).execute_command("GET").execute())
    raised("execute", error, redis.ResponseError, "wrong number of arguments for 'get' command")
    async with connect(single_connection_client=True) as single:
        equal("MULTI", await single.execute_command("MULTI"), b"OK")
        equal("APPEND", await single.execute_command("APPEND", "number", 1), b"QUEUED")
        error = await error_of(single.execute_command("GET"))
        raised("GET", error, redis.ResponseError, "wrong number of arguments")
        error = await error_of(single.execute_command("EXEC"))
        raised("EXEC", error, redis.exceptions.ExecAbortError, "discarded")
    equal("the number, which was not set", await client.get("number"), None)


@check("UNWATCH")
async def unwatch():
    client, other = connect(), connect()
    await client.set("key", 1)
    async with client.pipeline() as pipe:
        await pipe.watch("key")
        await other.set("key", 2)
        equal("UNWATCH", await pipe.unwatch(), True)
        pipe.multi()
        pipe.incr("key")
        equal("EXEC", await pipe.execute(), [3])


@check("DISCARD")
async def discard():
    other = connect()
    await other.set("key", 1)
    async with connect(single_connection_client=True) as single:
        await single.execute_command("WATCH", "key")
        await single.execute_command("MULTI")
        equal("a queued command", await single.execute_command("APPEND", "key", 2), b"QUEUED")
        equal("DISCARD", await single.execute_command("DISCARD"), b"OK")
        equal("the key", await single.get("key"), b"1")
        # The watch is gone too.
        await other.set("key", 3)
        await single.execute_command("MULTI")
        await single.execute_command("INCR", "key")
        equal("EXEC", await single.execute_command("EXEC"), [4])


@check("a pipeline of 10,000")
async def large_pipeline():
    client = connect()
    for transaction in [False, True]:
        pipe = client.pipeline(transaction=transaction)
        for number in range(5_000):
            pipe.set(f"key:{number}", f"{number}" * 10)
            pipe.get(f"key:{number}")
        results = await pipe.execute()
        equal("what was set", results[::2], [True] * 5_000)
        equal("what was read", results[1::2], [b"%d" % number * 10 for number in range(5_000)])


async def message(listener):
    """The next message, or note of a subscription, of a listener."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if (found := await listener.get_message(timeout=1)) is not None:
            return (found["type"], found["pattern"], found["channel"], found["data"])
    raise Wrong("no message comes")


@check("publish and subscribe")
async def publish():
    client, listener = connect(), subscriber()
    await listener.subscribe("news", "sport")
    equal("the first note", await message(listener), ("subscribe", None, b"news", 1))
    equal("the second note", await message(listener), ("subscribe", None, b"sport", 2))
    equal("receivers", await client.publish("news", EVERY_BYTE), 1)
    equal("the message", await message(listener), ("message", None, b"news", EVERY_BYTE))
    equal("PUBSUB NUMSUB", await client.pubsub_numsub("news", "none"), [(b"news", 1), (b"none", 0)])

    # A task listens while others publish; the order of one connection is kept.
    async def listen():
        return [found["data"] async for found in listener.listen() if found["type"] == "message"]

    task = asyncio.create_task(listen())
    pipe = client.pipeline(transaction=False)
    for number in range(1_000):
        pipe.publish("sport", number)
    equal("1,000 messages are published", await pipe.execute(), [1] * 1_000)
    await listener.unsubscribe()
    equal("1,000 messages in order", await task, [b"%d" % number for number in range(1_000)])
    equal("receivers after", await client.publish("news", "nobody hears"), 0)


@check("patterns")
async def patterns():
    client, listener = connect(), subscriber()
    await listener.psubscribe("news.*")
    equal("the note", await message(listener), ("psubscribe", None, b"news.*", 1))
    equal("receivers", await client.publish("news.art", "opening"), 1)
    equal("receivers elsewhere", await client.publish("art.news", "opening"), 0)
    equal("the message", await message(listener), ("pmessage", b"news.*", b"news.art", b"opening"))
    await listener.punsubscribe("news.*")
    equal("the note of the end", await message(listener), ("punsubscribe", None, b"news.*", 0))


@check("sharded channels")
async def sharded():
    client, listener = connect(), subscriber()
    await listener.ssubscribe("orders")
    equal("the note", await message(listener), ("ssubscribe", None, b"orders", 1))
    equal("receivers", await client.spublish("orders", "one"), 1)
    equal("receivers of PUBLISH", await client.publish("orders", "two"), 0)
    equal("the message", await message(listener), ("smessage", None, b"orders", b"one"))
    await listener.sunsubscribe("orders")
    equal("the note of the end", await message(listener), ("sunsubscribe", None, b"orders", 0))


@check("a subscriber reconnects")
async def reconnect():
    client, listener = connect(), subscriber(client_name="listener")
    await listener.subscribe("news")
    await listener.psubscribe("sport.*")
    await listener.ssubscribe("orders")
    notes = [(await message(listener))[:3:2] for _ in range(3)]
    equal("the notes", notes, [("subscribe", b"news"), ("psubscribe", b"sport.*"), ("ssubscribe", b"orders")])
    others = await client.client_list(_type="pubsub")
    found = [other["id"] for other in others if other["name"] == "listener"]
    equal("the listeners", len(found), 1)
    equal("CLIENT KILL", await client.client_kill_filter(_id=found[0]), 1)
    # Reading notices the loss, connects and subscribes again.
    notes = sorted([(await message(listener))[:3:2] for _ in range(3)])
    equal("the notes again", notes, [("psubscribe", b"sport.*"), ("ssubscribe", b"orders"), ("subscribe", b"news")])
    await client.publish("news", 1)
    await client.publish("sport.x", 2)
    await client.spublish("orders", 3)
    equal("the messages", [(await message(listener))[3] for _ in range(3)], [b"1", b"2", b"3"])


@check("client-side caching")
async def caching():
    raise NotPossible("redis-py has no cache for asyncio")


@check("BZPOPMIN blocks")
async def blocking():
    client, other = connect(), connect()
    await other.delete("queue")
    equal("BZPOPMIN in vain", await client.bzpopmin("queue", 0.05), None)
    waiting = asyncio.create_task(client.bzpopmin(["other queue", "queue"], 20))

    async def blocked():
        return (await other.info("clients"))["blocked_clients"]

    await eventually("the blocked client", blocked, 1)
    holds("BZPOPMIN waits", not waiting.done())
    equal("ZADD", await other.zadd("queue", {"second": 2, "first": 1}), 2)
    equal("BZPOPMIN", await waiting, PAIR((b"queue", b"first", 1.0)))
    # A task that is given up takes its connection with it, and the client goes on.
    waiting = asyncio.create_task(client.bzpopmin("none", 20))
    await eventually("the blocked client again", blocked, 1)
    waiting.cancel()
    equal("PING", await client.ping(), True)
    await eventually("nobody waits", blocked, 0)


@check("lists block")
async def lists_block():
    client, other = connect(), connect()
    await other.delete("queue", "done")
    equal("BLPOP in vain", await client.blpop("queue", 0.05), None)
    first = asyncio.create_task(client.blpop(["other queue", "queue"], 20))

    async def blocked():
        return (await other.info("clients"))["blocked_clients"]

    await eventually("the blocked client", blocked, 1)
    second = asyncio.create_task(client.blmove("queue", "done", 20, "RIGHT", "LEFT"))
    await eventually("two blocked clients", blocked, 2)
    equal("RPUSH", await other.rpush("queue", "a", "b", EVERY_BYTE), 3)
    equal("BLPOP", await first, PAIR((b"queue", b"a")))
    equal("BLMOVE", await second, EVERY_BYTE)
    equal("what was moved", await other.lrange("done", 0, -1), [EVERY_BYTE])


@check("XREAD blocks")
async def stream_blocks():
    client, other = connect(), connect()
    await other.delete("stream")
    nothing = {} if PROTOCOL == 3 else []
    equal("XREAD in vain", await client.xread({"stream": "$"}, block=50), nothing)
    waiting = asyncio.create_task(client.xread({"stream": "$"}, block=20_000))

    async def blocked():
        return (await other.info("clients"))["blocked_clients"]

    await eventually("the blocked client", blocked, 1)
    await other.xadd("stream", {"a": 1}, id="2-0")
    entries = [(b"2-0", {b"a": b"1"})]
    equal("XREAD", await waiting, {b"stream": [entries]} if PROTOCOL == 3 else [[b"stream", entries]])


@check("binary keys and values")
async def binary():
    client = connect()
    await client.flushdb()
    big = EVERY_BYTE * 20_000
    for value in [b"", EVERY_BYTE, b"\r\n$3\r\n*1\r\n", big]:
        await client.set(EVERY_BYTE, value)
        holds(f"{len(value)} bytes come back", await client.get(EVERY_BYTE) == value)
    equal("the keys", await client.keys("*"), [EVERY_BYTE])
    await client.hset("hash", EVERY_BYTE, EVERY_BYTE)
    equal("a field", await client.hgetall("hash"), {EVERY_BYTE: EVERY_BYTE})
    results = await client.pipeline().get(EVERY_BYTE).delete(EVERY_BYTE).execute()
    holds("EXEC gives the value and deletes it", results == [big, 1])


@check("16 connections at once")
async def many():
    client = connect()
    await client.delete("counter")

    async def work():
        single = connect(single_connection_client=True)
        await single.ping()
        for _ in range(10):
            while True:
                async with single.pipeline() as pipe:
                    try:
                        await pipe.watch("counter")
                        count = int(await pipe.get("counter") or 0)
                        pipe.multi()
                        await pipe.set("counter", count + 1).execute()
                        break
                    except redis.WatchError:
                        pass
        return await single.client_id()

    ids = set(await asyncio.gather(*(work() for _ in range(16))))
    equal("the connections", len(ids), 16)
    equal("the counter", await client.get("counter"), b"160")


@check("going on after a restart")
async def after_restart():
    client, listener = connect(db=1, client_name="survivor"), subscriber()
    await listener.subscribe("news")
    equal("the note", await message(listener), ("subscribe", None, b"news", 1))
    await client.set("before", 1)
    pipe = client.pipeline()
    await pipe.watch("before")
    await asyncio.to_thread(restart)
    pipe.multi()
    pipe.set("before", 2)
    raised("EXEC of a watch that is lost", await error_of(pipe.execute()), redis.WatchError, "")
    equal("the key of the first server", await client.get("before"), None)
    equal("SET", await client.set("after", 1), True)
    mine = await client.client_info()
    equal("name and database", (mine["name"], mine["db"]), ("survivor", 1))
    equal("the note again", await message(listener), ("subscribe", None, b"news", 1))
    equal("receivers", await client.publish("news", "again"), 1)
    equal("the message", (await message(listener))[3], b"again")


run()
