"""Acts in a process that is killed at a named moment (kernel/faults.py), one act after the other.

The process is forked, so nothing is imported again, with a connection of its own. What it was told before it died is what
a person was told: that must be there afterwards, whole, and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, connections

from qixia.kernel import faults
from qixia.kernel.config import get_config

ANSWER_SECONDS = 60


def until_killed(acts: Sequence[Callable[[], Any]], *, at: str) -> list[Any]:
    """What the acts answered until the process died at `at` ("name:n", the n-th time it comes by). It has to die there."""
    connections.close_all()  # a connection must not be shared with children
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(acts, at, theirs), daemon=True)
    child.start()
    theirs.close()
    answers: list[Any] = []
    try:
        while ours.poll(ANSWER_SECONDS):
            answers.append(ours.recv())
    except EOFError:
        pass
    child.join(ANSWER_SECONDS)
    assert child.exitcode == -signal.SIGKILL, (child.exitcode, answers)
    return answers


def _child(acts: Sequence[Callable[[], Any]], at: str, answer: Any) -> None:
    get_config().lab_kill_at = at
    faults._armed.cache_clear()
    try:
        connection.ensure_connection()
        for act in acts:
            answer.send(act())
    except BaseException:
        answer.send(traceback.format_exc())
    os._exit(0)  # it should have died; the parent's exit handlers are not ours to run
