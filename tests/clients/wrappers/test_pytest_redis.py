"""A test suite as its users write them, with the fixtures of pytest-redis and a server of --redis-exec."""

import asyncio
import os
import stat
import subprocess

import pytest
import redis
from pytest_redis import factories

# A second server beside that of the plugin's own fixture, with a password, few databases and save points.
guarded_proc = factories.redis_proc(
    port=None, password="se cret", db_count=4, save="60 1", loglevel="debug", syslog=True
)
guarded = factories.redisdb("guarded_proc")
guarded_third = factories.redisdb("guarded_proc", dbnum=3)
second = factories.redisdb("redis_proc", dbnum=1, decode=True)


def test_strings(redisdb):
    """The client of the fixture works, through the socket that the plugin asked for."""
    assert redisdb.connection_pool.connection_kwargs["path"].endswith(".sock")
    assert redisdb.set("key", "value", ex=100)
    assert redisdb.get("key") == b"value"
    assert 0 < redisdb.ttl("key") <= 100


def test_every_test_begins_empty(redisdb):
    """What the test before wrote is gone: the fixture flushes."""
    assert redisdb.dbsize() == 0


def test_the_port_serves_too(redis_proc, redisdb):
    """Socket and port lead to the same keys."""
    redisdb.set("here", "and there")
    by_port = redis.Redis(redis_proc.host, redis_proc.port)
    assert by_port.get("here") == b"and there"
    by_port.close()


def test_a_second_database(redisdb, second):
    """Databases are apart, and a key can be moved between them."""
    redisdb.set("key", "zero")
    assert second.get("key") is None
    assert redisdb.move("key", 1)
    assert second.get("key") == "zero"
    keyspace = redisdb.info("keyspace")
    assert list(keyspace) == ["db1"]
    assert keyspace["db1"]["keys"] == 1


def test_a_conflict_is_seen(redisdb, redis_proc):
    """WATCH: another connection changes the key in between."""
    other = redis.Redis(redis_proc.host, redis_proc.port)
    redisdb.set("balance", 100)
    with redisdb.pipeline() as pipe:
        pipe.watch("balance")
        balance = int(pipe.get("balance"))
        other.incrby("balance", 5)
        pipe.multi()
        pipe.set("balance", balance - 30)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert redisdb.get("balance") == b"105"
    with redisdb.pipeline() as pipe:
        pipe.watch("balance")
        pipe.multi()
        pipe.decrby("balance", 5)
        pipe.get("balance")
        assert pipe.execute() == [100, b"100"]
    other.close()


def test_a_conflict_in_another_database_is_none(redisdb, second):
    """WATCH: a key of the same name elsewhere is another key."""
    with redisdb.pipeline() as pipe:
        pipe.watch("key")
        second.set("key", "elsewhere")
        pipe.multi()
        pipe.set("key", "here")
        assert pipe.execute() == [True]


def test_collections(redisdb):
    """Hashes, sets and sorted sets."""
    redisdb.hset("hash", mapping={"a": 1, "b": 2})
    redisdb.sadd("set", "x", "y")
    redisdb.zadd("zset", {"one": 1, "two": 2})
    assert redisdb.hgetall("hash") == {b"a": b"1", b"b": b"2"}
    assert redisdb.smembers("set") == {b"x", b"y"}
    assert redisdb.zrange("zset", 0, -1, withscores=True) == [(b"one", 1.0), (b"two", 2.0)]
    assert redisdb.bzpopmin("zset", timeout=1) == (b"zset", b"one", 1.0)


def test_the_settings_that_the_plugin_passed(redisdb, redis_proc):
    """Arguments reach the server: port, databases, directory, socket, log."""
    settings = redisdb.config_get("*")
    assert settings["port"] == str(redis_proc.port)
    assert settings["databases"] == "8"
    assert settings["bind"] == redis_proc.host
    assert settings["unixsocket"] == redis_proc.unixsocket
    assert stat.S_ISSOCK(os.stat(redis_proc.unixsocket).st_mode)
    folder = os.path.dirname(redis_proc.unixsocket)
    assert settings["dir"] == folder
    with open(os.path.join(folder, f"redis-server.{redis_proc.port}.pid"), encoding="ascii") as file:
        assert int(file.read()) == redisdb.info("server")["process_id"]
    with open(settings["logfile"], encoding="ascii") as file:
        assert "* Ready to accept connections" in file.read()


def test_a_password(guarded, guarded_proc):
    """A server that asks for a password lets nobody in without it."""
    assert guarded.ping()
    stranger = redis.Redis(guarded_proc.host, guarded_proc.port)
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    wrong = redis.Redis(guarded_proc.host, guarded_proc.port, password="wrong")
    with pytest.raises(redis.AuthenticationError):
        wrong.ping()
    stranger.close()
    wrong.close()


def test_a_server_of_its_own(guarded, guarded_third, redisdb):
    """The second server has its own keys and settings, and the last of its databases works."""
    guarded_third.set("key", "third")
    assert guarded.get("key") is None
    assert redisdb.dbsize() == 0
    assert guarded.config_get("save") == {"save": "60 1"}
    assert guarded.config_get("databases") == {"databases": "4"}
    assert guarded.config_get("loglevel") == {"loglevel": "debug"}
    with pytest.raises(redis.ResponseError, match="DB index is out of range"):
        guarded.execute_command("SELECT", 4)


def test_the_version_is_understood(redis_proc):
    """The plugin reads a version from --version, and INFO has the same."""
    printed = subprocess.run(
        [redis_proc.executable, "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert f"v={redis_proc.version}" in printed.split()


async def _increment(client):
    async with client.pipeline() as pipe:
        await pipe.watch("counter")
        count = int(await pipe.get("counter") or 0)
        pipe.multi()
        pipe.set("counter", count + 1)
        return await pipe.execute()


def test_asyncio(redis_proc):
    """The same server for asyncio."""

    async def main():
        client = redis.asyncio.Redis(unix_socket_path=redis_proc.unixsocket)
        for _ in range(3):
            assert await _increment(client) == [True]
        count = await client.get("counter")
        await client.flushall()
        await client.aclose()
        return count

    assert asyncio.run(main()) == b"3"
