"""Huey: a list, hashes and results that are waited for; what is to run later needs scripts."""

import os
import sys
import time
from pathlib import Path

from library import GUARDED, Worker, eventually, needs_scripts, server
from report import check, equal, holds, raised, run

os.environ["HUEY_URL"] = f"{GUARDED}/8"

import huey_tasks as tasks  # noqa: E402, it reads the environment
from huey.exceptions import TaskException, TaskLockedException  # noqa: E402

PATIENCE = 10
queue = tasks.huey
store = server(os.environ["HUEY_URL"])
workers = []


def got(result):
    return result.get(blocking=True, timeout=PATIENCE)


def error_of(action):
    try:
        action()
    except Exception as error:
        return error
    return None


@check("a consumer starts")
def consumer_starts():
    waiting = tasks.add(1, 2)
    equal("what waits", (queue.pending_count(), [task.name for task in queue.pending()]), (1, ["add"]))
    consumer = Path(sys.executable).with_name("huey_consumer")
    workers.append(Worker("consumer", consumer, "huey_tasks.huey", "--workers", 2, "--quiet"))
    equal("it is done", got(waiting), 3)
    equal("what waits afterwards", queue.pending_count(), 0)


@check("tasks and results")
def results():
    many = [tasks.add(number, 1) for number in range(50)]
    equal("50 results", [got(result) for result in many], list(range(1, 51)))
    equal("a result is taken once", queue.result_count(), 0)
    kept = tasks.add(2, 2)
    equal("one that is kept", (kept.get(blocking=True, preserve=True), queue.result_count()), (4, 1))
    equal("and then taken", got(kept), 4)


@check("a retry and a failure")
def retries():
    # The errors of the first runs are results too.
    well, ill = tasks.fail_at_first("well", 2), tasks.fail_at_first("ill", 9)
    eventually("one that is well at last", lambda: _outcome(well), 3)
    eventually("one that is not", lambda: _outcome(ill), "ValueError('run 3')")


def _outcome(result):
    result.reset()
    try:
        return result.get(blocking=True, timeout=1, preserve=True)
    except TaskException as error:
        return error.metadata["error"]


@check("pipelines")
def pipelines():
    results = queue.enqueue(tasks.add.s(1, 2).then(tasks.multiply, 10).then(tasks.add, 3))
    equal("each result", [got(result) for result in results], [3, 30, 33])


@check("revoke")
def revoke():
    tasks.add.revoke()
    held = tasks.add(1, 1)
    eventually("it is taken", queue.pending_count, 0)
    equal("without a result", held.get(), None)
    tasks.add.restore()
    equal("after restore", got(tasks.add(1, 1)), 2)


@check("locks")
def locks():
    with queue.lock_task("only one"):
        raised(
            "a second one", error_of(queue.lock_task("only one").__enter__), TaskLockedException, "unable to acquire"
        )
    with queue.lock_task("only one"):
        pass
    equal("it is free", queue.is_locked("only one"), False)


@check("what is to run later")
def later():
    needs_scripts("Huey takes what is due by one")
    asked = time.time()
    result = tasks.add.schedule((1, 2), delay=1)
    eventually("it is scheduled", lambda: queue.scheduled_count() <= 1, True)
    equal("the result", got(result), 3)
    holds("it ran not before its time", time.time() - asked >= 1)


@check("a consumer ends")
def consumer_ends():
    equal("its status", workers[0].end(), 0)


run()
