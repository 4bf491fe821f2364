"""`qixia triage train`: learn from the shipped voices (and others) and write the artefact; one JSON line on stdout.

Without --out the figures of the folds are printed and nothing is written.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from qixia.kernel import clock, measure
from qixia.triage.learning import examples, proving
from qixia.triage.learning.fitting import TooLittle
from qixia.triage.learning.seeing import classes
from qixia.triage.management.subcommands import corrections
from qixia.triage.queries import shipped_thresholds

HELP = "learn from labelled texts and write a model file"


def add_arguments(parser: ArgumentParser) -> None:
    corrections.add_arguments(parser)
    parser.add_argument("--out", type=Path, help="where to write the artefact")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help='more lines of {"text", "class", "severity"}')
    parser.add_argument("--as-of", type=date.fromisoformat, default=None, help="the date on the model's card")
    parser.add_argument("--proofs", type=Path, help="where to write what each text was taken for while held out")


def run(options: dict[str, Any], out: OutputWrapper) -> None:
    if options["from_corrections"]:
        corrections.run(options, out)
        return
    running = measure.start("triage train")
    try:
        lessons = [*examples.shipped(classes(), use="learn"), *_more(options["more"])]
        trained = proving.train_and_prove(
            lessons,
            held_out=examples.shipped(classes(), use="prove"),
            as_of=options["as_of"] or clock.now().date(),
            name="shipped",
            folds=examples.writers(),
            thresholds=shipped_thresholds(),
            progress=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except (OSError, examples.BadLabels, TooLittle) as error:
        raise CommandError(str(error)) from error
    data = trained.model.to_bytes()
    if options["out"]:
        options["out"].write_bytes(data)
    if options["proofs"]:
        lines = (json.dumps(proof, ensure_ascii=False) for proof in trained.proofs)
        options["proofs"].write_text("\n".join(lines) + "\n", encoding="utf-8")
    out.write(json.dumps({**running.finish(), "bytes": len(data), **trained.model.card}, ensure_ascii=False))


def _more(paths: list[Path]) -> list[examples.Example]:
    return [
        example
        for path in paths
        for example in examples.read_examples(
            path.read_text(encoding="utf-8").splitlines(), classes(), source=f"file:{path.name}"
        )
    ]
