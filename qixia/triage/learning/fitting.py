"""How the model learns: views fitted one by one, then weighed by what they say of voices that they did not see. Pure.

Truth    labelled texts. The same texts give the same model: nothing is drawn by lot, and the order does not matter.
Units    a few minutes for 8,000 texts on two cores, most of it for the folds.
Errors   TooLittle when a class has fewer texts than MIN_TEXTS or all come from one source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from qixia.codes.rules import Severity
from qixia.triage.learning import vectors
from qixia.triage.learning.examples import Example, digest
from qixia.triage.learning.model import (
    LEVELS,
    VIEWS,
    Dense,
    Floats,
    Mix,
    Model,
    Pieces,
    class_chances,
    level_facts,
)
from qixia.triage.learning.seeing import Seen, classes, labels, see

MIN_TEXTS = 6
MOST_FOLDS = 6
MIN_DOCUMENTS = 2
# How closely each view follows its examples; found on whole voices held out (docs/triage.md).
CLOSENESS = {"chars": 0.5, "sounds": 0.5, "meaning": 2.0, "lexicon": 0.3}
# From which chance on a text counts as normal, high, critical: below a half where danger missed is worse than a false
# alarm. On held-out writers 0.45 misses 1.6 % of danger for 7.9 % of false alarms (docs/triage.md).
LEVEL_FROM = (0.5, 0.45, 0.45)
# How closely the bias of a class may be held at zero. What loses least on held-out folds is taken: sets with common and
# rare labels want a free one, triage's even ones a close one.
TIES = (0.1, 0.01, 0.001)
Progress = Callable[[str], None]


class TooLittle(ValueError):
    """Not enough to learn from."""


@dataclass(frozen=True)
class Lessons:
    """The examples in the form in which they are learnt: one row each. `floors`: the level below which no text of a label
    is, 0 (low) to 3 (critical)."""

    labels: tuple[str, ...]
    floors: NDArray[np.int8]
    seen: Sequence[Seen]
    meaning: Floats
    classes: NDArray[np.intp]
    levels: NDArray[np.int8]
    weights: Floats
    folds: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> Lessons:
        return Lessons(
            self.labels,
            self.floors,
            [self.seen[i] for i in rows],
            self.meaning[rows],
            self.classes[rows],
            self.levels[rows],
            self.weights[rows],
            self.folds[rows],
        )


@dataclass(frozen=True)
class Views:
    """The four fitted views."""

    chars: Pieces
    sounds: Pieces
    meaning: Dense
    lexicon: Dense

    def scores(self, lessons: Lessons) -> Floats:
        """Views × texts × outputs."""
        return np.stack(
            [
                np.stack([self.chars.score(one.chars) for one in lessons.seen]),
                np.stack([self.sounds.score(one.sounds) for one in lessons.seen]),
                self.meaning.score(lessons.meaning),
                self.lexicon.score(np.stack([one.signs for one in lessons.seen])),
            ]
        ).astype(np.float32)


@dataclass(frozen=True)
class Proof:
    """What each text was taken for by views that had not seen its fold."""

    scores: Floats
    chances: Floats
    danger: Floats


@dataclass(frozen=True)
class Schooling:
    """A model, and the scores that each example got from views that had not seen its fold."""

    model: Model
    examples: list[Example]
    lessons: Lessons
    outside: Floats


def train(
    examples: Sequence[Example],
    *,
    as_of: date,
    name: str,
    folds: dict[str, str] | None = None,
    emphasis: dict[str, float] | None = None,
    progress: Progress | None = None,
) -> Model:
    """Learn. `folds` source → fold (a writer's voices are held out together), `emphasis` source → weight."""
    return learn(examples, as_of=as_of, name=name, folds=folds, emphasis=emphasis, progress=progress).model


def learn(
    examples: Sequence[Example],
    *,
    as_of: date,
    name: str,
    folds: dict[str, str] | None = None,
    emphasis: dict[str, float] | None = None,
    progress: Progress | None = None,
) -> Schooling:
    """As `train`, with what is needed to prove how good it is."""
    say = progress or (lambda _line: None)
    ordered = sorted(examples, key=lambda e: (e.source, e.text))
    lessons = prepare(ordered, folds=folds, emphasis=emphasis)
    say(f"{len(ordered)} texts, {len(set(lessons.folds.tolist()))} folds")
    outside = _scores_outside(lessons, say)
    full = fit_mix(outside, lessons, views=VIEWS)
    light = fit_mix(outside, lessons, views=tuple(view for view in VIEWS if view != "meaning"))
    say("fitting all")
    views = fit_views(lessons)
    card = {
        "name": name,
        "as_of": as_of.isoformat(),
        "texts": len(ordered),
        "sources": dict(sorted(Counter(e.source for e in ordered).items())),
        "digest": digest(ordered),
        "vectors": vectors.available(),
    }
    model = Model(
        lessons.labels, lessons.floors, views.chars, views.sounds, views.meaning, views.lexicon, full, light, card
    )
    return Schooling(model, ordered, lessons, outside)


def prepare(
    examples: Sequence[Example], *, folds: dict[str, str] | None = None, emphasis: dict[str, float] | None = None
) -> Lessons:
    known = _labels_of(examples)
    seen = [see(e.text) for e in examples]
    plain = [one.plain.text for one in seen]
    return Lessons(
        known,
        floors_of(known),
        seen,
        vectors.encode(plain) if vectors.available() else np.zeros((len(plain), vectors.SIZE), dtype=np.float32),
        np.array([known.index(e.cls) for e in examples], dtype=np.intp),
        np.array([int(Severity.of(e.severity)) - int(Severity.LOW) for e in examples], dtype=np.int8),
        np.array([(emphasis or {}).get(e.source, 1.0) for e in examples], dtype=np.float32),
        _folds([(folds or {}).get(e.source, e.source) for e in examples]),
    )


def _labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """All triage classes if the texts are about these, else whatever labels they bear."""
    found = Counter(e.cls for e in examples)
    known = labels() if set(found) <= set(labels()) else tuple(sorted(found))
    few = [label for label in known if found[label] < MIN_TEXTS]
    if few:
        raise TooLittle(f"fewer than {MIN_TEXTS} texts: {', '.join(few)}")
    return known


def floors_of(known: Sequence[str]) -> NDArray[np.int8]:
    """The level below which nothing of a label is; labels that are no triage classes have none."""
    return np.array(
        [
            int(Severity.of(classes()[slug].severity_floor)) - int(Severity.LOW) if slug in classes() else 0
            for slug in known
        ],
        dtype=np.int8,
    )


def _folds(sources: Sequence[str]) -> NDArray[np.intp]:
    """A number a text; texts of one source stay together, the largest sources are spread first."""
    sizes = Counter(sources)
    if len(sizes) < 2:
        raise TooLittle("all texts come from one source: nothing can be held out")
    fill = [0] * min(MOST_FOLDS, len(sizes))
    place: dict[str, int] = {}
    for source, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        place[source] = fill.index(min(fill))
        fill[place[source]] += size
    return np.array([place[source] for source in sources], dtype=np.intp)


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def fit_views(lessons: Lessons) -> Views:
    return Views(
        _fit_pieces([one.chars for one in lessons.seen], lessons, CLOSENESS["chars"]),
        _fit_pieces([one.sounds for one in lessons.seen], lessons, CLOSENESS["sounds"]),
        _fit_dense(lessons.meaning, lessons, CLOSENESS["meaning"], unit=True),
        _fit_dense(np.stack([one.signs for one in lessons.seen]), lessons, CLOSENESS["lexicon"], unit=False),
    )


def _fit_pieces(counts: Sequence[Counter[str]], lessons: Lessons, closeness: float) -> Pieces:
    documents: Counter[str] = Counter()
    for one in counts:
        documents.update(one.keys())
    known = sorted(piece for piece, n in documents.items() if n >= MIN_DOCUMENTS)
    index = {piece: row for row, piece in enumerate(known)}
    idf = np.array([np.log((1 + len(counts)) / (1 + documents[piece])) + 1 for piece in known], dtype=np.float32)
    outputs = len(lessons.labels) + len(LEVELS)
    empty = Pieces(
        index,
        idf,
        np.zeros((len(known), outputs), np.int8),
        np.zeros(outputs, np.float32),
        np.zeros(outputs, np.float32),
    )
    weights, bias = _fit(_sparse(counts, empty), lessons, closeness)
    scale = np.abs(weights).max(axis=0) / 127
    scale[scale == 0] = 1
    return replace(empty, weights=np.round(weights / scale).astype(np.int8), scale=scale.astype(np.float32), bias=bias)


def _sparse(counts: Sequence[Counter[str]], pieces: Pieces) -> csr_matrix:
    columns, values, ends = [], [], [0]
    for one in counts:
        rows, found = pieces.values(one)
        columns.append(rows)
        values.append(found)
        ends.append(ends[-1] + len(rows))
    shape = (len(counts), len(pieces.index))
    return csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=shape)


