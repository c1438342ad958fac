"""Likes of a post: each user counts once, however often and from wherever they click.

A like is a key of its own, made with SET NX. The number of likes goes up in the same transaction
that makes the key, and only if nobody made it since it was looked up.
"""

from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check_equal, connect

POST = "post:7"
USERS = [f"user:{number}" for number in range(40)]
CLICKS = 3


def like(client, user):
    """Returns True if this was the user's first like."""
    mine = f"{POST}:liked-by:{user}"
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(mine)
                if pipe.exists(mine):
                    pipe.unwatch()
                    return False
                pipe.multi()
                pipe.set(mine, 1, nx=True)
                pipe.incr(f"{POST}:likes")
                made, _ = pipe.execute()
                check_equal("the new like's SET NX", made, True)
                return True
            except redis.WatchError:
                continue


def unlike(client, user):
    """Takes a like back; returns True if there was one."""
    mine = f"{POST}:liked-by:{user}"

    def change(pipe):
        liked = pipe.exists(mine)
        pipe.multi()
        if liked:
            pipe.delete(mine)
            pipe.decr(f"{POST}:likes")

    return len(client.transaction(change, mine)) == 2


client = connect(arguments())
client.set(f"{POST}:likes", 0)
clicks = USERS * CLICKS
with ThreadPoolExecutor(8) as pool:
    counted = sum(pool.map(like, [client] * len(clicks), clicks))

check_equal("the clicks that counted", counted, len(USERS))
check_equal("the likes", client.get(f"{POST}:likes"), str(len(USERS)))

# The loser of a race is told so by SET NX itself, inside EXEC.
results = client.pipeline().set(f"{POST}:liked-by:user:0", 1, nx=True).get(f"{POST}:likes").execute()
check_equal("SET NX of a like that is there, and the likes", results, [None, str(len(USERS))])

check_equal("the first unlike", unlike(client, "user:3"), True)
check_equal("the second unlike", unlike(client, "user:3"), False)
check_equal("the likes after an unlike", client.get(f"{POST}:likes"), str(len(USERS) - 1))
found = sum(1 for _ in client.scan_iter(match=f"{POST}:liked-by:*", count=7))
check_equal("the like keys that SCAN finds", found, len(USERS) - 1)
print(f"{len(clicks)} clicks by {len(USERS)} users made {counted} likes; {found} are left after an unlike")
