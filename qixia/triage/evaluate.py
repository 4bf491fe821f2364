"""How good the verdicts are on labelled texts. Pure.

Units    all figures are shares (0-1) except n; see `figures` for what each counts.
Truth    gold labels of people; the verdicts of whatever judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from qixia.codes.rules import Severity
from qixia.triage.learning.examples import Example
from qixia.triage.learning.model import VIEWS, Floats
from qixia.triage.verdicts import Verdict

TARGET_PRECISION = 0.95


def figures(labels: Sequence[Example], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """macro_f1 over the gold labels (a blank verdict counts as wrong) · accuracy · severity_accuracy
    missed_danger: critical texts graded low or normal, or left blank without ringing ÷ critical
    false_alarm: low or normal texts graded high or critical ÷ low and normal
    coverage_shipped, precision_shipped: share that passes the thresholds, and how many of those are right
    coverage_at_95: the largest share, the surest first, of which 95 % are right · blank: nothing spoke for a class.
    """
    pairs = list(zip(labels, verdicts, strict=True))
    right = [not v.is_blank and v.cls == g.cls for g, v in pairs]
    certain = [ok for ok, (_, v) in zip(right, pairs, strict=True) if v.is_certain]
    critical = [v for g, v in pairs if g.severity == "critical"]
    mild = [v for g, v in pairs if g.severity in ("low", "normal")]
    return {
        "n": len(pairs),
        "macro_f1": macro_f1([g.cls for g in labels], ["" if v.is_blank else v.cls for v in verdicts]),
        "accuracy": _share(sum(right), len(pairs)),
        "severity_accuracy": _share(sum(g.severity == v.severity for g, v in pairs), len(pairs)),
        "missed_danger": _share(sum(_missed(v) for v in critical), len(critical)),
        "false_alarm": _share(sum(Severity.of(v.severity) >= Severity.HIGH for v in mild), len(mild)),
        "coverage_shipped": _share(len(certain), len(pairs)),
        "precision_shipped": _share(sum(certain), len(certain)),
        "coverage_at_95": _coverage_at(TARGET_PRECISION, right, [v.confidence for v in verdicts]),
        "blank": _share(sum(v.is_blank for v in verdicts), len(pairs)),
    }


def by(
    key: Callable[[Example], str], labels: Sequence[Example], verdicts: Sequence[Verdict]
) -> dict[str, dict[str, Any]]:
    """Figures for each group, such as each class or each voice."""
    groups: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        groups.setdefault(key(label), []).append(index)
    return {name: figures([labels[i] for i in rows], [verdicts[i] for i in rows]) for name, rows in groups.items()}


def by_view(labels: Sequence[Example], scores: Floats, known: Sequence[str]) -> dict[str, float | None]:
    """View → macro F1 over the gold labels of that view alone: the class that it scores highest. `scores`: views × texts ×
    outputs, the first of these in the order of `known`."""
    best = scores[:, :, : len(known)].argmax(axis=2)
    gold = [label.cls for label in labels]
    return {
        view: macro_f1(gold, [known[number] for number in row]) for view, row in zip(VIEWS, best.tolist(), strict=True)
    }


def class_scores(labels: Sequence[Example], verdicts: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """Class → n, precision, recall, f1, and what it was most often taken for (wrongly, with the count)."""
    found = [("" if v.is_blank else v.cls) for v in verdicts]
    golds, founds = Counter(e.cls for e in labels), Counter(found)
    hits = Counter(e.cls for e, f in zip(labels, found, strict=True) if e.cls == f)
    wrong: dict[str, Counter[str]] = {}
    for label, taken in zip(labels, found, strict=True):
        if label.cls != taken:
            wrong.setdefault(label.cls, Counter())[taken] += 1
    return {
        slug: {
            "n": golds[slug],
            "precision": _share(hits[slug], founds[slug]),
            "recall": _share(hits[slug], golds[slug]),
            "f1": _share(2 * hits[slug], golds[slug] + founds[slug]),
            "taken_for": dict(wrong.get(slug, Counter()).most_common(3)),
        }
        for slug in sorted(golds)
    }


def _missed(verdict: Verdict) -> bool:
    if verdict.rings:
        return False
    return verdict.is_blank or Severity.of(verdict.severity) < Severity.HIGH


def macro_f1(gold: list[str], found: list[str]) -> float | None:
    """Mean F1 over the labels that occur in `gold`."""
    hits = Counter(g for g, f in zip(gold, found, strict=True) if g == f)
    golds, founds = Counter(gold), Counter(found)
    scores = [2 * hits[label] / (golds[label] + founds[label]) for label in golds]
    return _share(sum(scores), len(scores))


def _coverage_at(target: float, right: list[bool], confidence: list[float]) -> float | None:
    order = sorted(range(len(right)), key=lambda i: -confidence[i])
    best = good = 0
    for count, index in enumerate(order, start=1):
        good += right[index]
        # Texts that share a confidence pass or fail together.
        tied = count < len(order) and confidence[order[count]] == confidence[index]
        if not tied and good >= target * count:
            best = count
    return _share(best, len(right))


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
