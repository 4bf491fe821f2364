"""One action from many processes at the same moment: what threads of one process can't show, they share its locks.

Each act runs in a process of its own (forked, so nothing is imported again) with a connection of its own; all start
together when every one is connected.
"""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections

from qixia.kernel.errors import DomainError

GATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is "done", the name of the refusal's class, or "crash" with the traceback as value."""

    kind: str
    value: Any


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Outcome]:
    """Run every act in a process of its own; outcomes in the order of `acts`. Values must be plain (pickled)."""
    connections.close_all()  # a connection must not be shared with children
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(len(acts))
    pipes = [context.Pipe(duplex=False) for _ in acts]
    children = [
        context.Process(target=_child, args=(act, gate, theirs), daemon=True)
        for act, (_ours, theirs) in zip(acts, pipes, strict=True)
    ]
    for child in children:
        child.start()
    outcomes = [ours.recv() if ours.poll(GATE_SECONDS) else Outcome("crash", "no answer") for ours, _theirs in pipes]
    for child in children:
        child.join(GATE_SECONDS)
    return outcomes


def _child(act: Callable[[], Any], gate: Any, answer: Any) -> None:
    try:
        connection.ensure_connection()
        gate.wait(GATE_SECONDS)
        outcome = Outcome("done", act())
    except DomainError as refusal:
        outcome = Outcome(type(refusal).__name__, refusal.code)
    except BaseException:
        outcome = Outcome("crash", traceback.format_exc())
    answer.send(outcome)
    connections.close_all()
    os._exit(0)  # the parent's exit handlers (test database, temporary folders) are not ours to run


def kinds(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How often each kind; a crash shows its traceback in the comparison that fails."""
    return Counter(one.value if one.kind == "crash" else one.kind for one in outcomes)
