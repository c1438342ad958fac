"""A counter that several threads increment, each through GET and SET in a WATCH loop.

Without the watch, two threads that read the same number would lose one of two increments.
"""

from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check_equal, connect

THREADS = 8
INCREMENTS = 100


def increment(client):
    """Adds one to the counter; returns how often it had to try again."""
    conflicts = 0
    while True:
        with client.pipeline() as pipe:
            try:
                pipe.watch("counter")
                count = int(pipe.get("counter"))
                pipe.multi()
                pipe.set("counter", count + 1)
                pipe.execute()
                return conflicts
            except redis.WatchError:
                conflicts += 1


def work(client):
    return sum(increment(client) for _ in range(INCREMENTS))


client = connect(arguments())
client.set("counter", 0)
with ThreadPoolExecutor(THREADS) as pool:
    conflicts = sum(pool.map(work, [client] * THREADS))

check_equal("the counter", client.get("counter"), str(THREADS * INCREMENTS))
print(f"{THREADS} threads counted to {client.get('counter')}, with {conflicts} conflicts")
