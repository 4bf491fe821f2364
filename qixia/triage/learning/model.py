"""What was learnt: linear views of a text, mixed into chances. Read from and written to one small file. Pure.

A view is one way to look at a text: its characters, its sounds, its meaning as numbers, the words of the lexicon. Each
view gives a score to every class and to every level of danger ("outputs"); the mix weighs the views, and a softmax makes
chances of the class scores that were held against voices that the views had not seen: they are calibrated.

Units    confidence and danger are 0-1: how often such a reading was right on voices not learnt from.
Truth    the file: arrays and one JSON text in NumPy's zip form, read with `allow_pickle=False`; at most MAX_BYTES.
Errors   BadArtefact for anything else: truncated, hostile, of another version, of the wrong shape.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qixia.triage.learning import vectors
from qixia.triage.learning.examples import DATA
from qixia.triage.learning.grams import LONGEST
from qixia.triage.learning.seeing import Seen, see
from qixia.triage.learning.seeing import labels as seeing_labels

VERSION = 1
SHIPPED = DATA / "model.npz"
MAX_BYTES = 16_000_000
MAX_UNPACKED = 64_000_000
LEVELS = ("normal", "high", "critical")
VIEWS = ("chars", "sounds", "meaning", "lexicon")

Floats = NDArray[np.float32]
# What NumPy, zip and JSON raise at a file that is not what it should be.
_HOSTILE = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


class BadArtefact(ValueError):
    """The bytes are no model of this version."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A view over counted pieces: tf-idf of those known, times weights. Weights are kept in 8 bits."""

    index: dict[str, int]
    idf: Floats
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats

    def score(self, counts: Counter[str]) -> Floats:
        """A score an output."""
        rows, values = self.values(counts)
        return self.bias + (values @ self.weights[rows]) * self.scale

    def values(self, counts: Counter[str]) -> tuple[NDArray[np.intp], Floats]:
        """The rows of the known pieces and their tf-idf, of length one together."""
        found = [(self.index[piece], count) for piece, count in counts.items() if piece in self.index]
        rows = np.array([row for row, _ in found], dtype=np.intp)
        values = (1 + np.log(np.array([count for _, count in found], dtype=np.float32))) * self.idf[rows]
        length = float(np.sqrt(values @ values)) or 1.0
        return rows, values / length


