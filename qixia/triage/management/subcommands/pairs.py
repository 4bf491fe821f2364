"""`qixia triage pairs FILE.jsonl`: one JSON line on stdout. Needs no database: the shipped weights and policy are measured."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from qixia.kernel import measure
from qixia.triage.duplicates import pairs
from qixia.triage.duplicates.reading import read_shipped
from qixia.triage.duplicates.rules import shipped_rules
from qixia.triage.duplicates.score import shipped

HELP = 'figures for a file with lines of {"id", "a": {"text", "lat", "lng", "minutes"}, "b": {…}, "same"}'


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path)


def run(options: dict[str, Any], out: OutputWrapper) -> None:
    running = measure.start(f"triage pairs {options['file'].name}")
    try:
        labels = pairs.read_pairs(options["file"].read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, pairs.BadPairs) as error:
        raise CommandError(str(error)) from error
    rules = shipped_rules()
    begun = time.perf_counter()
    found = pairs.compared(labels, read_shipped)
    verdicts = pairs.verdicts(labels, found, shipped(), rules)
    spent = time.perf_counter() - begun
    line = {
        **running.finish(),
        **pairs.figures(labels, verdicts, rules),
        "pairs_per_second": round(len(labels) / spent) if spent else None,
    }
    out.write(json.dumps(line, ensure_ascii=False))
