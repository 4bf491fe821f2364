"""`qixia backup PLACE`: database and pictures in one archive, while everything goes on; never the keys.

PLACE is a file that does not exist yet, or a folder: then the name holds the time, and `--keep N` removes all but the N
youngest there. `--verify FILE` reads an archive to its end and compares it with its manifest.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.site.backup import archive
from qixia.site.backup.archive import BadArchive, Manifest
from qixia.site.backup.make import make_backup
from qixia.site.backup.refusal import Refused


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", nargs="?", type=Path, help="a new file, or a folder")
        parser.add_argument("--keep", type=int, default=0, help="in a folder: remove all but the N youngest")
        parser.add_argument("--verify", type=Path, metavar="FILE", help="read FILE and say whether it is whole")

    def handle(self, *args: Any, place: Path | None, keep: int, verify: Path | None, **options: Any) -> None:
        if (place is None) == (verify is None) or keep < 0:
            raise CommandError(
                "Say where to: qixia backup PLACE, or which archive to look at: qixia backup --verify FILE"
            )
        try:
            self._verify(verify) if verify else self._make(place, keep)
        except BadArchive as error:
            raise CommandError(f"{verify} is no sound backup: {error}.") from error
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error

    def _make(self, place: Path | None, keep: int) -> None:
        assert place is not None
        made = make_backup(place, keep=keep)
        self.stdout.write(f"{made.path}  {made.bytes / 1e6:.1f} MB in {made.seconds:.1f} s; {_content(made.manifest)}")
        if made.manifest.missing:
            self.stderr.write(f"For {len(made.manifest.missing)} pictures there was no file on the disk.")

    def _verify(self, path: Path) -> None:
        manifest = archive.verify(path)
        self.stdout.write(f"sound: {path} of {manifest.made_at}, release {manifest.version}; {_content(manifest)}")


def _content(manifest: Manifest) -> str:
    keys = ", ".join(manifest.key_ids)
    return f"{manifest.engine}, {manifest.rows} rows, {manifest.files} files; needs the master key {keys}"
