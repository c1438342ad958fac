"""A score that one thread doubles in a WATCH loop, while a second thread adds to it 50 times.

The first attempt of each doubling lets the other thread in between its GET and its EXEC, so that
conflicts are certain. No addition may be lost, and no doubling may work on an old number.
"""

import threading

import redis
from program import arguments, check, check_equal, connect

SCORE = "score"
HISTORY = "score:history"
ADDITIONS = 50
DOUBLINGS = 5

client = connect(arguments())
client.set(SCORE, 1)
may_add = threading.Semaphore(0)
added = threading.Semaphore(0)
conflicts = 0


def add():
    """Adds 1 to the score 50 times: 10 during each doubling."""
    for number in range(ADDITIONS):
        first_of_round = number % (ADDITIONS // DOUBLINGS) == 0
        if first_of_round:
            may_add.acquire()
        client.pipeline().incr(SCORE).append(HISTORY, "+").execute()
        if first_of_round:
            added.release()


def double(pipe, first_try):
    """Tries to double the score."""
    pipe.watch(SCORE)
    score = int(pipe.get(SCORE))
    if first_try:
        may_add.release()
        added.acquire()
    pipe.multi()
    pipe.set(SCORE, score * 2)
    pipe.append(HISTORY, "*")
    pipe.execute()


adder = threading.Thread(target=add)
adder.start()
for _ in range(DOUBLINGS):
    with client.pipeline() as pipe:
        first_try = True
        while True:
            try:
                double(pipe, first_try)
                break
            except redis.WatchError:
                conflicts += 1
                first_try = False
adder.join()

# The history says in which order the changes came; the score must be what that order gives.
expected = 1
steps = client.get(HISTORY)
for step in steps:
    expected = expected * 2 if step == "*" else expected + 1
check_equal("the additions", steps.count("+"), ADDITIONS)
check_equal("the doublings", steps.count("*"), DOUBLINGS)
check_equal(f"the score after {steps}", client.get(SCORE), str(expected))
check(f"at least {DOUBLINGS} conflicts are seen, but only {conflicts} are", conflicts >= DOUBLINGS)
print(f"score {expected} after {steps}, with {conflicts} conflicts")
