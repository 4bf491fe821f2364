"""docs/policy/points.md says what the table that ships says."""

import csv
from pathlib import Path

import pytest
import yaml

from qixia.rewards.rules import HoldsPolicy, PointsPolicy

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "policy" / "points.md"
DATA = Path(__file__).parents[1] / "data"


def shipped(name, model):
    return model.model_validate(yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8")))


def titles() -> dict[str, str]:
    (path,) = (ROOT / "qixia" / "codes" / "data").glob("triage-classes.csv")
    with path.open(encoding="utf-8", newline="") as rows:
        return {row["slug"]: row["name_zh"] for row in csv.DictReader(rows)}


def expected() -> list[str]:
    """The page's rows: what, points, most a day, most a week; dearest first."""
    table, names = shipped("points", PointsPolicy), titles()
    lines = [(slug, table.line(slug, names)) for slug, line in table.rules.items() if not line.planned]
    lines.sort(key=lambda pair: -pair[1].points)
    return [f"| {one.title} | {one.points} | {one.day_cap or '—'} | {one.week_cap or '—'} |" for _slug, one in lines]


def test_every_line_of_the_table_stands_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    found = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 5][2:]
    assert found == expected()


@pytest.mark.parametrize(
    "text",
    [
        "每天最多 {day_cap} 分，周一到周日最多 {week_cap} 分",
        "没有单列的类别得 {default_points} 分",
        "位置来自相册里的照片，按 {album}% 算",
        "最多 {days} 天",
        "{appeal_days} 天内",
    ],
)
def test_the_sentences_have_the_tables_figures(text):
    table, holds = shipped("points", PointsPolicy), shipped("holds", HoldsPolicy)
    figures = {**table.model_dump(), **holds.model_dump(), "album": table.qualities["from-album"].percent}
    assert text.format(**figures) in PAGE.read_text(encoding="utf-8")
