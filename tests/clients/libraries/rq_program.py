"""RQ: jobs in a server that wants a password, and workers in processes of their own. What a release does
by scripts is checked where the server has them.
"""

import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import rq
from library import GUARDED, Worker, eventually, needs_scripts, server
from report import NotPossible, check, equal, holds, raised, run

os.environ["RQ_STORE"] = f"{GUARDED}/3"

import rq_jobs as jobs  # noqa: E402, it reads the environment
from rq import Callback, Queue, Repeat, Retry, SimpleWorker  # noqa: E402
from rq.command import send_shutdown_command, send_stop_job_command  # noqa: E402
from rq.exceptions import NoSuchJobError  # noqa: E402
from rq.group import Group  # noqa: E402
from rq.job import Job, JobStatus  # noqa: E402
from rq.registry import ScheduledJobRegistry  # noqa: E402
from rq.results import Result  # noqa: E402

VERSION = tuple(map(int, rq.__version__.split(".")[:2]))
RQ = Path(sys.executable).with_name("rq")
store = server(jobs.STORE)
high, low = Queue("high", connection=store), Queue("low", connection=store)
workers = {}


def start(name, *queues, options=()):
    workers[name] = Worker(name, RQ, "worker", "--url", jobs.STORE, "--name", name, "--quiet", *options, *queues)
    eventually(f"{name} is idle", lambda: status(name), "idle")


def status(name):
    return next((str(found.state) for found in rq.Worker.all(store) if found.name == name), None)


def ended(job, expected=JobStatus.FINISHED):
    """Waits until a job has come to its end, and returns its latest result."""
    eventually(f"{job.id} is {expected}", lambda: JobStatus(job.get_status()), expected)
    return job.latest_result()


@check("a worker starts")
def worker_starts():
    # One that waits by BLPOP for two lists, and one that waits by BLMOVE for one.
    start("both", "high", "low")
    start("single", "single")
    equal("the workers", sorted(found.name for found in rq.Worker.all(store)), ["both", "single"])
    eventually("both wait", lambda: store.info("clients")["blocked_clients"], 2)


@check("a job and its result")
def a_job():
    for queue in [high, low, Queue("single", connection=store)]:
        job = queue.enqueue(jobs.add, 1, 2)
        result = ended(job)
        equal("the result", (result.type, result.return_value), (Result.Type.SUCCESSFUL, 3))
        worker = "single" if queue.name == "single" else "both"
        equal("who did it", Job.fetch(job.id, connection=store).worker_name, worker)
    waiting = high.enqueue(jobs.wait_for, "go")
    eventually("it runs", lambda: JobStatus(waiting.get_status()), JobStatus.STARTED)
    store.rpush("go", "on")
    # The result comes by a stream that this waits for.
    equal("a result that is waited for", waiting.latest_result(timeout=10).type, Result.Type.SUCCESSFUL)
    many = [high.enqueue(jobs.add, number, 1) for number in range(10)]
    equal("10 results", [ended(job).return_value for job in many], list(range(1, 11)))
    equal("how many are finished", len(high.finished_job_registry), 12)


@check("results and jobs expire")
def expiry():
    brief = high.enqueue(jobs.add, 1, 2, result_ttl=500)
    gone = high.enqueue(jobs.add, 1, 2, result_ttl=0)
    ended(brief)
    holds("the result expires", 490 < store.ttl(Result.get_key(brief.id)) <= 500)
    holds("the job expires", 490 < store.ttl(brief.key) <= 500)
    eventually("one whose result nobody wants is gone", lambda: store.exists(gone.key), 0)
    equal("a job that is not there", Job.exists("nobody", connection=store), False)
    brief.delete()
    equal("a deleted job", store.exists(brief.key), 0)
    try:
        brief.refresh()
    except NoSuchJobError as error:
        raised("refresh", error, NoSuchJobError, brief.id)
    else:
        raised("refresh", None, NoSuchJobError, brief.id)


