"""Background work of triage: trainings and trials. Their priority leaves them to the learning worker.

A training runs in a process of its own: what trains takes seconds to load and much memory, and gives both back. A trial
is one job a batch.
"""

from __future__ import annotations

import logging
import subprocess
import sys

from qixia.jobs.registry import Call, every, task
from qixia.triage import services

log = logging.getLogger("qixia.triage")

MOST_TRIES = 2  # a training that twice took its worker down is given up
LONGEST_S = 3600


@task("triage.train", batch=1)
def train(calls: list[Call]) -> None:
    for call in calls:
        run = call.args["run"]
        if call.attempt > MOST_TRIES:
            services.fail_run(run=run, fault="killed")
            continue
        command = [sys.executable, "-m", "qixia.site.cli", "triage", "train", "--from-corrections", "--run", run]
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=LONGEST_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
        if code:
            log.error("training failed", extra={"run": run, "code": code})
            services.fail_run(run=run, fault="training")


@every("triage.count_figures", hours=1, priority=-5)
def count_figures() -> None:
    services.count_figures()


@task("triage.shadow", batch=1)
def shadow(calls: list[Call]) -> None:
    for call in calls:
        services.try_batch(run=call.args["run"])
