"""The moments of death: armed for real in a process of their own, and never in production."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = "from qixia.kernel.faults import kill_point\nfor n in range(5): print(n, flush=True); kill_point('here')"


@pytest.mark.parametrize(
    ("settings", "code", "passed"),
    [
        ({"QIXIA_LAB_KILL_AT": "here:3"}, -signal.SIGKILL, 3),
        ({"QIXIA_LAB_KILL_AT": "there:1"}, 0, 5),
        ({"QIXIA_LAB_KILL_AT": ""}, 0, 5),
        ({"QIXIA_LAB_KILL_AT": "here:3", "QIXIA_MODE": "production"}, 0, 5),
    ],
)
def test_a_process_dies_at_the_armed_moment_only(settings, code, passed):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **settings}, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, len(done.stdout.split())) == (code, passed)
