"""`qixia load_district FILE`: bring a district document (qixia-district/1, JSON) into the tables."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.places.services import BadDistrict, load_district


class Command(BaseCommand):
    help = "Load divisions, grid cells, sites, roads and map shapes from a district document."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--demo", action="store_true", help="mark the divisions as demo data")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = json.loads(options["file"].read_text(encoding="utf-8"))
            changed = load_district(data, actor="system:operator", is_demo=options["demo"])
        except (OSError, ValueError, BadDistrict) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("loaded" if changed else "nothing to change")
