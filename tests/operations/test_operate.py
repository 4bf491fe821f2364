"""docs/operate.md is run as it stands: every block marked `tested`, in order, in one shell after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from qixia.kernel.config import PROJECT_DIR
from tests.operations.conftest import MakeStage
from tests.operations.test_backup import ask

PAGE = PROJECT_DIR / "docs" / "operate.md"
TESTED = re.compile(r"^```console tested\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANY = re.compile(r"^```console.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
pytestmark = [pytest.mark.slow, pytest.mark.both, pytest.mark.timeout(400)]


def test_the_page_is_true(make_stage: MakeStage, tmp_path: Path) -> None:
    place = make_stage("operate")
    (place.folder / "var" / "keys" / "master.key").unlink()  # the first command makes it
    backups, commands = tmp_path / "backups", tmp_path / "bin"
    backups.mkdir()
    commands.mkdir()
    command = commands / "qixia"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m qixia.site.cli "$@"\n')
    command.chmod(0o755)
    environment = place.environment | {"BACKUPS": str(backups), "PATH": f"{commands}:{place.environment['PATH']}"}
    blocks = TESTED.findall(PAGE.read_text())
    assert len(blocks) == 5
    for block in blocks:
        done = subprocess.run(
            ["sh", "-eu", "-c", block], env=environment, capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
    assert ask(place, "SELECT username, display_name FROM people_person") == [("boss", "值班长")]
    assert ask(place, "SELECT role FROM people_rolegrant") == [("admin",)]
    assert len(list((place.folder / "var" / "keys" / "old").glob("*.key"))) == 1
    assert len(list(backups.iterdir())) == 2
    again = subprocess.run(
        [str(command), "first-admin", "other"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        input="x\n",
    )
    assert (again.returncode, again.stderr.strip()) == (
        1,
        "CommandError: There is an administrator already, who can make others.",
    )
    key = subprocess.run([str(command), "make-key"], env=environment, capture_output=True, text=True, check=False)
    assert key.returncode == 1
    assert "is there already" in key.stderr


def test_every_command_of_the_page_exists() -> None:
    named = {
        name.replace("-", "_")
        for block in ANY.findall(PAGE.read_text())
        for name in re.findall(r"^(?:.*\| )?qixia ([a-z-]+)", block, re.MULTILINE)
    }
    named |= {name.replace("-", "_") for name in re.findall(r"`qixia ([a-z-]+)", PAGE.read_text())}
    there = {path.stem for path in (PROJECT_DIR / "qixia").glob("*/management/commands/*.py")} | {"make_key", "check"}
    assert named - there == set()


def test_every_file_of_deploy_that_the_page_names_exists() -> None:
    for name in re.findall(r"\bdeploy/[\w./-]*\w", PAGE.read_text()):
        assert (PROJECT_DIR / name).exists(), name