def _fit_dense(rows: Floats, lessons: Lessons, closeness: float, *, unit: bool) -> Dense:
    outputs = len(lessons.labels) + len(LEVELS)
    centre = rows.mean(axis=0).astype(np.float32) if unit else np.zeros(rows.shape[1], np.float32)
    empty = Dense(centre, np.zeros((rows.shape[1], outputs), np.float32), np.zeros(outputs, np.float32), unit)
    weights, bias = _fit(empty.shape(rows), lessons, closeness)
    return replace(empty, weights=weights.astype(np.float32), bias=bias)


def _fit(rows: Any, lessons: Lessons, closeness: float) -> tuple[Floats, Floats]:
    """Weights (features × outputs) and bias: a class against all others, a level and worse against all milder."""
    weights = np.zeros((rows.shape[1], len(lessons.labels) + len(LEVELS)), dtype=np.float32)
    bias = np.full(len(lessons.labels) + len(LEVELS), -1.0, dtype=np.float32)
    targets = [lessons.classes == number for number in range(len(lessons.labels))]
    targets += [lessons.levels >= level for level in range(1, len(LEVELS) + 1)]
    for output, target in enumerate(targets):
        if target.all() or not target.any():
            bias[output] = 1.0 if target.all() else -1.0
            continue
        fitted = LinearSVC(C=closeness, random_state=0).fit(rows, target, sample_weight=lessons.weights)
        weights[:, output], bias[output] = fitted.coef_[0], fitted.intercept_[0]
    return weights, bias


