"""What redis-py does at the door and beyond: handshake, databases, names, errors, large pipelines,
binary data and many connections at once."""

import random
import threading

import redis
from program import arguments, check, check_equal, check_raises, connect
from redis.backoff import NoBackoff
from redis.retry import Retry


def handshake(args):
    client = connect(args, client_name="door", db=3)
    info = client.client_info()
    check_equal("the protocol", int(info["resp"]), args.protocol or 3)
    check_equal("the connection's name", info["name"], "door")
    check_equal("the connection's database", int(info["db"]), 3)
    version = client.info("server")["redis_version"]
    if tuple(map(int, version.split(".")[:2])) >= (7, 2):
        check_equal("the client's library", info["lib-name"].split("(")[0], "redis-py")
        check_equal("the client's version", info["lib-ver"], redis.__version__)
    client.client_setname("renamed")
    check_equal("the new name", client.client_getname(), "renamed")
    client.set("here", "3")
    check_equal("the key in another database", connect(args).exists("here"), 0)
    check_raises("a database that is not there", redis.ResponseError, connect(args, db=99).ping)
    print(f"handshake: RESP{info['resp']} with version {version}, database {info['db']}")


def password(args):
    admin = connect(args)
    admin.config_set("requirepass", "secret")
    # By default redis-py tries a refused login ten times, and waits in between.
    once = Retry(NoBackoff(), 0)
    try:
        check_raises("no password", redis.AuthenticationError, connect(args, retry=once).ping)
        bad = connect(args, password="bad", retry=once)
        check_raises("a bad password", redis.AuthenticationError, bad.ping)
        check_equal("the password", connect(args, password="secret").ping(), True)
        user = connect(args, username="default", password="secret", db=2)
        check_equal("user and password", user.client_info()["user"], "default")
    finally:
        admin.config_set("requirepass", "")
    check_equal("no password again", connect(args).ping(), True)
    print("password: refused without and with a bad one, let in with the right one")


def errors(args):
    client = connect(args)
    client.set("word", "text")
    with client.pipeline() as pipe:
        pipe.watch("word")
        client.set("word", "other text")
        pipe.multi()
        pipe.set("word", "mine")
        check_raises("a conflict", redis.WatchError, pipe.execute)
    check_equal("the word", client.get("word"), "other text")

    pipe = client.pipeline().set("number", 1).execute_command("GET")
    error = check_raises("an EXEC after a queueing error", redis.ResponseError, pipe.execute)
    check(f"the queueing error is named in {error}", "wrong number of arguments" in str(error))
    check_equal("the number, which was never set", client.get("number"), None)
    single = client.client()
    check_equal("MULTI", single.execute_command("MULTI"), "OK")
    check_raises("an unknown command", redis.ResponseError, lambda: single.execute_command("NOSUCH"))
    check_raises("EXEC", redis.exceptions.ExecAbortError, lambda: single.execute_command("EXEC"))
    single.close()

    pipe = client.pipeline().set("number", 1).incr("word").incr("number")
    results = pipe.execute(raise_on_error=False)
    check_equal("the first and last result", [results[0], results[2]], [True, 2])
    check("the middle result is an error", isinstance(results[1], redis.ResponseError))
    check_raises("EXEC with an error inside", redis.ResponseError, client.pipeline().incr("word").execute)
    check_equal("an empty transaction", client.transaction(lambda pipe: pipe.multi(), "word"), [])
    print("errors: WatchError, ExecAbortError, ResponseError inside EXEC")


def large_pipeline(args):
    client = connect(args)
    for transaction in [False, True]:
        pipe = client.pipeline(transaction=transaction)
        for number in range(5_000):
            pipe.set(f"key:{number}", f"value {number}" * 20)
            pipe.get(f"key:{number}")
        results = pipe.execute()
        check_equal("the number of results", len(results), 10_000)
        check_equal("the results", results[1::2], [f"value {number}" * 20 for number in range(5_000)])
    check_equal("the keys deleted", client.delete(*[f"key:{number}" for number in range(5_000)]), 5_000)
    print("pipelines: 10,000 commands, as they are and inside MULTI")


def binary(args):
    client = connect(args, decode_responses=False)
    chance = random.Random(1)
    every_byte = bytes(range(256))
    for value in [b"", every_byte, b"\r\n$3\r\n", chance.randbytes(5_000_000)]:
        client.set(every_byte, value)
        check(f"a value of {len(value)} bytes comes back", client.get(every_byte) == value)
        check_equal("its length", client.strlen(every_byte), len(value))
    check_equal("the keys found", list(client.scan_iter(match=b"\x00*")), [every_byte])
    results = client.pipeline().getrange(every_byte, 0, -1).delete(every_byte).execute()
    check("EXEC gives the value back and deletes it", results == [value, 1])
    print("binary: keys and values of every byte, and of 5 MB")


def many_connections(args):
    together = threading.Barrier(16)
    wrong = []

    def work(number):
        client = connect(args, single_connection_client=True)
        client.ping()
        together.wait(timeout=60)
        for step in range(100):
            pipe = client.pipeline().set(f"mine:{number}", step).get(f"mine:{number}")
            results = pipe.incr("shared").execute()
            if results[:2] != [True, str(step)]:
                wrong.append(f"connection {number}, step {step}: {results}")
        together.wait(timeout=60)

    threads = [threading.Thread(target=work, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = connect(args)
    check_equal("the wrong results", wrong, [])
    check_equal("the increments", client.get("shared"), "1600")
    print("connections: 16 at once, 100 transactions each")


args = arguments()
handshake(args)
password(args)
errors(args)
large_pipeline(args)
binary(args)
many_connections(args)
