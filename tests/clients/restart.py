"""A client that outlives its server: the server is killed and started again on the same port.

Takes the server's command line behind HOST and PORT; nothing may listen on PORT yet.
"""

import argparse
import subprocess
import sys
import time

import redis
from program import check, check_equal, check_raises, connect
from redis.backoff import ConstantBackoff
from redis.retry import Retry


def start(args):
    """Starts the server and waits until it answers."""
    options = f"--port {args.port} --bind {args.host} --requirepass secret --save".split()
    server = subprocess.Popen([*args.server, *options, ""], stdout=subprocess.DEVNULL)
    for _ in range(400):
        try:
            connect(args, password="secret").ping()
            return server
        except redis.ConnectionError:
            check("the server runs", server.poll() is None)
            time.sleep(0.05)
    server.kill()
    sys.exit("WRONG: the server does not answer")


def run(args):
    server = start(args)
    try:
        retry = Retry(ConstantBackoff(0.05), 3)
        client = connect(args, password="secret", db=1, client_name="survivor", retry=retry)
        client.set("before", 1)
        pipe = client.pipeline()
        pipe.watch("before")
        server.kill()
        server.wait()
        check_raises("GET without a server", redis.ConnectionError, lambda: client.get("before"))
        server = start(args)
        # A lost connection has lost its watch, so the client must say that anything may have changed.
        pipe.multi()
        pipe.set("before", 2)
        check_raises("EXEC on a new connection", (redis.WatchError, redis.ConnectionError), pipe.execute)
        check_equal("the key of the first server", client.get("before"), None)
        client.set("after", 2)
        check_equal("the key of the second server", client.get("after"), "2")
        info = client.client_info()
        check_equal("the name and database again", (info["name"], int(info["db"])), ("survivor", 1))
        server.terminate()
        check_equal("the status after SIGTERM", server.wait(timeout=60), 0)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    print("restart: connected again, password, name and database restored; the lost watch was noticed")


parser = argparse.ArgumentParser()
parser.add_argument("host")
parser.add_argument("port", type=int)
parser.add_argument("--protocol", type=int, choices=[2, 3])
parser.add_argument("server", nargs="+", help="the program, then -- and its arguments")
run(parser.parse_args())
