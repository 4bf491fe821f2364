"""Files in docs/ that are made from the code: written with --write, compared with --check.

A change of the API or of the events then shows in the diff of the change that made it.
"""

import difflib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qixia.kernel.config import PROJECT_DIR

DOCS = PROJECT_DIR / "docs"
SHOWN_LINES = 40


class SnapshotCommand(BaseCommand):
    """A command that makes one file of docs/. Without an option it prints the text."""

    file_name = ""

    def text(self) -> str:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--write", action="store_true", help=f"write docs/{self.file_name}")
        group.add_argument("--check", action="store_true", help="fail if the file says something else")

    def handle(self, *args: Any, write: bool, check: bool, **options: Any) -> None:
        path, text = DOCS / self.file_name, self.text()
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif check:
            self._compare(path, text)
        else:
            self.stdout.write(text)

    def _compare(self, path: Path, text: str) -> None:
        kept = path.read_text() if path.exists() else ""
        if kept == text:
            return
        lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), "committed", "made now", lineterm="")
        shown = "\n".join(list(lines)[:SHOWN_LINES])
        name = type(self).__module__.rpartition(".")[2]
        raise CommandError(f"docs/{self.file_name} is out of date. If you meant it: qixia {name} --write\n{shown}")
