"""`qixia push_key`: the key pair that signs web pushes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from qixia.notices import services

OPERATOR = "system:operator"


class Command(BaseCommand):
    help = "Print the public key that signs web pushes; --rotate puts a new pair in force (docs/notices.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rotate", action="store_true")
        parser.add_argument(
            "--leaked", action="store_true", help="with --rotate: forget the old pairs, and the devices that use them"
        )

    def handle(self, *args: Any, rotate: bool = False, leaked: bool = False, **options: Any) -> None:
        if rotate:
            self.stdout.write(services.rotate_push_key(actor=OPERATOR, drop_old=leaked))
        else:
            self.stdout.write(services.push_key())
