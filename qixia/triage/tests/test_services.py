import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from qixia.codes import queries as codes
from qixia.codes.services import edit_class, load_reference
from qixia.policy import queries as policy
from qixia.policy.services import publish, publish_seeds
from qixia.triage import queries, services
from qixia.triage.learning import vectors
from qixia.triage.rules import THRESHOLDS
from qixia.triage.tests.made import model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    load_reference()
    codes.forget()
    policy.forget()


def test_one_and_many_agree_and_keep_their_order() -> None:
    items = [("井盖没了", None), ("电梯困人", None), ("", "gate-access")]
    found = services.classify_many(items)
    assert [verdict.cls for verdict in found] == ["manhole", "lift", "gate-access"]
    assert found == [services.classify(text, hint=hint) for text, hint in items]


def test_a_batch_costs_no_query_once_warm(django_assert_num_queries) -> None:
    publish_seeds()
    services.classify("井盖没了")
    with django_assert_num_queries(0):
        services.classify_many([("井盖没了", None)] * 50)
        queries.suggest("井")


def test_thresholds_are_policy() -> None:
    text = "小区这个小门老是关着 绕一大圈"
    sure = services.classify(text).confidence
    assert 0.5 < sure < 0.99
    for least, is_certain in ((sure - 0.01, True), (sure + 0.01, False)):
        publish(THRESHOLDS, {"default": 0.99, "by_class": {"gate-access": least}}, note="x", actor_ref="system:test")
        assert services.classify(text).is_certain is is_certain


def test_an_edited_floor_counts_and_a_class_switched_off_is_never_chosen() -> None:
    edit_class("locker", {"severity_floor": "high"}, actor_ref="system:test")
    edit_class("snow-ice", {"active": False}, actor_ref="system:test")
    assert services.classify("快递柜坏了").severity == "high"
    assert services.classify("路面结冰").cls != "snow-ice"
    assert services.classify("路面结冰", hint="snow-ice").cls != "snow-ice"


def test_suggestions_carry_names_in_the_readers_language() -> None:
    assert (queries.suggest("井")[0].cls, queries.suggest("井")[0].name) == ("manhole", "井盖缺失破损移位")
    with translation.override("en"):
        assert queries.suggest("井")[0].name.startswith("Manhole")


def test_without_words_the_common_classes_are_offered() -> None:
    common = [one.cls for one in queries.suggest("")]
    assert common == ["manhole", "road-damage", "fire-lane", "car-parking"]
    assert [one.cls for one in queries.suggest("🔥", limit=2)] == common[:2]
    publish(THRESHOLDS, {"default": 0.7, "common": ["lift", "gone", "gas"]}, note="x", actor_ref="system:test")
    assert [one.cls for one in queries.suggest("")] == ["lift", "gas"]


def _evaluate(path: Path, **more: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("triage", "evaluate", str(path), stdout=out, **more)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_evaluate_prints_one_line(tmp_path: Path) -> None:
    rows = [
        {"text": "井盖没了", "class": "manhole", "severity": "critical"},  # right
        {"text": "快递柜坏了", "class": "lift", "severity": "high"},  # wrong class, wrong severity
        {"text": "嗯嗯", "class": "gas", "severity": "critical"},  # blank: missed
        {"text": "小广告", "class": "illegal-ads", "severity": "low"},  # right
        {"text": "电梯停运", "class": "locker", "severity": "low"},  # false alarm
    ]
    path = tmp_path / "five.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8")
    line = _evaluate(path)
    common = ["command", "commit", "seed", "seconds", "cpu_s", "foreign_cpu"]
    assert list(line)[:6] == common
    wanted = {
        "n": 5,
        "macro_f1": 0.4,
        "accuracy": 0.4,
        "severity_accuracy": 0.4,
        "missed_danger": 0.5,
        "false_alarm": 0.5,
        "blank": 0.2,
    }
    assert {key: line[key] for key in wanted} == wanted
    assert {"coverage_shipped", "precision_shipped", "coverage_at_95", "texts_per_second"} <= set(line)


def test_evaluate_prints_each_view_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = tmp_path / "made.npz"
    learnt.write_bytes(model({"井盖": "manhole", "电梯": "lift"}).to_bytes())
    monkeypatch.setattr(vectors, "available", lambda: False)
    path = tmp_path / "two.jsonl"
    rows = [("井盖没了", "manhole"), ("电梯停了", "lift")]
    lines = (json.dumps({"text": text, "class": cls, "severity": "high"}, ensure_ascii=False) for text, cls in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    line = _evaluate(path, views=True, model=learnt)
    assert line["views"]["chars"] == 1.0
    assert line["views"]["sounds"] < 1.0  # knows nothing
    assert line["views"]["meaning"] is None  # was not read
    assert "views" not in _evaluate(path, model=learnt)
    with pytest.raises(CommandError, match="views of a model"):
        _evaluate(path, views=True, words_only=True)


@pytest.mark.parametrize("line", ["{", "[]", '{"text": "x"}', '{"text": "x", "class": "none", "severity": "low"}'])
def test_bad_labels_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n" + line, encoding="utf-8")
    with pytest.raises(CommandError, match="line 2"):
        _evaluate(path)
    with pytest.raises(CommandError):
        _evaluate(tmp_path / "missing.jsonl")
