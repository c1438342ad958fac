"""Enqueues jobs that depend on others, beside rq_program.py and its likes:
rq_enqueuer.py NAME PARENT..., where NAME stands before what the jobs note in the list `ran`.
"""

import sys

import rq_jobs
from rq import Queue

name, parents = sys.argv[1], sys.argv[2:]
queue = Queue("high", connection=rq_jobs.store())
for parent in parents:
    queue.enqueue(rq_jobs.note, "ran", f"{name} after {parent}", depends_on=[parent], job_id=f"{name}-{parent}")
