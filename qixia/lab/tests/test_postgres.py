"""A real server, started and left in every way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from qixia.lab.postgres import PostgreSQL, StartFailed


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])


def test_it_serves_and_leaves_nothing():
    with PostgreSQL() as server:
        folder, pid = server.folder, server.pid
        assert setting(server.url, "fsync") == "off"
        assert folder.is_dir()
    assert not folder.exists()
    assert not is_alive(pid)


def test_a_bench_gets_a_careful_one():
    with PostgreSQL(fsync=True, settings={"max_connections": "17"}) as server:
        assert setting(server.url, "fsync") == "on"
        assert setting(server.url, "synchronous_commit") == "on"
        assert setting(server.url, "max_connections") == "17"


def test_a_refusal_to_start_says_why_and_leaves_nothing():
    server = PostgreSQL(settings={"no_such_setting": "1"})
    with pytest.raises(StartFailed, match="no_such_setting"):
        server.start()
    assert server.folder.name.startswith("qixia-pg-")
    assert not server.folder.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_goes_when_its_user_is_killed(number):
    program = "from qixia.lab.postgres import *; s = PostgreSQL(); s.start(); print(s.pid, s.folder, flush=True); import time; time.sleep(60)"
    user = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    pid, folder = user.stdout.readline().split()
    user.send_signal(number)
    user.wait()
    user.stdout.close()
    wait_for(lambda: not is_alive(int(pid)) and not Path(folder).exists())


def test_the_server_goes_when_its_guardian_is_killed():
    server = PostgreSQL()
    server.start()
    assert server._guardian is not None
    os.kill(server._guardian.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(server.pid))
    server.stop()
    subprocess.run(["rm", "-rf", str(server.folder)], check=True)


def test_one_command_with_a_database():
    done = subprocess.run(
        [sys.executable, "-m", "qixia.lab.postgres", "--", "sh", "-c", "echo $QIXIA_DATABASE_URL; exit 7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert done.stdout.startswith("postgresql://postgres@127.0.0.1:")
