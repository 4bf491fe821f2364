"""`qixia bench triage`: the trainer of triage on labels of others, beside a plain recipe, in one run.

The sets are public and not ours to ship: --data names the folder that holds them. Each set is split once, four fifths to
learn from and one to be measured on, by the seed; texts that are nearly copies of each other stay on one side.

The recipe beside it is that of Signalen, the reporting system nearest to ours: term counts brought to length one, and
an L1 logistic regression; its words are pieces of one and two characters here, since Chinese has no blanks.

Units    macro F1 over the labels (or the F1 of the positive one), texts per second of reading, seconds of learning.
Errors   NoData names the file that is missing.
"""

from __future__ import annotations

import csv
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from qixia.kernel import clock, measure
from qixia.triage.learning import fitting
from qixia.triage.learning.examples import Example

SHARE_MEASURED = 0.2
PARTS = 5
# Two texts whose smallest hashes agree in so many places are nearly copies.
_SKETCH, _ALIKE, _PIECE = 8, 5, 5


class NoData(FileNotFoundError):
    """The folder does not hold the set."""


@dataclass(frozen=True, slots=True)
class Task:
    """A set, how its texts are cut, and which label counts where only one does."""

    name: str
    file: str
    label: str
    chars: int | None = None
    positive: str | None = None


TASKS = (
    Task("messages, full", "government-messages-train.csv", "label"),
    Task("messages, first 60 characters", "government-messages-train.csv", "label", chars=60),
    Task("restaurant comments", "restaurant-comments-train.csv", "food_safety", positive="1"),
)


def run(command: str, data: Path, *, seed: int) -> Iterator[dict[str, Any]]:
    """A line a task."""
    for task in TASKS:
        running = measure.start(command, seed=seed)
        learn, prove = split(read(data, task), seed=seed)
        lines = {"qixia": _qixia(learn, prove, task), "signalen": _signalen(learn, prove, task)}
        yield {**running.finish(), "task": task.name, "learnt_from": len(learn), "n": len(prove), **lines}


def read(data: Path, task: Task) -> list[Example]:
    path = data / task.file
    if not path.is_file():
        raise NoData(str(path))
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(_words(row, task), row[task.label]) for row in csv.DictReader(file)]
    return [Example(text, label, "low") for text, label in rows if text.strip()]


def _words(row: dict[str, str], task: Task) -> str:
    """The whole message has a subject; its beginning is that of the text."""
    if task.chars is not None:
        return row["text"][: task.chars]
    return f"{row['subject']} {row['text']}" if "subject" in row else row["text"]


def split(examples: Sequence[Example], *, seed: int) -> tuple[list[Example], list[Example]]:
    """Learnt from, measured on. The first bear a part as their source, by which the trainer folds them."""
    groups = _alike([example.text for example in examples])
    random.Random(seed).shuffle(groups)
    learn: list[Example] = []
    prove: list[Example] = []
    for number, group in enumerate(groups):
        for index in group:
            example = examples[index]
            if len(prove) < len(examples) * SHARE_MEASURED:
                prove.append(example)
            else:
                learn.append(Example(example.text, example.cls, "low", f"part-{number % PARTS}"))
    return learn, prove


def _alike(texts: Sequence[str]) -> list[list[int]]:
    """Groups of texts that are nearly copies, of each other or of a third; most groups hold one."""
    holders: dict[int, list[int]] = defaultdict(list)
    members: dict[int, list[int]] = {}
    group_of: dict[int, int] = {}
    for index, sketch in enumerate(map(_sketch, texts)):
        shared = Counter(other for mark in sketch for other in holders[mark])
        near = {group_of[other] for other, count in shared.items() if count >= min(_ALIKE, len(sketch))}
        members[index] = [index, *(member for group in near for member in members.pop(group))]
        group_of.update(dict.fromkeys(members[index], index))
        for mark in sketch:
            holders[mark].append(index)
    return list(members.values())


def _sketch(text: str) -> list[int]:
    pieces = {text[start : start + _PIECE] for start in range(max(1, len(text) - _PIECE + 1))}
    marks = (int.from_bytes(blake2b(piece.encode(), digest_size=8).digest()) for piece in pieces)
    return sorted(marks)[:_SKETCH]


def _qixia(learn: Sequence[Example], prove: Sequence[Example], task: Task) -> dict[str, Any]:
    begun = time.perf_counter()
    model = fitting.train(learn, as_of=clock.now().date(), name=task.name)
    learnt = time.perf_counter() - begun
    return _figures(lambda texts: [found.cls for found in model.predict(texts)], prove, task, learnt)


def _signalen(learn: Sequence[Example], prove: Sequence[Example], task: Task) -> dict[str, Any]:
    recipe = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 2), use_idf=False, min_df=2),
        LogisticRegression(l1_ratio=1.0, solver="liblinear" if task.positive else "saga", C=10.0, max_iter=200),
    )
    begun = time.perf_counter()
    recipe.fit([e.text for e in learn], [e.cls for e in learn])
    learnt = time.perf_counter() - begun
    return _figures(lambda texts: recipe.predict(texts).tolist(), prove, task, learnt)


def _figures(
    judge: Callable[[list[str]], list[str]], prove: Sequence[Example], task: Task, learnt: float
) -> dict[str, Any]:
    begun = time.perf_counter()
    found = judge([e.text for e in prove])
    spent = time.perf_counter() - begun
    gold = [e.cls for e in prove]
    if task.positive is None:
        scores = {"macro_f1": round(float(f1_score(gold, found, average="macro")), 4)}
    else:
        scores = {"f1": round(float(f1_score(gold, found, pos_label=task.positive)), 4)}
    return {**scores, "texts_per_second": round(len(prove) / spent), "learning_s": round(learnt, 1)}