@dataclass(frozen=True, slots=True)
class Dense:
    """A view over a row of numbers, taken from a centre and brought to length one where `unit`."""

    centre: Floats
    weights: Floats
    bias: Floats
    unit: bool

    def score(self, rows: Floats) -> Floats:
        """Rows of numbers → a row of scores each."""
        return self.bias + self.shape(rows) @ self.weights

    def shape(self, rows: Floats) -> Floats:
        if not self.unit:
            return rows
        moved = rows - self.centre
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.where(lengths > 0, lengths, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model makes of one text. `danger`: the chance of at least (normal, high, critical)."""

    cls: str
    confidence: float
    runner_up: str
    runner_confidence: float
    severity: str
    danger: tuple[float, float, float]
    chances: dict[str, float]


@dataclass(frozen=True)
class Mix:
    """How the views are weighed: for the classes, and for each level of danger. `bias`: what a class has ahead of what its
    views say, because it is common or rare."""

    classes: Floats
    bias: Floats
    levels: Floats
    level_bias: Floats
    # From which chance on a text is taken to be of the level.
    level_from: Floats

    def chances(self, scores: Floats) -> Floats:
        return class_chances(self.classes, self.bias, scores)


@dataclass(frozen=True)
class Model:
    """Labels, views and mixes (with vectors, and without: while typing, or where the package is missing)."""

    labels: tuple[str, ...]
    floors: NDArray[np.int8]
    chars: Pieces
    sounds: Pieces
    meaning: Dense
    lexicon: Dense
    full: Mix
    light: Mix
    card: dict[str, Any]

    def predict(self, texts: Sequence[str], *, light: bool = False) -> list[Reading]:
        """A reading a text. `light` leaves out the vectors: some 30 times faster, a little weaker."""
        return self.read([see(text) for text in texts], light=light)

    def read(self, seen: Sequence[Seen], *, light: bool = False) -> list[Reading]:
        if not seen:
            return []
        light = light or not vectors.available()
        scores = self.scores(seen, light=light)
        mix = self.light if light else self.full
        chances = mix.chances(scores)
        danger = self._danger(scores, chances, seen, mix)
        return [self._reading(chances[i], danger[i], mix) for i in range(len(seen))]

    def scores(self, seen: Sequence[Seen], *, light: bool) -> Floats:
        """Views × texts × outputs; zeros for the vectors where `light`."""
        chars = np.stack([self.chars.score(one.chars) for one in seen])
        sounds = np.stack([self.sounds.score(one.sounds) for one in seen])
        signs = self.lexicon.score(np.stack([one.signs for one in seen]))
        meaning = (
            np.zeros_like(chars) if light else self.meaning.score(vectors.encode([one.plain.text for one in seen]))
        )
        return np.stack([chars, sounds, meaning, signs]).astype(np.float32)

    def _danger(self, scores: Floats, chances: Floats, seen: Sequence[Seen], mix: Mix) -> Floats:
        facts = level_facts(scores, chances, self.labels, self.floors, seen)
        return sigmoid(np.einsum("ntf,tf->nt", facts, mix.levels) + mix.level_bias)

    def _reading(self, chances: Floats, danger: Floats, mix: Mix) -> Reading:
        order = np.argsort(-chances)[:5]
        best, second = int(order[0]), int(order[1])
        raised = [level for level, chance, least in zip(LEVELS, danger, mix.level_from, strict=True) if chance >= least]
        return Reading(
            self.labels[best],
            round(float(chances[best]), 4),
            self.labels[second],
            round(float(chances[second]), 4),
            raised[-1] if raised else "low",
            (float(danger[0]), float(danger[1]), float(danger[2])),
            {label: round(float(chance), 4) for label, chance in zip(self.labels, chances, strict=True)},
        )

    def words(self, seen: Seen, label: str, *, limit: int = 3) -> list[tuple[int, int]]:
        """Where in the cleaned text stands what speaks most for `label` (a class or a level), rather than for others."""
        text, rows, weights = seen.plain.text, *self._weights_for(seen, label)
        weight_of = dict(zip(rows, weights, strict=True))
        shares = np.zeros(len(text))
        for length in range(1, LONGEST + 1):
            for start in range(len(text) - length + 1):
                row = self.chars.index.get(text[start : start + length])
                if row is not None:
                    shares[start : start + length] += weight_of.get(row, 0.0) / length
        return [
            (seen.plain.origin[start], seen.plain.origin[end - 1] + 1) for start, end in _peaks(shares, text, limit)
        ]

    def _weights_for(self, seen: Seen, label: str) -> tuple[list[int], list[float]]:
        """How much each known piece of characters speaks for the output `label` beyond the mean of its kind."""
        rows, values = self.chars.values(seen.chars)
        column = self.labels.index(label) if label in self.labels else len(self.labels) + LEVELS.index(label)
        kind = slice(0, len(self.labels)) if label in self.labels else slice(column, column + 1)
        own = self.chars.weights[rows, column] * self.chars.scale[column]
        others = (self.chars.weights[rows, kind] * self.chars.scale[kind]).mean(axis=1)
        return rows.tolist(), (values * (own - others if label in self.labels else own)).tolist()

    def to_bytes(self) -> bytes:
        """The model as a file. The same model gives the same bytes."""
        return _packed(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model in `data`; BadArtefact if it is none."""
        return _unpacked(data)


def class_chances(weights: Floats, bias: Floats, scores: Floats) -> Floats:
    """Views × texts × outputs → a chance a text and class."""
    return softmax(np.tensordot(weights, scores[:, :, : len(bias)], 1) + bias)


def level_facts(
    scores: Floats, chances: Floats, labels: tuple[str, ...], floors: NDArray[np.int8], seen: Sequence[Seen]
) -> Floats:
    """Texts × levels × facts: what each view says of the level, the share of likely classes that are always so bad, and
    whether words raise it."""
    own = scores[:, :, len(labels) :].transpose(1, 2, 0)
    levels = np.arange(1, len(LEVELS) + 1)
    mass = chances @ (floors[:, None] >= levels[None, :])
    logit = np.log(np.clip(mass, 1e-4, 1 - 1e-4)) - np.log1p(-np.clip(mass, 1e-4, 1 - 1e-4))
    raised = np.array([one.raised for one in seen])[:, None] >= levels[None, :]
    return np.concatenate([own, logit[:, :, None], raised[:, :, None]], axis=2).astype(np.float32)


def _peaks(shares: NDArray[np.float64], text: str, limit: int) -> list[tuple[int, int]]:
    """The runs of characters that speak clearly, the strongest `limit` of them, in their order; two characters or more."""
    least = max(float(shares.max(initial=0.0)) * 0.4, 1e-9)
    clear = [share >= least and char != " " for share, char in zip(shares, text, strict=True)]
    runs, start = [], None
    for index, is_clear in enumerate([*clear, False]):
        if is_clear and start is None:
            start = index
        elif not is_clear and start is not None:
            if index - start >= 2:
                runs.append((float(shares[start:index].sum()), start, index))
            start = None
    strongest = sorted(runs, reverse=True)[:limit]
    return sorted((start, end) for _, start, end in strongest)


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(scores: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), dtype=np.float32)


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model of this release; BadArtefact if its file is broken."""
    try:
        return Model.from_bytes(SHIPPED.read_bytes())
    except OSError as error:
        raise BadArtefact(str(error)) from error


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


_MIXED = ("classes", "bias", "levels", "level_bias", "level_from")


def _packed(model: Model) -> bytes:
    arrays: dict[str, Any] = {"floors": model.floors, "head": _text(_head(model))}
    for name, pieces in (("chars", model.chars), ("sounds", model.sounds)):
        arrays |= {f"{name}.{key}": getattr(pieces, key) for key in ("idf", "weights", "scale", "bias")}
        arrays[f"{name}.index"] = _text(list(pieces.index))
    for name, dense in (("meaning", model.meaning), ("lexicon", model.lexicon)):
        arrays |= {f"{name}.{key}": getattr(dense, key) for key in ("centre", "weights", "bias")}
    for name, mix in (("full", model.full), ("light", model.light)):
        arrays |= {f"{name}.{key}": getattr(mix, key) for key in _MIXED}
    return _zipped(arrays)


def _head(model: Model) -> dict[str, Any]:
    units = {"meaning": model.meaning.unit, "lexicon": model.lexicon.unit}
    return {"version": VERSION, "labels": model.labels, "units": units, "card": model.card}


def _text(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)


def _zipped(arrays: dict[str, Any]) -> bytes:
    """A zip of .npy files without times, so that the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, array in arrays.items():
            plain = io.BytesIO()
            np.lib.format.write_array(plain, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), plain.getvalue(), zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def _unpacked(data: bytes) -> Model:
    try:
        arrays = _arrays(data)
        head = json.loads(bytes(arrays["head"]))
        if head["version"] != VERSION:
            raise BadArtefact(f"version {head['version']!r}, not {VERSION}")
        model = _model(head, arrays)
        _check(model)
    except BadArtefact:
        raise
    except _HOSTILE as error:
        raise BadArtefact(f"{type(error).__name__}: {error}") from error
    return model


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    if len(data) > MAX_BYTES:
        raise BadArtefact(f"{len(data)} bytes are more than {MAX_BYTES}")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        unpacked = sum(info.file_size for info in file.infolist())
        if unpacked > MAX_UNPACKED:
            raise BadArtefact(f"{unpacked} bytes unpacked are more than {MAX_UNPACKED}")
        return {
            info.filename.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(file.read(info)), allow_pickle=False
            )
            for info in file.infolist()
        }