@check("a failing job")
def failing_job():
    job = high.enqueue(jobs.fail, "no good")
    result = ended(job, JobStatus.FAILED)
    equal("the kind of result", result.type, Result.Type.FAILED)
    holds("the traceback", "ValueError: no good" in result.exc_string)
    equal("the failed", high.failed_job_registry.get_job_ids(), [job.id])
    slow = high.enqueue(jobs.be_busy, job_timeout=1)
    holds("a job that takes too long", "JobTimeoutException" in ended(slow, JobStatus.FAILED).exc_string)
    high.failed_job_registry.requeue(job.id)
    eventually("it failed again", lambda: [result.type for result in job.results()], [Result.Type.FAILED] * 2)
    ended(job, JobStatus.FAILED)
    high.failed_job_registry.remove(job, delete_job=True)
    equal("the failed in the end", high.failed_job_registry.get_job_ids(), [slow.id])


@check("a retry")
def a_retry():
    job = high.enqueue(jobs.fail_at_first, 2, retry=Retry(max=3))
    equal("it ran three times", ended(job).return_value, 3)
    equal("what is left of its tries", Job.fetch(job.id, connection=store).retries_left, 1)
    hopeless = high.enqueue(jobs.fail_at_first, 9, retry=Retry(max=2))
    ended(hopeless, JobStatus.FAILED)
    equal("how often one without hope ran", store.get(f"runs-{hopeless.id}"), b"3")


@check("repetition")
def repetition():
    job = high.enqueue(jobs.note, "repeated", "once more", repeat=Repeat(times=3))
    eventually("it ran four times", lambda: store.lrange("repeated", 0, -1), [b"once more"] * 4)
    ended(job)


@check("callbacks")
def callbacks():
    well = high.enqueue(jobs.add, 1, 2, job_id="well", on_success=Callback(jobs.on_success))
    ill = high.enqueue(jobs.fail, "no good", job_id="ill", on_failure=Callback(jobs.on_failure))
    ended(well), ended(ill, JobStatus.FAILED)
    equal("what was told", store.lrange("told", 0, -1), [b"well succeeded: 3", b"ill failed: ValueError: no good"])


@check("dependencies")
def dependencies():
    first, second = high.enqueue(jobs.wait_for, "first may"), low.enqueue(jobs.wait_for, "second may")
    child = high.enqueue(jobs.note, "order", "child", depends_on=[first, second])
    grandchild = low.enqueue(jobs.note, "order", "grandchild", depends_on=child)
    equal("the states", [JobStatus(job.get_status()) for job in (child, grandchild)], [JobStatus.DEFERRED] * 2)
    equal("who is deferred", high.deferred_job_registry.get_job_ids(), [child.id])
    store.rpush("first may", "go")
    ended(first)
    equal("the child after the first", JobStatus(child.get_status()), JobStatus.DEFERRED)
    store.rpush("second may", "go")
    ended(grandchild)
    equal("the order", store.lrange("order", 0, -1), [b"child", b"grandchild"])
    equal("one that depends on what is done", ended(high.enqueue(jobs.add, 1, depends_on=child)).return_value, 1)
    ill = high.enqueue(jobs.fail, "no good")
    refused = high.enqueue(jobs.add, 1, depends_on=ill)
    allowed = high.enqueue(jobs.add, 1, depends_on=rq.job.Dependency(jobs=[ill], allow_failure=True))
    ended(allowed)
    equal("one that does not allow a failure", JobStatus(refused.get_status()), JobStatus.DEFERRED)
    refused.cancel()
    equal("one that is cancelled", JobStatus(refused.get_status()), JobStatus.CANCELED)
    equal("who is deferred at the end", high.deferred_job_registry.count, 0)


