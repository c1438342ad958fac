"""Taskiq: its brokers by a list, a channel and a stream with a consumer group, and workers in processes of
their own.
"""

import functools
import os
import sys
from pathlib import Path

from library import GUARDED, Worker, eventually, needs_scripts, server
from report import check, equal, holds, run

os.environ["TASKIQ_URL"] = f"{GUARDED}/9"

import taskiq_tasks as tasks  # noqa: E402, it reads the environment

PATIENCE = 10
TASKIQ = Path(sys.executable).with_name("taskiq")
store = server(tasks.URL)


def start(broker):
    options = ["--workers", 1, "--log-level", "ERROR"]
    return Worker(broker, TASKIQ, "worker", f"taskiq_tasks:{broker}", *options)


async def results_of(name):
    """The results of 50 tasks, and the error of one that fails."""
    broker = tasks.brokers[name]
    await broker.startup()
    kicked = [await broker.find_task(f"{name}:add").kiq(number, 1) for number in range(50)]
    results = [await task.wait_result(check_interval=0.01, timeout=PATIENCE) for task in kicked]
    equal("50 results", [result.return_value for result in results], list(range(1, 51)))
    ill = await broker.find_task(f"{name}:fail").kiq("no good")
    ill = await ill.wait_result(check_interval=0.01, timeout=PATIENCE)
    equal("a failure", (ill.is_err, repr(ill.error)), (True, "ValueError('no good')"))
    await broker.shutdown()
    return kicked


@check("tasks by a list")
async def by_list():
    worker = start("by_list")
    kicked = await results_of("list")
    holds("results expire", 90 < store.ttl(kicked[0].task_id) <= 100)
    equal("what waits", store.exists("list"), 0)
    worker.kill()


@check("tasks by a channel, which go to every worker")
async def by_channel():
    workers = [start("by_channel"), start("by_channel")]
    eventually("both listen", lambda: store.pubsub_numsub("channel"), [(b"channel", 2)])
    await results_of("channel")
    for worker in workers:
        worker.kill()


@check("tasks by a stream with a consumer group")
async def by_stream():
    needs_scripts("the worker looks for what others have left under a lock that is let go by one")
    worker = start("by_stream")
    await results_of("stream")
    equal("the entries", store.xlen("stream"), 51)
    eventually("nothing is left unacknowledged", lambda: store.xpending("stream", "taskiq")["pending"], 0)
    equal("the group has read all", store.xinfo_groups("stream")[0]["lag"], 0)
    # A consumer that is lost leaves what it has read. A worker claims what has idled for a second, after it
    # has read something.
    broker = tasks.brokers["stream"]
    await broker.startup()
    worker.kill()
    left = await broker.find_task("stream:add").kiq(20, 22)
    store.xreadgroup("taskiq", "lost", {"stream": ">"})
    start("by_stream")
    idle = functools.partial(store.xpending_range, "stream", "taskiq", "-", "+", 9, idle=1000)
    eventually("it has idled for a second", lambda: len(idle()), 1)
    await broker.find_task("stream:add").kiq(0, 0)
    equal("its result", (await left.wait_result(check_interval=0.01, timeout=PATIENCE)).return_value, 42)
    await broker.shutdown()


run()
