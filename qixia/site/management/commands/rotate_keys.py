"""`qixia rotate-keys`: seal anew what is under old master keys; with --new, after making a new one. docs/adr/0012."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.kernel.keys import keys
from qixia.site import rotation


class Command(BaseCommand):
    help = "Move everything sealed to the current master key; one JSON line a column, a last one on what is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new", action="store_true", help="put a new master key in force first")
        parser.add_argument("--forget", metavar="KEY", help="remove the file of an old key that nothing needs any more")
        parser.add_argument(
            "--at-once", action="store_true", help="with --forget: although signatures may be under way"
        )
        parser.add_argument("--batch", type=int, default=rotation.BATCH, help="values sealed anew in a transaction")

    def handle(self, *args: Any, new: bool, forget: str | None, at_once: bool, batch: int, **options: Any) -> None:
        if forget:
            self._forget(forget, at_once)
            return
        if new or rotation.is_half_done():
            self._begin()
        columns = []
        for column in rotation.walk(batch=batch):
            columns.append(column)
            self._say(
                column=column.column,
                moved=column.moved,
                unreadable=column.unreadable,
                keys=dict(sorted(column.keys.items())),
            )
        left = rotation.left_on_old_keys(columns)
        self._say(current=keys().key_id, left=left, may_be_forgotten=[key for key, count in left.items() if not count])
        if any(column.unreadable for column in columns):
            raise CommandError("some values do not open with any key at hand; the log names their rows")

    def _begin(self) -> None:
        try:
            self._say(new=rotation.begin())
        except OSError as error:
            raise CommandError(
                f"the folder of the master key cannot be written: {error}\nRotate where it can, on a copy of the"
                " folder, and put the files in place together."
            ) from error

    def _forget(self, key_id: str, at_once: bool) -> None:
        try:
            rotation.forget(key_id, at_once=at_once)
        except KeyError:
            raise CommandError(f"there is no old key {key_id}; there are: {', '.join(keys().key_ids[1:])}") from None
        except rotation.StillNeeded as error:
            raise CommandError(f"still needed by {error}; run `qixia rotate-keys` first") from error
        except rotation.TooYoung as error:
            raise CommandError(
                f"replaced only {error} ago: signatures may be under way (--at-once to insist)"
            ) from error
        self._say(forgotten=key_id, current=keys().key_id)

    def _say(self, **facts: Any) -> None:
        self.stdout.write(json.dumps(facts))
