"""Celery: a broker that wants a password, results in a server without one, and workers in processes of
their own. A release that runs nothing without scripts is checked only where the server has them.
"""

import os
import threading
import time
from datetime import datetime, timedelta, timezone

import celery
from library import GUARDED, HAS_SCRIPTS, PLAIN, Worker, eventually, needs_scripts, server
from report import Wrong, check, equal, holds, raised, run

os.environ["CELERY_BROKER"] = f"{GUARDED}/1"
os.environ["CELERY_RESULTS"] = f"{PLAIN}/2"

import celery_tasks as tasks  # noqa: E402, it reads the environment
from celery import chain, chord, group  # noqa: E402
from celery.exceptions import ChordError, TaskRevokedError  # noqa: E402
from kombu import Connection, Exchange, Producer, Queue  # noqa: E402

SINCE_SCRIPTS = tuple(map(int, celery.__version__.split(".")[:2])) >= (5, 7)
PATIENCE = 15
app = tasks.app
broker, results = server(tasks.BROKER), server(tasks.RESULTS)
workers = {}


def launch(name, **environment):
    arguments = ["-m", "celery", "-A", "celery_tasks", "worker", "--hostname", f"{name}@here", "--concurrency", 2]
    workers[name] = Worker(name, *arguments, "--loglevel", "ERROR", "--task-events", **environment)


def start(name, **environment):
    launch(name, **environment)
    eventually(f"{name} answers a ping", lambda: inspect(name).ping(), {f"{name}@here": {"ok": "pong"}})


def inspect(name="first"):
    return app.control.inspect(destination=[f"{name}@here"], timeout=0.5)


def told(name="first"):
    """The part of what a worker says that is its own; None if it says nothing in time."""
    return lambda answers: (answers or {}).get(f"{name}@here")


def got(result):
    return result.get(timeout=PATIENCE)


def error_of(action):
    try:
        action()
    except Exception as error:
        return error
    return None


def celery_check(name):
    """A check of what this release does only with scripts, if it is one of those that need them everywhere."""

    def add(function):
        def checked():
            if SINCE_SCRIPTS:
                needs_scripts("since 5.7 a worker binds its queue for answers by one")
            function()

        checked.__name__ = function.__name__
        return check(name)(checked)

    return add


@celery_check("a worker starts and answers a ping")
def worker_starts():
    if not HAS_SCRIPTS:
        # A worker looks for lost messages under a lock, which it lets go by a script. Here somebody else has it.
        broker.set("unacked_mutex", "held")
    start("first")
    equal("the pool", told()(inspect().stats())["pool"]["max-concurrency"], 2)
    names = set(told()(inspect().registered()))
    holds("the tasks are registered", {"celery_tasks.add", "celery_tasks.try_again"} <= names)
    equal("its queues", [queue["name"] for queue in told()(inspect().active_queues())], ["celery"])


@celery_check("a worker that knows no acknowledgements")
def no_acknowledgements():
    # As Celery 5.6 runs on a server without scripts, with nothing done for it by hand.
    elsewhere = f"{GUARDED}/4"
    launch("plain", CELERY_BROKER=elsewhere, NO_ACKNOWLEDGEMENTS="")
    with Connection(elsewhere) as connection:
        equal("the result", got(tasks.add.apply_async([1, 2], connection=connection)), 3)
    equal("its status", workers["plain"].end(), 0)
    equal("what is noted of lost messages", server(elsewhere).keys("unacked*"), [])


@celery_check("a task and its result")
def a_task():
    result = tasks.add.delay(1, 2)
    equal("the result", got(result), 3)
    equal("the state", (result.state, result.name, result.args), ("SUCCESS", "celery_tasks.add", [1, 2]))
    many = [tasks.add.delay(number, 1) for number in range(50)]
    equal("50 results", [got(one) for one in many], list(range(1, 51)))
    big = [{"number": number, "text": "ü☃" * 10} for number in range(5_000)]
    equal("a big one", got(app.signature("celery_tasks.total", [[len(str(big))]]).delay()), len(str(big)))


@celery_check("a task that fails")
def failing_task():
    result = tasks.fail.delay("no good")
    raised("get", error_of(lambda: got(result)), ValueError, "no good")
    equal("the state", result.state, "FAILURE")
    holds("the traceback", "ValueError: no good" in result.traceback)
    result = tasks.fail.apply_async(["once more"], link_error=tasks.note_error.s())
    eventually("link_error is called", lambda: results.get(f"failed-{result.id}"), b"ValueError('once more')")


