"""The code of the release before runs on the schema of this one: servers are upgraded one after the other.

The database is migrated by this code; then the older code builds its town, serves, takes reports in with its own client,
settles and pays them, and finds its books sound. There is no release yet, so the runner is proven on the current commit;
from the first one on (named in CHANGELOG.md, with its tag) it runs on that, and a clone without the tag fails.
Both run with the packages of this release.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qixia.lab.stage import Stage, StageFailed
from tests.operations import releases
from tests.operations.conftest import MakeStage
from tests.operations.test_backup import ask

REPORTS = 4
pytestmark = [pytest.mark.slow, pytest.mark.both, pytest.mark.timeout(400)]


def smoke(commit: str, place: Stage, folder: Path) -> None:
    """Let the code of `commit` work on a database that this code has migrated."""
    place.migrate()
    code = releases.check_out(commit, folder)
    place.environment |= {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(code)}  # the older code, wherever we stand
    assert Path(place.run("-c", "import qixia.site; print(qixia.site.__file__)").strip()).is_relative_to(code)
    riders = place.run("-m", "qixia.site.cli", "lab_town", "--riders", "2").strip()
    server = place.serve()
    receipts = report(place, riders)
    wait_until_settled(place)
    states = dict(ask(place, "SELECT public_id, state FROM reports_report"))
    assert {states[receipt] for receipt in receipts} == {"dispatched"}
    assert ask(place, "SELECT count(*) FROM jobs_job WHERE quarantined_at IS NOT NULL") == [(0,)]
    assert json.loads(place.run("-m", "qixia.site.cli", "rewards", "audit"))["sound"] is True
    server.stop()


def report(place: Stage, riders: str) -> list[str]:
    """With the older code's own client."""
    command = [sys.executable, "-m", "qixia.lab.clients", "--port", str(place.port), "--clients", "2"]
    done = subprocess.run(
        [*command, "--reports", str(REPORTS)],
        env=place.environment,
        input=f"{riders}\ngo\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["errors"] == []
    assert len(answer["receipts"]) == REPORTS
    return list(answer["receipts"])


def wait_until_settled(place: Stage, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while ask(place, "SELECT count(*) FROM reports_report WHERE state = 'received'") != [(0,)]:
        assert time.monotonic() < until, ask(place, "SELECT name, attempts, last_error FROM jobs_job")
        time.sleep(0.2)


def current_commit() -> str:
    return releases._git("rev-parse", "HEAD").stdout.strip()


def test_the_release_before_runs_on_this_schema(make_stage: MakeStage, tmp_path: Path) -> None:
    commit = releases.last_release()
    if commit is None:
        assert (
            releases.released() == []
        )  # there is no release yet: the runner shows on the current commit that it works
        commit = current_commit()
    smoke(commit, make_stage("older"), tmp_path)


def test_the_runner_sees_a_schema_that_the_older_code_cannot_use(make_stage: MakeStage, tmp_path: Path) -> None:
    """A column of which the older code knows nothing and that it can't leave out: what the lint calls `required`."""
    place = make_stage("broken")
    place.migrate()
    kind = "TEXT NOT NULL" if not place.url.startswith("sqlite") else "TEXT NOT NULL CHECK (news != '') DEFAULT ''"
    ask(place, f"ALTER TABLE jobs_event ADD COLUMN news {kind}")
    with pytest.raises((AssertionError, StageFailed), match=r"500|IntegrityError|NotNullViolation"):
        smoke(current_commit(), place, tmp_path)


class TestReleases:
    def test_a_clone_without_the_tag_is_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(releases, "released", lambda: ["99.0.0", "0.1.0"])
        with pytest.raises(releases.NoSuchRelease, match=r"names v99\.0\.0, which this clone lacks: git fetch --tags"):
            releases.last_release()

    def test_what_the_change_log_calls_a_release(self) -> None:
        text = "# Changelog\n\n## Unreleased\n\n### 9.9.9\n\n## 0.2.0 (2027-01-01)\n\n## v0.1.0\n"
        assert releases._HEADING.findall(text) == ["0.2.0", "0.1.0"]
