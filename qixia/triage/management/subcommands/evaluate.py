"""`qixia triage evaluate FILE.jsonl`: one JSON line on stdout. Needs no database: the shipped model is measured, or the
one in `--model`, at the shipped thresholds."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from qixia.codes.reference import class_rows
from qixia.kernel import measure
from qixia.triage import evaluate
from qixia.triage.judging import judge
from qixia.triage.learning import vectors
from qixia.triage.learning.examples import BadLabels, Example, read_examples
from qixia.triage.learning.model import BadArtefact, Model, shipped
from qixia.triage.learning.seeing import see
from qixia.triage.queries import shipped_thresholds

HELP = 'figures for files with lines of {"text", "class", "severity"}'


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--model", type=Path, help="a model file instead of the shipped one")
    parser.add_argument("--words-only", action="store_true", help="the lexicon alone, without a model")
    parser.add_argument("--light", action="store_true", help="without sentence vectors, as while typing")
    parser.add_argument("--views", action="store_true", help="add the macro F1 of each view of the model alone")
    parser.add_argument("--classes", action="store_true", help="add a table by class")


def run(options: dict[str, Any], out: OutputWrapper) -> None:
    running = measure.start(f"triage evaluate {' '.join(path.name for path in options['files'])}")
    classes = {row.slug: row for row in class_rows()}
    labels = [label for path in options["files"] for label in _read(path, classes)]
    model = None if options["words_only"] else _model(options["model"])
    # What a process does once (weights, tables) is not the cost of a text.
    judge([("井盖没了", None)], model=model, classes=classes, thresholds=shipped_thresholds(), light=options["light"])
    begun = time.perf_counter()
    verdicts = judge(
        [(label.text, None) for label in labels],
        model=model,
        classes=classes,
        thresholds=shipped_thresholds(),
        light=options["light"],
    )
    spent = time.perf_counter() - begun
    line = {
        **running.finish(),
        **evaluate.figures(labels, verdicts),
        "texts_per_second": round(len(labels) / spent) if spent and labels else None,
    }
    if options["views"]:
        line["views"] = _views(labels, model, light=options["light"])
    if options["classes"]:
        line["classes"] = evaluate.class_scores(labels, verdicts)
    out.write(json.dumps(line, ensure_ascii=False))


def _read(path: Path, classes: dict[str, Any]) -> list[Example]:
    try:
        return read_examples(path.read_text(encoding="utf-8").splitlines(), classes, source=path.name)
    except (OSError, UnicodeDecodeError, BadLabels) as error:
        raise CommandError(str(error)) from error


def _views(labels: list[Example], model: Model | None, *, light: bool) -> dict[str, float | None]:
    """Without the sentence vectors where they are not read."""
    if model is None:
        raise CommandError("--views are the views of a model: leave out --words-only")
    light = light or not vectors.available()
    scores = model.scores([see(label.text) for label in labels], light=light)
    found = evaluate.by_view(labels, scores, model.labels)
    return found | {"meaning": None} if light else found


def _model(path: Path | None) -> Model:
    try:
        return shipped() if path is None else Model.from_bytes(path.read_bytes())
    except (OSError, BadArtefact) as error:
        raise CommandError(f"{path or 'the shipped model'}: {error}") from error
