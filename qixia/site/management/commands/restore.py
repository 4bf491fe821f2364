"""`qixia restore FILE`: an installation as it was in a backup. The keys come from elsewhere: they are in no backup.

Refuses data that are there already unless `--replace` is given, another master key, an archive that is not whole, one of
a newer release, and a running Qixia. What was replaced is kept beside (on PostgreSQL the pictures only).
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.site.backup.archive import BadArchive
from qixia.site.backup.refusal import Refused
from qixia.site.backup.restore import restore


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="put the archive in the place of what is there")

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        try:
            done = restore(file, replace=replace)
        except BadArchive as error:
            raise CommandError(f"{file} is no sound backup: {error}. Nothing has changed.") from error
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error
        manifest = done.manifest
        self.stdout.write(f"restored as of {manifest.made_at}: {manifest.rows} rows, {manifest.files} files")
        for place in done.replaced:
            self.stdout.write(f"what was there before is kept: {place}")
        if done.closed:
            self.stderr.write(f"Values under these old master keys stay closed until the keys are here: {done.closed}")
        if done.is_older:
            self.stdout.write("The backup is of an older release. Run now: qixia prepare")
