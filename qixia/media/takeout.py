"""The pictures that a person gave, for that person's own copy of everything.

No access is recorded here: a line that names the person beside a report would undo the sealing. Whoever makes the copy
records one access of the person's own data, without the reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qixia.kernel.keys import BadSeal
from qixia.media import files
from qixia.media.models import DESTROYED, Evidence
from qixia.media.sealed import Damaged

SHOWN_SIZE = "full"
_ENDINGS = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One photo or clip: the original as it came, if it is still there, and the copy that others see."""

    public_id: str
    ending: str
    row: Evidence

    @property
    def shown(self) -> Path | None:
        """The redacted copy."""
        path = files.copy_path(self.row.storage_name, SHOWN_SIZE)
        return path if path.is_file() else None

    def original(self) -> BinaryIO | None:
        """To be read piece by piece and closed; None if it was destroyed or does not open."""
        if self.row.key_id == DESTROYED:
            return None
        try:
            return files.open_original_stream(self.row.storage_name, self.row.file_key)
        except (FileNotFoundError, BadSeal, Damaged):
            return None


def own_files(public_ids: Iterable[str]) -> Iterator[OwnFile]:
    """The files of these evidence ids, in no order; one row at a time in memory."""
    for row in Evidence.objects.filter(public_id__in=list(public_ids)).iterator():
        yield OwnFile(row.public_id, _ENDINGS.get(row.format, row.format), row)
