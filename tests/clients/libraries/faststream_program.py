"""FastStream: lists, channels with answers, and streams with consumer groups, none of it by scripts."""

import os
import sys
from pathlib import Path

from library import GUARDED, Worker, eventually, server
from report import check, equal, holds, run

os.environ["FASTSTREAM_URL"] = f"{GUARDED}/10"

from faststream.redis import RedisBroker  # noqa: E402, the workers need the environment

URL = os.environ["FASTSTREAM_URL"]
FASTSTREAM = Path(sys.executable).with_name("faststream")
store = server(URL)
workers = {}


def start(name):
    workers[name] = Worker(name, FASTSTREAM, "run", "faststream_app:app", WORKER=name)


def consumers():
    found = store.xinfo_consumers("tasks", "workers") if store.exists("tasks") else []
    return {consumer["name"].decode(): consumer["pending"] for consumer in found}


@check("two workers start")
def workers_start():
    start("ann")
    start("bob")
    eventually("they hear what is asked", lambda: store.execute_command("PUBSUB", "NUMPAT"), 1)
    # Each asks for entries again and again, and says so a little later than it asked first.
    eventually("both read the stream", lambda: readers() >= 2, True)


def readers():
    return sum(client["cmd"] == "xreadgroup" for client in store.client_list())


@check("messages by lists")
async def lists():
    async with RedisBroker(URL) as broker:
        for number in range(50):
            await broker.publish(number, list="numbers")
        for letter in "abcdefgh":
            await broker.publish(letter, list="letters")
    wanted = [b"%d" % (2 * number) for number in range(50)]
    eventually("each once", lambda: sorted(store.lrange("noted", 0, -1), key=int), wanted)
    eventually("batches", lambda: sorted(store.get("text").decode()) if store.exists("text") else [], list("abcdefgh"))
    equal("what waits", store.exists("numbers", "doubled", "letters"), 0)


@check("questions and answers by channels")
async def channels():
    async with RedisBroker(URL) as broker:
        for topic in ["food", "drink"]:
            reply = await broker.request("who is there", f"questions.{topic}", timeout=10)
            answer = await reply.decode()
            holds(f"one of both answers, not {answer}", answer in ["who is there: ann", "who is there: bob"])


@check("tasks by a stream with a consumer group")
async def streams():
    tasks = [f"task {number}" for number in range(100)]
    async with RedisBroker(URL) as broker:
        for task in tasks:
            await broker.publish(task, stream="tasks")
    eventually("all are done", lambda: store.llen("done"), 100)
    done = [entry.decode().rpartition(" by ") for entry in store.lrange("done", 0, -1)]
    equal("each once", sorted(task for task, _, _ in done), sorted(tasks))
    eventually("nothing is left unacknowledged", lambda: store.xpending("tasks", "workers")["pending"], 0)
    [group] = store.xinfo_groups("tasks")
    equal("the group has read all", (group["entries-read"], group["lag"], store.xlen("tasks")), (100, 0, 100))


@check("what a lost worker has not acknowledged goes to another")
async def lost():
    store.delete("done")
    async with RedisBroker(URL) as broker:
        # Whoever is not meant does it as well as any; it is sent until the one who is meant took it.
        while workers["ann"].alive():
            await broker.publish("the end of ann", stream="tasks")
            eventually("somebody has taken it", lambda: not workers["ann"].alive() or read_all(), True)
    eventually("it is inherited", lambda: b"the end of ann inherited" in store.lrange("done", 0, -1), True)
    eventually("nothing is left unacknowledged", lambda: sum(consumers().values()), 0)


def read_all():
    return store.xinfo_groups("tasks")[0]["lag"] == 0 and sum(consumers().values()) == 0


@check("a worker ends")
def worker_ends():
    equal("its status", workers["bob"].end(), 0)


run()
