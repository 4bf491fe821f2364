"""In which order tests run, and which of them one worker of pytest-xdist takes at a stretch.

What is marked `slow` comes first, each test for itself: begun last, it would keep one worker busy while the other idles.
The others follow file by file, those that stand on one ground (tests/standing.py) together, in handfuls of one worker.
`--no-loadscope-reorder` keeps the order (scripts/test.py).
"""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.standing import GROUNDS

HANDFUL = 60


def arrange(items: list[pytest.Item]) -> None:
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(
        key=lambda item: (_is_long(item) is False, files[item.path], commits(item), str(GROUNDS.wanted_by(item)))
    )


def hand_out(items: list[pytest.Item]) -> None:
    """Name the handful of each test. A group that a test names itself stays."""
    quick = [item for item in items if not _is_long(item) and item.get_closest_marker("xdist_group") is None]
    for path, found in groupby(quick, key=lambda item: item.path):
        for number, item in enumerate(found):
            item.add_marker(pytest.mark.xdist_group(f"{path.parent.parent.name}-{path.stem}-{number // HANDFUL}"))


def commits(item: pytest.Item) -> bool:
    """Whether a test's rows are committed, so that all tables are emptied after it."""
    marker = item.get_closest_marker("django_db")
    by_fixture = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(by_fixture) or (marker is not None and bool(marker.kwargs.get("transaction")))


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None
