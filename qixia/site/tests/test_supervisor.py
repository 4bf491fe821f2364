"""With real processes: what starts again, what stops, what is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qixia.site import supervisor

# A supervisor over two stand-ins: each notes its process id and sleeps, the first with a child of its own.
PROGRAM = """
import sys
from qixia.site.supervisor import Child, Supervisor
folder = sys.argv[1]
note = "import os, pathlib, time, subprocess, sys;"
note += "print(os.getpid(), file=open(sys.argv[1] + '/' + sys.argv[2], 'a'), flush=True);"
parent = note + "subprocess.Popen([sys.executable, '-c', sys.argv[3], sys.argv[1], 'grandchild']) if len(sys.argv) > 3 else 0;"
sleep = "time.sleep(60)"
first = [sys.executable, "-c", parent + sleep, folder, "first", note + sleep]
second = [sys.executable, "-c", note + sleep, folder, "second"]
children = [Child("first", first, None), Child("second", second, None)]
ready = lambda: print("ready", flush=True)
sys.exit(Supervisor(children, is_ready=lambda: True, on_ready=ready).run())
"""


def pids(folder: Path, name: str) -> list[int]:
    path = folder / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
    wait_for(lambda: all(pids(tmp_path, name) for name in ("first", "second", "grandchild")))
    yield process
    process.kill()
    process.wait()


def test_a_killed_child_is_started_again_and_its_own_children_are_ended(running, tmp_path):
    old, grandchild = pids(tmp_path, "first")[0], pids(tmp_path, "grandchild")[0]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: len(pids(tmp_path, "first")) == 2)
    assert not is_alive(old)
    assert not is_alive(grandchild)
    assert len(pids(tmp_path, "second")) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(running, tmp_path, number):
    running.send_signal(number)
    assert running.wait(timeout=20) == 0
    wait_for(
        lambda: not any(is_alive(pid) for name in ("first", "second", "grandchild") for pid in pids(tmp_path, name))
    )


def test_children_follow_a_killed_supervisor(running, tmp_path):
    running.kill()
    running.wait()
    wait_for(lambda: not any(is_alive(pid) for name in ("first", "second") for pid in pids(tmp_path, name)))


def test_what_can_never_start_is_given_up():
    child = supervisor.Child("broken", [sys.executable, "-c", "raise SystemExit(3)"], None)
    program = supervisor.Supervisor([child], is_ready=lambda: False, on_ready=lambda: None)
    child.failures = supervisor.GIVE_UP_AFTER - 1
    child.start()
    wait_for(child.has_ended)
    assert program._look_after(child) is False


def test_pauses_grow_and_a_long_life_is_forgiven():
    child = supervisor.Child("short", [sys.executable, "-c", "pass"], None)
    pauses = []
    for _ in range(3):
        child.start()
        wait_for(child.has_ended)
        child.bury()
        pauses.append(round(child.not_before - time.monotonic(), 1))
    assert pauses == [0.5, 1.0, 2.0]
    child.start()
    wait_for(child.has_ended)
    child.started -= supervisor.STABLE_SECONDS + 1
    child.bury()
    assert child.failures == 0


def test_the_table_of_sign_ins_lines_up(tmp_path):
    path = tmp_path / "sign-ins.json"
    path.write_text(json.dumps([{"who": "骑手", "with": "13900000001"}, {"who": "admin", "with": "x"}]))
    head, rule, first, second, _empty = supervisor._sign_ins(path)
    assert head.index("with") == second.index("x") == 9
    assert first == "  骑手   13900000001"
    assert rule == "  ─────  ───────────"
    assert supervisor._sign_ins(tmp_path / "none.json") == []
