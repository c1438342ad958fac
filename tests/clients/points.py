"""Points of a user: earned at once, in fractions, spent only if there are enough, and forgotten in time."""

from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check, check_equal, check_raises, connect

POINTS = "user:42:points"
LEVEL = "user:42:level"


def earn(client, points):
    """Adds points and returns the new sum."""
    results = client.pipeline().incrby(POINTS, points).expire(POINTS, 3600).execute()
    check_equal("EXPIRE of the points", results[1], True)
    return results[0]


def spend(client, points):
    """Takes points away; returns what is left, or None if there are too few."""
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(POINTS)
                left = int(pipe.get(POINTS) or 0) - points
                if left < 0:
                    pipe.unwatch()
                    return None
                pipe.multi()
                pipe.set(POINTS, left, keepttl=True)
                pipe.execute()
                return left
            except redis.WatchError:
                continue


client = connect(arguments())
check_equal("spending from nothing", spend(client, 1), None)
check_equal("the first points", earn(client, 10), 10)
check_equal("more points", earn(client, 25), 35)
check_equal("spending", spend(client, 30), 5)
check_equal("spending too much", spend(client, 6), None)
check("the points still expire", 0 < client.ttl(POINTS) <= 3600)

with ThreadPoolExecutor(8) as pool:
    sums = list(pool.map(lambda points: earn(client, points), range(1, 101)))
check_equal("points earned by 8 threads", client.get(POINTS), str(5 + sum(range(1, 101))))
check_equal("the sums that EXEC returned: all different, so that many", len(set(sums)), 100)

with ThreadPoolExecutor(8) as pool:
    spent = list(pool.map(lambda _: spend(client, 100), range(100)))
check_equal("how often 100 of 5055 points could be spent", sum(left is not None for left in spent), 50)
check_equal("the rest", client.get(POINTS), "55")

for _ in range(3):
    client.incrbyfloat(LEVEL, 0.1)
check_equal("a level of 3 times 0.1", client.get(LEVEL), "0.3")
check_raises("INCR of a fraction", redis.ResponseError, lambda: client.incr(LEVEL))
check_equal("the points taken with GETDEL", client.getdel(POINTS), "55")
check_equal("the points afterwards", client.get(POINTS), None)
print("earned 5085, spent 5030, 55 left at the end; level 0.3")
