"""What the site of the browsers holds before anybody visits: tables, rules, static files, the demo district.

    python -m tests.browser.loading FOLDER     # all of it, whole or not at all

It takes a minute of CPU. `make test` does it once, beside the static checks, and names the folder in QIXIA_TEST_SITE; each
worker's site begins as a copy. Where nothing is named a worker loads for itself. Nothing here needs Django.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from qixia.lab.stage import Stage

DATABASE = "qixia.sqlite3"
# All tests report at one place: each of their reports is to be settled for itself.
MERGE_NOTHING = """
import django
django.setup()
from qixia.policy.queries import current
from qixia.policy.services import publish
rules = current("reports.merging").data.model_dump(mode="json")
publish("reports.merging", rules | {"automatic": False}, note="演示", actor_ref="system:test")
"""


def take_over_or_load(stage: Stage) -> None:
    """With the master key and the pictures of what is loaded already."""
    loaded = os.environ.get("QIXIA_TEST_SITE", "")
    if not loaded or not Path(loaded).is_dir():
        load(stage)
        return
    shutil.copytree(loaded, stage.folder, dirs_exist_ok=True)
    _set_up(stage)


def load(stage: Stage) -> None:
    _set_up(stage)
    stage.migrate()
    stage.run("-m", "qixia.site.cli", "prepare")
    stage.run("-m", "qixia.site.cli", "demo", "--days", "1")
    stage.run("-c", MERGE_NOTHING)


def _set_up(stage: Stage) -> None:
    stage.environment |= {
        "QIXIA_DEMO": "true",
        "QIXIA_BASE_URL": f"http://127.0.0.1:{stage.port}",
        "QIXIA_DATABASE_SYNCHRONOUS": "NORMAL",  # this database survives no power cut: it is deleted afterwards
        "QIXIA_TRAINING_TEXTS_A_CLASS": "6",  # a training of seconds
    }


def main(folder: Path) -> None:
    half = folder.with_suffix(".half")
    load(Stage(f"sqlite:///{half / DATABASE}", half))
    half.rename(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