@check("WatchError: a dependency ends while its dependent is enqueued")
def watched_dependency():
    # RQ watches the jobs that a new one depends on, looks at them, and notes the new one as waiting in a
    # MULTI. Here the one that it depends on ends between the look and the EXEC.
    quiet = Queue("quiet", connection=store)
    parent = quiet.enqueue(jobs.add, 1, 2)
    looks = []
    look = Job.fetch_dependencies

    def look_and_let_it_end(job, *arguments, **options):
        found = look(job, *arguments, **options)
        looks.append([JobStatus(dependency.get_status(refresh=False)) for dependency in found])
        if len(looks) == 1:
            SimpleWorker([quiet], connection=server(jobs.STORE)).work(burst=True, logging_level="ERROR")
        return found

    Job.fetch_dependencies = look_and_let_it_end
    try:
        child = quiet.enqueue(jobs.add, 3, 4, depends_on=parent)
    finally:
        Job.fetch_dependencies = look
    equal("what it saw at each look", looks, [[JobStatus.QUEUED], [JobStatus.FINISHED]])
    equal("the new one may run", (JobStatus(child.get_status()), quiet.job_ids), (JobStatus.QUEUED, [child.id]))
    SimpleWorker([quiet], connection=server(jobs.STORE)).work(burst=True, logging_level="ERROR")
    equal("its result", child.return_value(), 7)


@check("WatchError: a dependent is added while its dependency ends")
def watched_dependents():
    # The worker watches who waits for a job, and lets them go on in the MULTI that ends it. Here one
    # more comes in between.
    quiet = Queue("quiet", connection=store)
    parent = quiet.enqueue(jobs.add, 1, 2)
    early = quiet.enqueue(jobs.add, 3, depends_on=parent)
    late, attempts = [], []
    fetch = Job.fetch_many.__func__

    def fetch_and_add(cls, job_ids, *arguments, **options):
        found = fetch(cls, job_ids, *arguments, **options)
        if early.id in [rq.utils.as_text(job_id) for job_id in job_ids]:
            attempts.append(len(found))
            if len(attempts) == 1:
                late.append(Queue("quiet", connection=server(jobs.STORE)).enqueue(jobs.add, 4, depends_on=parent))
        return found

    Job.fetch_many = classmethod(fetch_and_add)
    try:
        SimpleWorker([quiet], connection=server(jobs.STORE)).work(burst=True, logging_level="ERROR")
    finally:
        Job.fetch_many = classmethod(fetch)
    equal("how many it saw waiting", attempts[:2], [1, 2])
    equal("all have run", [job.return_value() for job in [parent, early, *late]], [3, 3, 4])
    equal("none waits", quiet.deferred_job_registry.count, 0)


@check("WatchError: two processes enqueue dependents while two workers end what they depend on")
def race():
    start("third", "high", "low")
    parents = [low.enqueue(jobs.add, number, job_id=f"parent-{number}") for number in range(8)]
    names = [parent.id for parent in parents]
    enqueuers = [Worker(f"enqueuer-{name}", "rq_enqueuer.py", name, *names) for name in ("ann", "bob")]
    equal("both end well", [enqueuer.wait() for enqueuer in enqueuers], [0, 0])
    wanted = sorted(f"{name} after {parent}".encode() for name in ("ann", "bob") for parent in names)
    eventually("each dependent has run once", lambda: sorted(store.lrange("ran", 0, -1)), wanted)
    eventually("none waits", lambda: (high.count, high.deferred_job_registry.count, low.count), (0, 0, 0))


@check("the places of waiting jobs")
def places():
    idle = Queue("idle", connection=store)
    waiting = [idle.enqueue(jobs.add, number) for number in range(5)]
    urgent = idle.enqueue(jobs.add, 9, at_front=True)
    ids = [urgent.id, *(job.id for job in waiting)]
    equal("the ids", idle.job_ids, ids)
    equal("a part of them", idle.get_job_ids(offset=2, length=2), ids[2:4])
    equal("their places", [idle.get_job_position(job) for job in ids], list(range(6)))
    equal("the place of another", idle.get_job_position("nobody"), None)
    waiting[1].cancel()
    waiting[2].delete()
    equal("what is left", (idle.count, idle.job_ids), (4, [ids[0], ids[1], ids[4], ids[5]]))
    idle.delete(delete_jobs=False)
    holds("the queue is gone", idle.count == 0 and idle not in Queue.all(connection=store))


