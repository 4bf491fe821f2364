"""`qixia triage train --from-corrections`: learn anew with what clerks corrected, and keep the model as a draft.

Nothing is switched: a person does that on the model page. `--run` is the training that a page asked for; without it one
is begun here.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from qixia.kernel import clock, measure
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError
from qixia.people.access import system_actor
from qixia.triage import services
from qixia.triage.learning.fitting import TooLittle
from qixia.triage.queries import thresholds
from qixia.triage.teacher import Shipped


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from-corrections", action="store_true", help="add what clerks corrected, keep the model as a draft"
    )
    parser.add_argument("--run", default="", help="the training that the model page asked for")


def run(options: dict[str, Any], out: OutputWrapper) -> None:
    running = measure.start("triage train --from-corrections")
    teacher = Shipped(
        thresholds=thresholds(),
        as_of=clock.city_date(clock.now()),
        texts_a_class=get_config().training_texts_a_class,
    )
    try:
        wanted = options["run"] or services.ask_training(actor=system_actor("command"), at_once=True)
        artefact = services.train(run=wanted, teacher=teacher)
    except (DomainError, TooLittle, ValueError) as error:
        raise CommandError(str(error)) from error
    out.write(json.dumps({**running.finish(), "run": wanted, "artefact": artefact}, ensure_ascii=False))
