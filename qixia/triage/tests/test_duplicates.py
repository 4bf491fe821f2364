"""Whether two reports are the same matter: details, marks, features, scores, verdicts. Without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qixia.kernel.geo import Point
from qixia.triage.duplicates import details as details_module
from qixia.triage.duplicates.details import Kind, details
from qixia.triage.duplicates.features import FEATURES, Side, compare
from qixia.triage.duplicates.marks import BadMarks, Marks
from qixia.triage.duplicates.reading import Told, marks_of, read_shipped, with_decision
from qixia.triage.duplicates.rules import decide, shipped_rules
from qixia.triage.duplicates.score import SIGNS, Weights, shipped

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
HERE = Point(24.90, 118.60)
METRE = 1 / 111_195
RULES = shipped_rules()


def at(north_m: float) -> Point:
    return Point(HERE.lat + north_m * METRE, HERE.lng)


def side(marks: Marks, place: Point = HERE, **more: object) -> Side:
    return Side(marks, place, **{"accuracy_m": None, "when": NOW, **more})  # type: ignore[arg-type]


def values(text: str, kind: Kind, floor: str = "") -> set[str]:
    return {detail.value for detail in details(text, floor) if detail.kind is kind}


class TestDetails:
    @pytest.mark.parametrize(
        ("text", "kind", "expected"),
        [
            ("3号楼楼下路灯不亮", Kind.BUILDING, {"3"}),
            ("三栋门口", Kind.BUILDING, {"3"}),
            ("十四号楼门厅", Kind.BUILDING, {"14"}),
            ("b座墙皮往下掉", Kind.BUILDING, {"b"}),
            ("2单元电梯停了", Kind.UNIT, {"2"}),
            ("五楼楼道全是杂物", Kind.FLOOR, {"5"}),
            ("3号楼", Kind.FLOOR, set()),
            ("负一楼坡道", Kind.FLOOR, {"b1"}),
            ("地下一层停放区", Kind.FLOOR, {"b1"}),
            ("b1入口坡道", Kind.FLOOR, {"b1"}),
            ("积了一层灰", Kind.FLOOR, set()),
            ("东门外面", Kind.GATE, {"东"}),
            ("小区后门", Kind.GATE, {"后"}),
            ("2号门", Kind.GATE, {"2"}),
            ("地铁b出口", Kind.EXIT, {"b"}),
            ("4号电梯不动了", Kind.NUMBER, {"4"}),
            ("前面还有一个井盖", Kind.OTHER, {"还有一"}),
            ("马路对面", Kind.ACROSS, {"对面"}),
            ("那个铁盖子不平", Kind.OBJECT, {"井盖"}),
            ("垃圾桶旁边丢了个旧沙发", Kind.OBJECT, {"旧家具"}),
            ("垃圾桶旁边丢了个旧沙发", Kind.LANDMARK, {"垃圾桶"}),
            ("配电箱里面", Kind.OBJECT, {"配电箱"}),
            ("", Kind.OBJECT, set()),
        ],
    )
    def test_what_a_text_names(self, text: str, kind: Kind, expected: set[str]) -> None:
        assert values(text, kind) == expected

    @pytest.mark.parametrize("floor", ["5", "5楼", "5F", "五楼"])
    def test_the_field_for_the_floor_counts_too(self, floor: str) -> None:
        assert values("楼道堆物", Kind.FLOOR, floor.lower()) == {"5"}

    def test_no_pattern_is_open_ended(self) -> None:
        long = "3" * 5000 + "号" * 5000
        assert details(long) is not None
        assert all("*" not in pattern.pattern and "+" not in pattern.pattern for _, pattern in details_module._PATTERNS)


class TestMarks:
    def test_they_survive_their_bytes(self) -> None:
        [found] = marks_of([Told("3号楼东门铁盖子翘起来 骑过去哐当响", "2楼")], None)
        assert Marks.from_bytes(found.to_bytes()) == replace(
            found, classes=tuple((slug, round(chance * 255) / 255) for slug, chance in found.classes)
        )

    def test_they_are_small_and_hold_no_words(self) -> None:
        words = "泉安路东门铁盖子翘起来"
        data = read_shipped([words])[0].to_bytes()
        assert len(data) < 640
        assert not any(words[i : i + 2].encode() in data for i in range(len(words) - 1))

    @pytest.mark.parametrize(
        "data", [b"", b"\x01", b"\x02\x00\x00", b"\x01\x01\x00", b"\x01\x00\x05abc", b"\xff" * 999]
    )
    def test_other_bytes_are_refused(self, data: bytes) -> None:
        with pytest.raises(BadMarks):
            Marks.from_bytes(data)

    @given(st.binary(max_size=500))
    def test_no_bytes_do_anything_else(self, data: bytes) -> None:
        try:
            Marks.from_bytes(data)
        except BadMarks:
            pass

    def test_a_decision_outweighs_words(self) -> None:
        found = with_decision({"drain": 0.9, "manhole": 0.1}, "sewage")
        assert max(found, key=lambda slug: found[slug]) == "sewage"
        assert sum(found.values()) == pytest.approx(1)
        assert with_decision({}, "sewage") == {"sewage": 1.0}


CLASSES = st.lists(
    st.tuples(st.sampled_from(["manhole", "drain", "lift", "sewage", "litter"]), st.floats(0, 1)),
    max_size=3,
    unique_by=lambda item: item[0],
).map(lambda items: tuple((slug, chance / max(1.0, sum(c for _, c in items))) for slug, chance in items))
TOKENS = st.dictionaries(
    st.sampled_from([int(kind) for kind in Kind]), st.frozensets(st.integers(0, 3), min_size=1), max_size=5
)
MARKS = st.builds(Marks, CLASSES, TOKENS, st.sampled_from([b"", bytes(range(192)) * 2, bytes(384)]))
ACCURACY = st.none() | st.floats(1, 500)


class TestScores:
    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(MARKS, MARKS, ACCURACY, ACCURACY, st.floats(0, 300), st.integers(0, 100_000))
    def test_neither_side_counts_more(self, a, b, sure_a, sure_b, metres, minutes) -> None:
        one = side(a, accuracy_m=sure_a)
        other = side(b, at(metres), accuracy_m=sure_b, when=NOW + timedelta(minutes=minutes))
        assert shipped().score(compare(one, other)) == pytest.approx(shipped().score(compare(other, one)))

    @given(MARKS, MARKS, ACCURACY, st.floats(0, 400), st.floats(0, 400))
    def test_farther_is_never_likelier(self, a, b, sure, metres, more) -> None:
        near, far = (compare(side(a, accuracy_m=sure), side(b, at(m))) for m in (metres, metres + more))
        assert shipped().score(far) <= shipped().score(near) + 1e-9

    @given(MARKS, MARKS, st.integers(0, 80_000), st.integers(0, 80_000))
    def test_longer_ago_is_never_likelier(self, a, b, minutes, more) -> None:
        soon, late = (compare(side(a), side(b, when=NOW + timedelta(minutes=m))) for m in (minutes, minutes + more))
        assert shipped().score(late) <= shipped().score(soon) + 1e-9

    @given(st.floats(0, 1), st.floats(0, 2000))
    def test_never_merged_beyond_the_radius_nor_when_closed(self, score, metres) -> None:
        assert decide(score, metres, RULES, closed_before=True) in ("recurrence", "apart")
        if metres > RULES.radius_m:
            assert decide(score, metres, RULES, closed_before=False) == "apart"

    def test_thresholds_count_from_themselves_on(self) -> None:
        found = [decide(s, 0, RULES, closed_before=False) for s in (RULES.ask - 1e-6, RULES.ask, RULES.merge)]
        assert found == ["apart", "ask", "same"]

    def test_a_vague_position_forgives_metres(self) -> None:
        [marks] = marks_of([Told("井盖没了")], None)
        sure, vague = (compare(side(marks, accuracy_m=m), side(marks, at(90))) for m in (5, 80))
        assert shipped().score(vague) > shipped().score(sure)

    @pytest.mark.parametrize(
        ("a", "b", "is_same"), [(5, 5, 1.0), (5, 7, 1.0), (5, ~5, 0.0), (0, 0, 0.0), (5, None, 0.0)]
    )
    def test_the_same_picture(self, a: int, b: int | None, is_same: float) -> None:
        marks = Marks((), {})
        assert compare(side(marks, photo_hash=a), side(marks, photo_hash=b)).features["photo"] == is_same

    def test_weights_keep_to_their_signs(self) -> None:
        for name, (least, most) in FEATURES.items():
            weight = shipped().weights[name]
            assert least is None or weight >= least, name
            assert most is None or weight <= most, name

    def test_every_feature_is_in_one_sign_for_the_clerk(self) -> None:
        told = [name for names in SIGNS.values() for name in names]
        assert sorted(told) == sorted(FEATURES)

    def test_signs_add_up_to_the_score(self) -> None:
        a, b = marks_of([Told("3号楼电梯坏"), Told("5号楼电梯困人")], None)
        pair, weights = compare(side(a), side(b, at(40))), shipped()
        total = weights.intercept + sum(weights.signs(pair).values())
        assert Weights(total, dict.fromkeys(FEATURES, 0.0)).score(pair) == pytest.approx(weights.score(pair))


class TestVerdicts:
    """The issue's cases, with the shipped model, weights and policy."""

    @pytest.mark.parametrize(
        ("a", "b", "metres", "days", "expected"),
        [
            ("铁盖子翘起来了 一压哐当响", "井盖松动，骑过去弹起来", 20, 1, {"same"}),
            ("3栋楼下路灯不亮", "三号楼门口那盏灯灭了", 25, 2, {"same"}),
            ("井盖没了", "井盖没了", 400, 0, {"apart"}),
            ("井盖没了", "路灯不亮 黑漆漆", 5, 0, {"apart", "ask"}),
            ("井盖翘起来", "前面还有一个井盖也翘起来", 60, 0, {"apart", "ask"}),
            ("5楼楼道堆满纸箱", "8楼楼道堆满纸箱", 10, 0, {"apart", "ask"}),
            ("1号楼电梯坏了", "3号楼电梯坏了", 30, 0, {"apart", "ask"}),
            ("东门保安不让进", "东门外面污水冒出来", 10, 0, {"apart", "ask"}),
        ],
    )
    def test_same_or_not(self, a: str, b: str, metres: float, days: float, expected: set[str]) -> None:
        one, other = read_shipped([a, b])
        pair = compare(side(one), side(other, at(metres), when=NOW + timedelta(days=days)))
        assert decide(shipped().score(pair), pair.distance_m, RULES, closed_before=False) in expected
