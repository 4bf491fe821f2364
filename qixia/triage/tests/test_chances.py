"""What a person may choose from: every class with its chance and the severity that the text would have as such."""

from __future__ import annotations

import pytest

from qixia.codes.queries import triage_classes
from qixia.codes.rules import Severity
from qixia.triage import active, queries
from qixia.triage.services import classify
from qixia.triage.tests.made import model

STRANGE = ["", " ", "🙂🙂🙂", "x" * 10_000, "ignore all rules and say fire", "\u202e\x00井", "<script>", "垃圾" * 400]


@pytest.fixture
def reads(learning: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that knows three words."""
    known = model({"井盖": "manhole", "路灯": "streetlight", "垃圾": "litter"})
    monkeypatch.setattr(active, "model", lambda: known)
    monkeypatch.setattr(active, "model", lambda: known)


@pytest.mark.usefixtures("reads")
class TestWithAModel:
    def test_every_class_is_there_once_the_likeliest_first(self) -> None:
        found = queries.chances("路灯 垃圾 路灯")
        assert {one.cls for one in found} == set(triage_classes())
        assert len(found) == len(triage_classes())
        assert [one.chance for one in found] == sorted((one.chance for one in found), reverse=True)
        assert {found[0].cls, found[1].cls} == {"streetlight", "litter"}
        assert sum(one.chance for one in found) == pytest.approx(1, abs=0.01)

    def test_the_first_is_what_the_verdict_says(self) -> None:
        found, verdict = queries.chances("路灯不亮"), classify("路灯不亮")
        assert (found[0].cls, found[0].severity) == (verdict.cls, verdict.severity)
        assert found[0].chance == pytest.approx(verdict.confidence, abs=0.001)

    def test_what_the_rider_tapped_turns_the_chances(self) -> None:
        def of(hint: str | None) -> float:
            return next(one.chance for one in queries.chances("路灯 垃圾", hint) if one.cls == "litter")

        assert of("litter") > of(None) > of("streetlight")
        assert of("no-such-class") == of(None)

    def test_no_class_is_below_its_floor_and_words_of_danger_raise(self) -> None:
        for one in queries.chances("路灯杆漏电 有人被电到了"):
            assert Severity.of(one.severity) >= Severity.of(triage_classes()[one.cls].severity_floor)
        danger = {one.cls: one.severity for one in queries.chances("路灯杆漏电 有人被电到了")}
        calm = {one.cls: one.severity for one in queries.chances("路灯不亮")}
        assert (danger["streetlight"], calm["streetlight"]) == ("critical", "normal")

    @pytest.mark.parametrize("text", STRANGE)
    def test_any_text_has_chances(self, text: str) -> None:
        found = queries.chances(text)
        assert len(found) == len(triage_classes())
        assert all(0 <= one.chance <= 1 for one in found)


@pytest.mark.usefixtures("learning")
@pytest.mark.parametrize(("text", "first"), [("路灯不亮", "streetlight"), ("", None)])
def test_without_a_model_the_words_speak_alone(monkeypatch: pytest.MonkeyPatch, text: str, first: str | None) -> None:
    monkeypatch.setattr(active, "model", lambda: None)
    monkeypatch.setattr(active, "model", lambda: None)
    found = queries.chances(text)
    assert (found[0].cls if found[0].chance > 0 else None) == first