@check("groups")
def groups():
    group = Group.create(connection=store)
    prepared = [Queue.prepare_data(jobs.add, [number, 1], job_id=f"member-{number}") for number in range(4)]
    members = group.enqueue_many(queue=high, job_datas=prepared)
    equal("the results", [ended(job).return_value for job in members], [1, 2, 3, 4])
    fetched = Group.fetch(group.name, connection=store).get_jobs()
    equal("the members", sorted(job.id for job in fetched), [f"member-{number}" for number in range(4)])


@check("a job is stopped")
def stopping():
    store.delete("told")
    job = high.enqueue(jobs.be_busy, job_id="busy", on_stopped=Callback(jobs.on_stopped))
    eventually("it runs", lambda: JobStatus(job.get_status()), JobStatus.STARTED)
    eventually("its process is known", lambda: job.get_status() and bool(high.started_job_registry.get_job_ids()), True)
    send_stop_job_command(store, job.id)
    ended(job, JobStatus.STOPPED)
    equal("what was told", store.lrange("told", 0, -1), [b"busy was stopped"])


@check("scheduled jobs")
def scheduled():
    at = datetime.now(timezone.utc) + timedelta(seconds=1)
    first = low.enqueue_at(at, jobs.add, 1, 2)
    second = low.enqueue_in(timedelta(hours=1), jobs.add, 3, 4)
    registry = ScheduledJobRegistry("low", connection=store)
    equal("the scheduled", registry.get_job_ids(), [first.id, second.id])
    equal("the time", registry.get_scheduled_time(first), at.replace(microsecond=0))
    equal("the state", JobStatus(first.get_status()), JobStatus.SCHEDULED)
    second.cancel()
    equal("the scheduled after one is cancelled", registry.get_job_ids(), [first.id])
    if VERSION >= (2, 12):
        needs_scripts("since 2.12 a scheduler takes its lock by one")
    start("scheduling", "low", "high", options=["--with-scheduler"])
    equal("its result", ended(first).return_value, 3)
    holds("it ran not before its time", Job.fetch(first.id, connection=store).started_at >= at.replace(microsecond=0))
    again = low.enqueue(jobs.fail_at_first, 1, retry=Retry(max=1, interval=1))
    equal("a retry after a second", ended(again).return_value, 2)
    equal("its status", workers["scheduling"].end(), 0)


@check("a queue is emptied")
def emptying():
    needs_scripts("RQ empties a queue by one")
    idle = Queue("idle", connection=store)
    waiting = [idle.enqueue(jobs.add, number) for number in range(5)]
    equal("how many it had", idle.empty(), 5)
    equal("what is left", (idle.count, store.exists(*(job.key for job in waiting))), (0, 0))


@check("unique jobs")
def unique():
    if VERSION < (2, 8):
        raise NotPossible("this release has none")
    needs_scripts("RQ enqueues a unique job by one")
    from rq.exceptions import DuplicateJobError

    idle = Queue("idle", connection=store)
    idle.enqueue(jobs.add, 1, job_id="only", unique=True)
    try:
        idle.enqueue(jobs.add, 2, job_id="only", unique=True)
    except DuplicateJobError as error:
        raised("a second one", error, DuplicateJobError, "only")
    else:
        raised("a second one", None, DuplicateJobError, "only")
    equal("the jobs", idle.job_ids, ["only"])


@check("workers end")
def workers_end():
    send_shutdown_command(store, "both")
    equal("one that is told so", workers["both"].wait(), 0)
    equal("one that gets a signal", workers["single"].end(), 0)
    workers["third"].end()
    equal("who is left", [found.name for found in rq.Worker.all(store)], [])


run()
