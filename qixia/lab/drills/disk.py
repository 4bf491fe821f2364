"""The disk with the pictures fills up, and is given room again. Linux only: a small file system of memory in a mount
namespace of its own (as root, or where unprivileged user namespaces are allowed)."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from qixia.lab.drills.outcome import Outcome, Reporter, nothing_lost, state
from qixia.lab.stage import Program, Stage, StageFailed, tree

ROOM_MB = {"full": 64, "small": 6}
TRIES_WHEN_FULL = 20


def run(stage: Stage, riders: list[dict[str, Any]], size: str) -> Outcome:
    outcome = Outcome.begin("disk", stage)
    media = stage.folder / "var" / "media"
    media.mkdir(parents=True, exist_ok=True)
    program = _serve_on_small_disk(stage, media, ROOM_MB[size])
    inside = _inside(program, media)
    ballast = inside / "ballast"
    ballast.write_bytes(bytes(ROOM_MB[size] * 1024 * 1024 // 2))
    reporter = Reporter(stage, riders, 13)
    while reporter.send(reporter.new()):
        pass
    outcome.promise("507" in reporter.statuses, f"a full disk was said to be {dict(reporter.statuses)}")
    before = len(reporter.receipts)
    for _ in range(TRIES_WHEN_FULL):
        reporter.send(reporter.new())
    seen = dict(reporter.statuses)
    outcome.promise(set(seen) <= {"200", "201", "507"}, f"phones saw {seen}")
    outcome.promise(all("填好的内容还在" in text for text in reporter.texts), f"unclear words: {reporter.texts}")
    ballast.unlink()
    began = time.monotonic()
    reporter.send_all(60.0)
    outcome.figures |= {
        "room_mb": ROOM_MB[size],
        "taken_before_full": before,
        "statuses": seen,
        "all_sent_after_s": round(time.monotonic() - began, 1),
    }
    outcome.promise(not reporter.open, f"{len(reporter.open)} reports did not go out afterwards")
    shutil.copytree(inside, media, dirs_exist_ok=True)  # the checks run outside of the namespace
    outcome.promise(state(stage)["parts"] == 0, "temporary files stayed behind")
    nothing_lost(outcome, stage, [reporter])
    return outcome


def _serve_on_small_disk(stage: Stage, media: Path, megabytes: int) -> Program:
    """`qixia serve` with the picture folder on a file system of its own that nobody else sees."""
    mount = f'mount -t tmpfs -o size={megabytes}m,mode=700 tmpfs "$0" && exec "$@"'
    own = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        raise StageFailed("this machine allows no mount namespaces (needs root or unprivileged user namespaces)")
    serve = ["-m", "qixia.site.cli", "serve", "--port", str(stage.port)]
    program = stage.start(*serve, before=[*own, "sh", "-c", mount, str(media)])
    stage.wait_ready(program)
    return program


def _inside(program: Program, media: Path) -> Path:
    """The folder as the program sees it."""
    return Path(f"/proc/{tree(program.pid)[-1]}/root") / media.relative_to("/")
