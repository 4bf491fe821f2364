"""Child of `qixia bench gifts`: fills this database with entrants and draws. Never in a real one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.lab import gifts
from qixia.people.models import Person


class Command(BaseCommand):
    help = "Draw a campaign of many entrants, in the database at hand."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rows", type=int)
        parser.add_argument("seed", type=int)

    def handle(self, *args: Any, rows: int, seed: int, **options: Any) -> None:
        if Person.objects.exists():
            raise CommandError("this database is in use")
        found = gifts.measured(gifts.Options(rows=rows, seed=seed))
        self.stdout.write(json.dumps(found))