# ── mixing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _scores_outside(lessons: Lessons, say: Progress) -> Floats:
    """Views × texts × outputs, each text scored by views that were fitted without its fold."""
    scores = np.zeros((len(VIEWS), len(lessons.seen), len(lessons.labels) + len(LEVELS)), dtype=np.float32)
    for fold in sorted(set(lessons.folds.tolist())):
        inside, outside = np.flatnonzero(lessons.folds != fold), np.flatnonzero(lessons.folds == fold)
        scores[:, outside] = fit_views(lessons.take(inside)).scores(lessons.take(outside))
        say(f"fold {fold}: {len(outside)} texts held out")
    return scores


def fit_mix(scores: Floats, lessons: Lessons, *, views: Sequence[str]) -> Mix:
    used = np.array([view in views for view in VIEWS])
    rows = Rows(scores[used][:, :, : len(lessons.labels)].astype(np.float64), lessons.classes, lessons.weights)
    tied = min(TIES, key=lambda tie: _held_out_loss(rows, lessons.folds, tie))
    weights, bias = np.zeros(len(used), dtype=np.float32), np.zeros(len(lessons.labels), dtype=np.float32)
    weights[used], bias[:] = rows.fit(tied)
    chances = class_chances(weights, bias, scores)
    facts = level_facts(scores * used[:, None, None], chances, lessons.labels, lessons.floors, lessons.seen)
    level_weights, level_bias = _fit_levels(facts, lessons)
    return Mix(weights, bias, level_weights, level_bias, np.array(LEVEL_FROM, dtype=np.float32))


@dataclass(frozen=True)
class Rows:
    """What the mix of the classes is fitted on: scores (views × texts × classes), the right class and weight of each."""

    scores: NDArray[np.float64]
    classes: NDArray[np.intp]
    weights: Floats

    def take(self, chosen: NDArray[np.intp]) -> Rows:
        return Rows(self.scores[:, chosen], self.classes[chosen], self.weights[chosen])

    def fit(self, tie: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A weight a view and a bias a class, so that the chances are as high as can be for the right classes. `tie`
        holds the biases at zero, the more the larger it is."""
        views, classes = self.scores.shape[0], self.scores.shape[2]

        def cost(found: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            value, slopes = self.loss(found[:views], found[views:])
            slopes[views:] += 2 * tie * found[views:]
            return value + tie * float(found[views:] @ found[views:]), slopes

        bounds = [(0, None)] * views + [(None, None)] * classes
        start = np.concatenate([np.ones(views), np.zeros(classes)])
        found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return found[:views], found[views:]

    def loss(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Minus the mean log-likelihood of the right classes, and its slopes."""
        rows, share = np.arange(len(self.classes)), self.weights / self.weights.sum()
        mixed = np.tensordot(weights, self.scores, 1) + bias
        mixed -= mixed.max(axis=1, keepdims=True)
        logs = mixed - np.log(np.exp(mixed).sum(axis=1, keepdims=True))
        slope = np.exp(logs)
        slope[rows, self.classes] -= 1
        slope *= share[:, None]
        value = -(logs[rows, self.classes] * share).sum()
        return float(value), np.concatenate([np.tensordot(self.scores, slope, ([1, 2], [0, 1])), slope.sum(axis=0)])


def _held_out_loss(rows: Rows, folds: NDArray[np.intp], tie: float) -> float:
    """What a mix that is tied so loses on folds that it was not fitted on."""
    lost = 0.0
    for fold in sorted(set(folds.tolist())):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        lost += rows.take(outside).loss(*rows.take(inside).fit(tie))[0] * len(outside)
    return lost


def _fit_levels(facts: Floats, lessons: Lessons) -> tuple[Floats, Floats]:
    weights = np.zeros((len(LEVELS), facts.shape[2]), dtype=np.float32)
    bias = np.full(len(LEVELS), -9.0, dtype=np.float32)
    for level in range(len(LEVELS)):
        target = lessons.levels >= level + 1
        if target.all() or not target.any():
            bias[level] = 9.0 if target.all() else -9.0
            continue
        fitted = LogisticRegression(C=1.0, max_iter=1000).fit(facts[:, level], target, sample_weight=lessons.weights)
        weights[level], bias[level] = fitted.coef_[0], fitted.intercept_[0]
    return weights, bias
