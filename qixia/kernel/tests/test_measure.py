from pathlib import Path

import pytest

from qixia.kernel import measure


def test_the_common_keys_are_there_in_order() -> None:
    line = measure.start("bench x", seed=7).finish()
    assert list(line) == ["command", "commit", "seed", "seconds", "cpu_s", "foreign_cpu"]
    assert (line["command"], line["seed"]) == ("bench x", 7)
    assert line["seconds"] >= 0
    assert line["foreign_cpu"] is None or 0 <= line["foreign_cpu"] <= 1


def test_own_work_is_counted() -> None:
    running = measure.start("spin")
    sum(i * i for i in range(400_000))
    assert running.finish()["cpu_s"] > 0
    assert running.finish(helpers_cpu_s=100)["cpu_s"] > 100


def test_no_checkout_means_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measure, "_PROJECT", tmp_path)
    assert measure.commit() == "unknown"


def test_a_machine_without_proc_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_busy", lambda: None)
    assert measure.start("x").finish()["foreign_cpu"] is None
