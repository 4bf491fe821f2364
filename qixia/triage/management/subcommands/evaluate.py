"""`qixia triage evaluate FILE.jsonl`: one JSON line on stdout. Needs no database: the shipped rules are measured."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from qixia.codes.reference import class_rows
from qixia.kernel import measure
from qixia.triage import evaluate, lexicon, rules
from qixia.triage.queries import shipped_thresholds

HELP = 'figures for a file with lines of {"text", "class", "severity"}'


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path)


def run(options: dict[str, Any], out: OutputWrapper) -> None:
    running = measure.start(f"triage evaluate {options['file'].name}")
    classes = {row.slug: row for row in class_rows()}
    try:
        labels = evaluate.read_labels(options["file"].read_text(encoding="utf-8").splitlines(), classes)
    except (OSError, UnicodeDecodeError, evaluate.BadLabels) as error:
        raise CommandError(str(error)) from error
    table, thresholds = lexicon.shipped(), shipped_thresholds()
    begun = time.perf_counter()
    verdicts = [
        rules.classify(label.text, hint=None, lexicon=table, classes=classes, thresholds=thresholds) for label in labels
    ]
    spent = time.perf_counter() - begun
    line = {
        **running.finish(),
        **evaluate.figures(labels, verdicts),
        "texts_per_second": round(len(labels) / spent) if spent else None,
    }
    out.write(json.dumps(line, ensure_ascii=False))
