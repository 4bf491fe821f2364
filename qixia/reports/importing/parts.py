"""What is kept sealed of a batch and of a row, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from qixia.reports.importing.limits import CELL


@dataclass(slots=True)
class Head:
    """Of a batch: what the file is called, the headings of a list, photos by name, photos that were refused and why."""

    name: str = ""
    headings: list[str] = field(default_factory=list)
    photos: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def pack(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def unpack(cls, plain: bytes) -> Head:
        return cls(**json.loads(plain))


@dataclass(slots=True)
class Said:
    """Of a row: what somebody wrote, who, and what a list says besides. The phone is covered but for head and tail."""

    text: str = ""
    sender: str = ""
    phone: str = ""
    place: str = ""
    unit: str = ""
    status: str = ""
    time: str = ""  # as written, where it could not be read
    photos: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What the report will say: where a list has a column for the place, it is part of it."""
        parts = [self.place if self.place and self.place not in self.text else "", self.text]
        return " ".join(part for part in parts if part)[:CELL]

    def pack(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def unpack(cls, plain: bytes) -> Said:
        return cls(**json.loads(plain))
