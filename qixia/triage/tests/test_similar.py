"""Reports that are remembered are found again, by one statement, and closed ones are recurrences."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qixia.audit import retention
from qixia.codes.services import load_reference
from qixia.policy import queries as policy
from qixia.policy.services import publish
from qixia.triage import active, candidates, queries, services
from qixia.triage.candidates import Says, photo_number, similar_many
from qixia.triage.duplicates.rules import DUPLICATES, shipped_rules
from qixia.triage.models import Fingerprint
from qixia.triage.nearby import NEAREST, rows_near
from qixia.triage.queries import Seen

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
RULES = shipped_rules()
METRE = 1 / 111_195


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    load_reference()
    policy.forget()
    # The words of the lexicon do for these tests, and are read a hundred times faster.
    monkeypatch.setattr(active, "model", lambda: None)


def seen(ref: str = "report:new", words: str = "铁盖子翘起来 一压哐当响", north_m: float = 0.0, **more: Any) -> Seen:
    known: dict[str, Any] = {"accuracy_m": 15.0, "at": NOW, "cls": "manhole"}
    return Seen(ref, 24.90 + north_m * METRE, 118.60, words=words, **{**known, **more})


def found(new: Seen, **more: Any) -> list[queries.Candidate]:
    return queries.similar(new, **{"now": NOW, **more})


def remember(*items: Seen) -> None:
    services.remember_many(items)


class TestFinding:
    def test_the_same_hazard_in_other_words(self) -> None:
        remember(seen("report:a", "井盖松动 骑过去响", 20, at=NOW - timedelta(hours=5)))
        [one] = found(seen())
        assert (one.ref, one.verdict, one.is_open) == ("report:a", "same", True)
        assert one.distance_m == pytest.approx(20, abs=0.1)
        assert one.minutes_apart == 300
        assert RULES.merge <= one.score <= 1

    def test_signs_say_why_in_words(self) -> None:
        remember(seen("report:a", "3号楼东门井盖松动", 20))
        [one] = found(seen(words="东门铁盖子翘起来"))
        labels = {sign.kind: sign.label for sign in one.signs}
        assert labels["distance"] == "相距 20 米"
        assert labels["floor"] == "楼号、楼层或门相同"
        assert labels["class"] == "类别：井盖缺失破损移位"

    def test_signs_are_facts_and_worded_for_who_reads(self) -> None:
        remember(seen("report:a", "3号楼东门井盖松动", 20))
        [one] = found(seen(words="东门铁盖子翘起来"))
        facts = {sign.kind: (sign.says, sign.about) for sign in one.signs}
        assert facts["class"] == ("class", ("manhole",))
        assert facts["floor"] == ("detail_same", ())
        with override("en"):
            labels = {sign.kind: sign.label for sign in one.signs}
        assert not any("\u4e00" <= char <= "\u9fff" for label in labels.values() for char in label), labels

    @pytest.mark.parametrize("says", get_args(Says))
    def test_every_sign_has_words(self, says: str) -> None:
        assert queries.sign_label(says, 0.5, ("manhole",))
        assert queries.sign_label("unheard-of", 0.5, ()) == ""

    @pytest.mark.parametrize(
        "other",
        [
            seen("report:a", north_m=RULES.radius_m + 5),
            seen("report:a", "路灯不亮", cls="streetlight", north_m=100),
            seen("report:a", at=NOW - timedelta(days=RULES.days_open, minutes=1)),
        ],
    )
    def test_what_is_far_other_or_old_is_not_shown(self, other: Seen) -> None:
        remember(other)
        assert found(seen()) == []

    def test_a_report_is_not_like_itself(self) -> None:
        remember(seen("report:new"))
        assert found(seen("report:new")) == []

    def test_the_best_come_first_and_no_more_than_asked(self) -> None:
        remember(*(seen(f"report:{metres}", north_m=metres) for metres in (60, 5, 40, 50)))
        assert [one.ref for one in found(seen(), limit=2)] == ["report:5", "report:40"]

    def test_a_batch_finds_what_each_alone_finds(self) -> None:
        remember(*(seen(f"report:{n}", north_m=n * 25) for n in range(8)))
        asked = [seen(f"report:{n}", north_m=n * 25) for n in range(8)]
        assert similar_many(asked, limit=5, now=NOW) == [found(one) for one in asked]

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.floats(-80, 80), st.floats(-179.9, 179.9), st.floats(0, 0.99), st.floats(0, math.tau))
    def test_cells_miss_nothing_inside_the_radius(self, lat: float, lng: float, part: float, turn: float) -> None:
        Fingerprint.objects.all().delete()
        metres = part * RULES.radius_m
        north, east = metres * math.cos(turn) * METRE, metres * math.sin(turn) * METRE / math.cos(math.radians(lat))
        place = {"accuracy_m": None, "at": NOW, "words": "x", "cls": ""}
        remember(Seen("report:a", lat + north, lng + east, **place))
        assert [row.ref for row in rows_near([Seen("report:b", lat, lng, **place)], RULES, NOW)[0]] == ["report:a"]


class TestClosing:
    def test_after_the_closing_it_is_a_recurrence(self) -> None:
        remember(seen("report:a", at=NOW - timedelta(days=3)))
        services.set_closed("report:a", NOW - timedelta(days=1))
        [one] = found(seen())
        assert (one.verdict, one.is_open) == ("recurrence", False)

    def test_seen_before_the_closing_it_is_still_the_same(self) -> None:
        remember(seen("report:a", at=NOW - timedelta(days=3)))
        services.set_closed("report:a", NOW - timedelta(minutes=10))
        [one] = found(seen(at=NOW - timedelta(minutes=20)))
        assert (one.verdict, one.is_open) == ("same", False)

    def test_opened_again_it_is_the_same_again(self) -> None:
        remember(seen("report:a", at=NOW - timedelta(days=3)))
        services.set_closed("report:a", NOW - timedelta(days=1))
        services.set_closed("report:a", None)
        assert [one.verdict for one in found(seen())] == ["same"]

    def test_long_closed_is_nothing_any_more(self) -> None:
        remember(seen("report:a", at=NOW - timedelta(days=200)))
        services.set_closed("report:a", NOW - timedelta(days=RULES.days_recurrence, minutes=1))
        assert found(seen()) == []

    def test_open_ones_stand_before_recurrences(self) -> None:
        remember(seen("report:old", north_m=1), seen("report:open", north_m=45))
        services.set_closed("report:old", NOW - timedelta(days=1))
        assert [one.ref for one in found(seen())] == ["report:open", "report:old"]


class TestRemembering:
    def test_again_changes_what_is_known_but_not_the_closing(self) -> None:
        remember(seen("report:a"))
        services.set_closed("report:a", NOW)
        remember(seen("report:a", cls="drain", north_m=30), seen("report:a", cls="sewage", north_m=40))
        row = Fingerprint.objects.get()
        assert (row.cls, row.closed_at) == ("sewage", NOW)
        assert row.lat == pytest.approx(24.90 + 40 * METRE)

    def test_forgotten_is_gone_and_strangers_are_nothing(self) -> None:
        remember(seen("report:a"))
        services.forget("report:b")
        services.set_closed("report:b", NOW)
        assert Fingerprint.objects.filter(closed_at=None).count() == 1
        services.forget("report:a")
        assert not Fingerprint.objects.exists()

    def test_nothing_is_remembered_of_nobody(self) -> None:
        remember()
        assert similar_many([], limit=5, now=NOW) == []

    def test_no_words_are_stored(self) -> None:
        remember(seen("report:a", "泉安路铁盖子翘起来", floor="丁字楼"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM triage_fingerprint")
            stored = b"".join(
                bytes(x) if isinstance(x, bytes | memoryview) else str(x).encode() for x in cursor.fetchone()
            )
        assert not any(word.encode() in stored for word in ("泉安", "铁盖", "翘起", "丁字"))

    @pytest.mark.parametrize(
        ("given", "kept"),
        [(None, None), ("", None), (5, 5), (-5, -5), ("ffffffffffffffff", -1), ("000000000000000a", 10)],
    )
    def test_hashes_of_pictures_come_in_two_forms(self, given: str | int | None, kept: int | None) -> None:
        assert photo_number(given) == kept
        remember(seen("report:a", photo_hash=given))
        assert Fingerprint.objects.get().photo_hash == kept

    def test_rows_of_another_kind_of_marks_are_passed_over(self) -> None:
        remember(seen("report:a"))
        Fingerprint.objects.update(marks=b"\x63old")
        assert found(seen()) == []

    def test_the_old_are_purged(self) -> None:
        remember(seen("report:a", at=NOW - timedelta(days=800)), seen("report:b"))
        kind = next(kind for kind in retention.kinds() if kind.name == "fingerprints")
        assert kind.purge(NOW - timedelta(days=kind.days), 10) == 1
        assert Fingerprint.objects.get().ref == "report:b"


class TestCost:
    @pytest.mark.parametrize("count", [1, NEAREST + 30])
    def test_one_statement_however_many_are_near(self, count: int, django_assert_num_queries) -> None:
        publish(DUPLICATES, RULES.model_dump(), note="x", actor_ref="system:test")
        remember(*(seen(f"report:{n}", north_m=n % 90) for n in range(count)))
        found(seen())
        with django_assert_num_queries(1):
            assert found(seen())
        with django_assert_num_queries(1):
            similar_many([seen(f"report:new-{n}") for n in range(20)], limit=5, now=NOW)

    def test_remembering_a_batch_is_one_statement(self) -> None:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            remember(*(seen(f"report:{n}") for n in range(30)))
        assert len([one for one in asked if "triage_fingerprint" in one["sql"]]) == 1

    def test_each_part_has_an_index_of_its_own(self) -> None:
        remember(*(seen(f"report:{n}", north_m=n) for n in range(30)))
        with CaptureQueriesContext(connection) as asked:
            rows_near([seen()], RULES, NOW)
        sql = next(one["sql"] for one in asked if "triage_fingerprint" in one["sql"])
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # thirty rows it would rather read one by one
                cursor.execute("DROP INDEX triage_print_at")  # thirty of one day: as good, there
                cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + sql)
            plan = str(cursor.fetchall())
        assert "triage_print_open" in plan
        assert "triage_print_closed" in plan


class TestPolicy:
    def test_published_thresholds_count(self) -> None:
        remember(seen("report:a", north_m=20))
        publish(DUPLICATES, RULES.model_dump() | {"merge": 1.0}, note="x", actor_ref="system:test")
        assert [one.verdict for one in found(seen())] == ["ask"]

    @pytest.mark.parametrize(
        "change", [{"ask": 0.9, "merge": 0.8}, {"merge": 1.5}, {"radius_m": 5000}, {"days_open": 0}]
    )
    def test_nonsense_is_refused_and_changes_nothing(self, change: dict[str, Any]) -> None:
        with pytest.raises(Exception, match="规则内容有误"):
            publish(DUPLICATES, RULES.model_dump() | change, note="x", actor_ref="system:test")
        assert candidates.rules_in_force() == RULES