def _model(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    def pieces(name: str) -> Pieces:
        index = {piece: row for row, piece in enumerate(json.loads(bytes(arrays[f"{name}.index"])))}
        return Pieces(index, *(arrays[f"{name}.{key}"] for key in ("idf", "weights", "scale", "bias")))

    def dense(name: str) -> Dense:
        centre, weights, bias = (arrays[f"{name}.{key}"] for key in ("centre", "weights", "bias"))
        return Dense(centre, weights, bias, bool(head["units"][name]))

    def mix(name: str) -> Mix:
        # Models written before there was a bias have none.
        arrays.setdefault(f"{name}.bias", np.zeros(len(head["labels"]), dtype=np.float32))
        return Mix(*(arrays[f"{name}.{key}"] for key in _MIXED))

    return Model(
        tuple(head["labels"]),
        arrays["floors"],
        pieces("chars"),
        pieces("sounds"),
        dense("meaning"),
        dense("lexicon"),
        mix("full"),
        mix("light"),
        dict(head["card"]),
    )


def _check(model: Model) -> None:
    """Every array has the shape that the others ask for, and only finite numbers."""
    outputs, facts = len(model.labels) + len(LEVELS), len(VIEWS) + 2
    wanted: list[tuple[str, NDArray[Any], tuple[int, ...]]] = [("floors", model.floors, (len(model.labels),))]
    for name, pieces in (("chars", model.chars), ("sounds", model.sounds)):
        size = len(pieces.index)
        wanted += [(f"{name}.idf", pieces.idf, (size,)), (f"{name}.weights", pieces.weights, (size, outputs))]
        wanted += [(f"{name}.scale", pieces.scale, (outputs,)), (f"{name}.bias", pieces.bias, (outputs,))]
    for name, dense, size in (
        ("meaning", model.meaning, vectors.SIZE),
        ("lexicon", model.lexicon, len(seeing_labels())),
    ):
        wanted += [(f"{name}.centre", dense.centre, (size,)), (f"{name}.weights", dense.weights, (size, outputs))]
        wanted += [(f"{name}.bias", dense.bias, (outputs,))]
    for name, mix in (("full", model.full), ("light", model.light)):
        wanted += [
            (f"{name}.classes", mix.classes, (len(VIEWS),)),
            (f"{name}.bias", mix.bias, (len(model.labels),)),
            (f"{name}.levels", mix.levels, (len(LEVELS), facts)),
        ]
        wanted += [(f"{name}.{key}", getattr(mix, key), (len(LEVELS),)) for key in ("level_bias", "level_from")]
    for name, array, shape in wanted:
        if array.shape != shape or array.dtype.kind not in "if" or not np.isfinite(array).all():
            raise BadArtefact(f"{name} is {array.dtype} {array.shape}, not finite numbers {shape}")
    if len(model.labels) < 2 or len(set(model.labels)) != len(model.labels):
        raise BadArtefact("labels are not two or more different ones")