@celery_check("results expire and are forgotten")
def result_expiry():
    result = tasks.add.delay(2, 2)
    equal("the result", got(result), 4)
    key = f"celery-task-meta-{result.id}"
    holds("the result expires", 490 < results.ttl(key) <= 500)
    result.forget()
    equal("the key after forget", results.exists(key), 0)
    equal("the state after forget", app.AsyncResult(result.id).state, "PENDING")


@celery_check("a group")
def a_group():
    result = group(tasks.add.s(number, number) for number in range(40)).delay()
    equal("the results in order", got(result), [2 * number for number in range(40)])
    equal("how many are done", result.completed_count(), 40)
    result.save()
    equal("a saved group", got(app.GroupResult.restore(result.id)), [2 * number for number in range(40)])
    mixed = group(tasks.add.s(1, 1), tasks.fail.s("one of two")).delay()
    raised("a group with a failure", error_of(lambda: got(mixed)), ValueError, "one of two")


@celery_check("a chain")
def a_chain():
    equal("the result", got(chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4)).delay()), 10)


@celery_check("a chord")
def a_chord():
    header = [tasks.add.s(number, number) for number in range(30)]
    equal("the result", got(chord(header)(tasks.total.s())), sum(2 * number for number in range(30)))
    equal("a chain of chords", got(chain(group(header), tasks.total.s(), tasks.add.s(1)).delay()), 871)
    eventually("nothing of it stays", lambda: results.keys("*.j") + results.keys("*.t"), [])


@celery_check("a chord whose header fails")
def failing_chord():
    result = chord([tasks.add.s(1, 1), tasks.fail.s("bad header")])(tasks.total.s())
    raised("what comes of it", result.get(timeout=PATIENCE, propagate=False), ChordError, "bad header")


@celery_check("a retry")
def a_retry():
    equal("how often it was tried again", got(tasks.try_again.delay(3)), 3)
    raised("too often", error_of(lambda: got(tasks.never_well.delay())), KeyError, "gone")


@celery_check("countdown and ETA")
def countdown():
    asked = time.time()
    later = tasks.now.apply_async(countdown=1)
    at = tasks.now.apply_async(eta=datetime.now(timezone.utc) + timedelta(seconds=1))

    def waiting():
        return {entry["request"]["id"] for entry in told()(inspect().scheduled()) or []}

    eventually("both wait in the worker", waiting, {later.id, at.id})
    equal("the worker holds them unacknowledged", broker.hlen("unacked"), 2)
    for result in (later, at):
        holds("it ran not before its time", got(result) - asked >= 1)
    eventually("none is left unacknowledged", lambda: broker.exists("unacked", "unacked_index"), 0)
    late = tasks.now.apply_async(expires=datetime.now(timezone.utc) - timedelta(seconds=1))
    raised("a task that has expired", error_of(lambda: got(late)), TaskRevokedError, "expired")


@celery_check("revoke")
def revoke():
    waiting = tasks.now.apply_async(countdown=1)
    waiting.revoke()
    raised("a task that waits", error_of(lambda: got(waiting)), TaskRevokedError, "revoked")
    equal("the state", waiting.state, "REVOKED")
    holds("the worker remembers", waiting.id in told()(inspect().revoked()))
    running = tasks.be_busy.delay()
    eventually("it runs", lambda: running.state, "STARTED")
    equal("what is active", [entry["id"] for entry in told()(inspect().active())], [running.id])
    running.revoke(terminate=True)
    raised("a task that runs", error_of(lambda: got(running)), TaskRevokedError, "")
    equal("a task after it", got(tasks.add.delay(1, 2)), 3)


@celery_check("events")
def events():
    came, found = [], threading.Event()
    wanted = []

    def note(event):
        came.append(event)
        if event["type"] == "task-succeeded" and event["uuid"] in wanted:
            found.set()

    def listen():
        with app.connection() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": note})
            receiver.capture(limit=None, timeout=PATIENCE, wakeup=True)

    threading.Thread(target=listen, daemon=True).start()
    # It listens as soon as it hears the heartbeat that it asks every worker for.
    eventually("a heartbeat", lambda: "worker-heartbeat" in {event["type"] for event in came}, True)
    result = tasks.add.delay(1, 2)
    wanted.append(result.id)
    got(result)
    if not found.wait(PATIENCE):
        result = tasks.add.delay(1, 2)
        raise Wrong(f"no event of success: {[event['type'] for event in came]}")
    mine = [event["type"] for event in came if event.get("uuid") == result.id]
    equal("the events of a task", mine, ["task-received", "task-started", "task-succeeded"])


