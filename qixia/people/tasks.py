"""Repeated work of people."""

from __future__ import annotations

from qixia.jobs.registry import every
from qixia.kernel import clock
from qixia.people.services import sign_in


@every("people.forget_old", hours=6)
def forget_old() -> None:
    sign_in.forget_old(now=clock.now())
