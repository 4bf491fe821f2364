"""Where a photo seems to come from: facts against the report, the order of the classes, the index over hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import connection

from qixia.kernel import clock
from qixia.kernel.geo import Point, from_wgs84
from qixia.media import lookalikes, provenance
from qixia.media.models import Evidence
from qixia.media.provenance import Facts, Findings, Odds, Sign, classify, odds, worst
from qixia.media.rules import hash_distance, signed64

NOW = datetime(2026, 11, 3, 6, 30, tzinfo=UTC)
HERE = Facts(24.9, 118.6, 12.0, NOW, NOW + timedelta(minutes=3))
METRE = 1 / 111_195  # degrees of latitude


def local(moment: datetime) -> str:
    return clock.city_time(moment).replace(tzinfo=None).isoformat()


@pytest.mark.parametrize(
    ("metres", "accuracy", "found"),
    [(0, None, "fits"), (149, None, "fits"), (151, None, "odds"), (170, 12.0, "fits"), (180, 12.0, "odds"),
     (400, 150.0, "fits"), (5000, 4000.0, "")],
)  # fmt: skip
def test_a_place_is_at_odds_beyond_what_the_fix_leaves_open(metres: float, accuracy: float | None, found: str):
    said = {"lat": 24.9 + metres * METRE, "lng": 118.6, "datum": "WGS-84"}
    assert odds(said, Facts(24.9, 118.6, accuracy, NOW, NOW)).place == found


def test_a_camera_that_writes_the_chinese_datum_and_does_not_say_so_is_believed():
    lat, lng = (lambda p: (p.lat, p.lng))(from_wgs84(Point(24.9, 118.6), "gcj02"))
    assert odds({"lat": lat, "lng": lng}, HERE).place == "fits"
    assert odds({"lat": lat, "lng": lng, "datum": "GCJ-02"}, HERE).place == "fits"
    assert odds({"lat": lat, "lng": lng, "datum": "WGS-84"}, HERE).place == "odds"


@pytest.mark.parametrize(
    ("minutes", "found"), [(0, "fits"), (29, "fits"), (-29, "fits"), (31, "odds"), (-31, "odds"), (60 * 24 * 9, "odds")]
)
def test_a_time_is_compared_with_the_moment_of_the_report(minutes: int, found: str):
    assert odds({"taken_at": local(NOW - timedelta(minutes=minutes))}, HERE).time == found
    zoned = (NOW - timedelta(minutes=minutes)).isoformat()
    assert odds({"taken_at": zoned}, HERE).time == found


def test_a_draft_may_wait_for_a_connection_but_not_for_days():
    said = {"source": "camera"}
    assert odds(said, Facts(captured_at=NOW, received_at=NOW + timedelta(hours=30))).time == "fits"
    assert odds(said, Facts(captured_at=NOW, received_at=NOW + timedelta(hours=49))).time == "odds"
    assert odds(said, Facts(captured_at=NOW + timedelta(minutes=11), received_at=NOW)).time == "odds"


@pytest.mark.parametrize("said", [{}, {"taken_at": "soon"}, {"taken_at": 7}, {"lat": 24.9}])
def test_without_facts_nothing_is_said(said: dict[str, object]):
    assert odds(said, HERE) == Odds()


def test_what_phone_and_file_say_is_taken_by_the_worse():
    one, other = Odds("fits", "odds", 900.0, 1), Odds("odds", "", None, 9000)
    assert worst(one, other) == Odds("odds", "odds", 900.0, 9000)
    assert worst(Odds(), Odds("fits", "fits", 3.0, 4)) == Odds("fits", "fits", 3.0, 4)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Findings(), "unknown"),
        (Findings("camera", odds=Odds("fits")), "in_app"),
        (Findings("camera"), "unknown"),
        (Findings("album", odds=Odds("fits", "fits")), "album"),
        (Findings("album", odds=Odds("fits", "")), "unknown"),
        (Findings("camera", odds=Odds("fits", "odds")), "at_odds"),
        (Findings("camera", screen=Sign(0.5), odds=Odds("odds")), "screen"),
        (Findings("camera", screenshot=Sign(0.5), screen=Sign(0.9)), "screenshot"),
        (Findings("camera", screenshot=Sign(0.49), screen=Sign(0.49), odds=Odds("fits")), "in_app"),
        (Findings("camera", screenshot=Sign(0.9), reused=True), "reused"),
    ],
)
def test_what_weighs_most_for_a_clerk_comes_first(found: Findings, expected: str):
    assert classify(found) == expected
    assert expected in provenance.CLASSES
    assert len(expected) <= 12


def test_signs_tell_places_and_times_only_roughly():
    signs = provenance.signs(Findings("album", odds=Odds("odds", "odds", 1234.5, 5000)))
    assert (signs["apart_m"], signs["apart_min"]) == (1250, 80)


# ── the index over hashes ───────────────────────────────────────────────────────────────────────────────────────────


def rows_with(hashes: list[int]) -> list[Evidence]:
    return Evidence.objects.bulk_create(
        Evidence(
            owner_ref=f"report:{n}", digest=f"{n:064x}", bytes=1, width=9, height=9, storage_name=f"{n:032x}", phash=h
        )
        for n, h in enumerate(hashes)
    )


def flipped(bits: int, count: int, rng: Random) -> int:
    for bit in rng.sample(range(64), count):
        bits ^= 1 << bit
    return bits


@pytest.mark.django_db
def test_bands_find_whatever_is_up_to_seven_bits_apart(django_assert_num_queries):
    rng = Random(5)
    plain = rng.getrandbits(64)
    near = [signed64(flipped(plain, rng.randrange(8), rng)) for _ in range(200)]
    far = [signed64(rng.getrandbits(64)) for _ in range(300)]
    rows_with([*near, *far, 0, 0])
    with django_assert_num_queries(1):
        found = {phash for _pk, phash in lookalikes.by_bands(signed64(plain))}
    assert found >= set(near)
    assert len(found & set(far)) < 20
    assert max(hash_distance(signed64(plain), phash) for phash in near) == 7


@pytest.mark.django_db
def test_a_featureless_picture_resembles_nothing(django_assert_num_queries):
    rows_with([0, 1, 2])
    with django_assert_num_queries(0):
        assert lookalikes.by_bands(0) == []
    assert {phash for _pk, phash in lookalikes.by_bands(3)} == {1, 2}


@pytest.mark.django_db
def test_both_databases_find_the_bands_by_their_indexes():
    rng = Random(6)
    rows_with([signed64(rng.getrandbits(64)) for _ in range(3000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE media_evidence" if connection.vendor == "postgresql" else "ANALYZE")
    plan = str(lookalikes.explain(signed64(rng.getrandbits(64))))
    for shift in lookalikes.SHIFTS:
        assert f"media_hash_band_{shift}" in plan, plan
    assert "Seq Scan" not in plan
    assert "SCAN media_evidence" not in plan


def test_features_of_more_pictures_are_kept_inside_a_block_only(monkeypatch):
    looked: list[str] = []
    monkeypatch.setattr(lookalikes, "pixels", lambda row, side: looked.append(row) or row)
    monkeypatch.setattr(lookalikes, "features", lambda picture: picture)
    shots = [lookalikes.Shot(f"kept {number}", f"row {number}") for number in range(20)]

    with lookalikes.keeping(20):
        assert [lookalikes.features_of(one) for one in shots * 2] == [one.row for one in shots * 2]
        assert len(looked) == 20
    for one in shots * 2:
        lookalikes.features_of(one)
    assert len(looked) == 60  # outside, fewer are kept than come in between