@celery_check("remote control")
def remote_control():
    reply = _answers(app.control.add_consumer("urgent", reply=True))
    equal("add_consumer", told()(reply), {"ok": "add consumer urgent"})
    eventually("its queues", lambda: sorted(q["name"] for q in told()(inspect().active_queues())), ["celery", "urgent"])
    equal("a task by that queue", got(tasks.add.apply_async([1, 2], queue="urgent")), 3)
    reply = _answers(app.control.cancel_consumer("urgent", reply=True))
    equal("cancel_consumer", told()(reply), {"ok": "no longer consuming from urgent"})
    left = tasks.add.apply_async([1, 2], queue="urgent")
    equal("a task that nobody takes", (left.state, broker.llen("urgent")), ("PENDING", 1))
    equal("delete of its list", broker.delete("urgent"), 1)
    reply = _answers(app.control.rate_limit("celery_tasks.now", "1000/s", reply=True))
    equal("rate_limit", told()(reply), {"ok": "new rate limit set successfully"})


def _answers(replies):
    return {name: answer for reply in replies for name, answer in reply.items()}


@celery_check("priorities")
def priorities():
    queue = Queue("ranks", Exchange("ranks"), "ranks")
    with Connection(tasks.BROKER) as connection:
        producer = Producer(connection)
        for priority in [9, 0, 6, 3, 9, 0]:
            producer.publish(priority, exchange=queue.exchange, routing_key="ranks", declare=[queue], priority=priority)
        came = []
        with connection.Consumer(queue, callbacks=[lambda body, message: (came.append(body), message.ack())]):
            while len(came) < 6:
                connection.drain_events(timeout=PATIENCE)
        # BRPOP on a list for each priority: what waits is taken in that order, 0 first, once the first has come.
        equal("the order", came, [0, 0, 3, 6, 9, 9])
    equal("the lists afterwards", broker.keys("ranks*"), [])


@celery_check("what is not acknowledged comes again")
def unacknowledged():
    with Connection(tasks.BROKER) as connection:
        queue = connection.SimpleQueue("letters")
        for text in ["first", "second"]:
            queue.put(text)
        equal("the message", queue.get(timeout=PATIENCE).payload, "first")
        equal("what is noted of it", (broker.hlen("unacked"), broker.zcard("unacked_index")), (1, 1))
    with Connection(tasks.BROKER) as connection:
        queue = connection.SimpleQueue("letters")
        messages = [queue.get(timeout=PATIENCE) for _ in range(2)]
        again = {message.payload: message.delivery_info.get("redelivered", False) for message in messages}
        equal("both messages", again, {"first": True, "second": False})
        messages[0].requeue()
        messages[1].ack()
        message = queue.get(timeout=PATIENCE)
        equal("the message that was given back", message.payload, messages[0].payload)
        message.ack()
    equal("what is noted at the end", broker.exists("unacked", "unacked_index"), 0)


@celery_check("a worker process that is lost")
def lost_process():
    # Its process kills itself in the middle; the worker gives the task back and another process runs it.
    result = tasks.twice.delay("runs")
    equal("the result", got(result), "done")
    equal("the runs", results.get("runs"), b"2")


@celery_check("a worker that ends gives back what it has not begun")
def worker_ends():
    left = [tasks.add.apply_async([number, 1], countdown=1.5) for number in range(5)]
    eventually("the worker holds them", lambda: broker.hlen("unacked"), 5)
    equal("its status", workers["first"].end(), 0)
    equal("what it gave back", (broker.llen("celery"), broker.exists("unacked")), (5, 0))
    start("second")
    equal("the results by the second worker", [got(result) for result in left], [1, 2, 3, 4, 5])


@celery_check("a worker that is killed leaves its messages to others")
def worker_killed():
    needs_scripts("the lock under which lost messages are looked for is let go by one")
    left = tasks.add.apply_async([1, 2], countdown=1)
    eventually("the worker holds it", lambda: broker.hlen("unacked"), 1)
    workers["second"].kill()
    equal("it is still noted", broker.hlen("unacked"), 1)
    [(_, taken)] = broker.zrange("unacked_index", 0, -1, withscores=True)
    eventually("its time has passed", lambda: time.time() - taken > 1, True)
    start("third", VISIBILITY_TIMEOUT="1")
    equal("the result by the third worker", got(left), 3)


run()
