"""Which columns hold what the master key sealed or wrapped. Apps declare theirs; the rotation of keys walks the list.

    declare("people.TotpDevice", "sealed_secret", "people.totp:{person_id}")   # keys().seal(…, purpose=…)
    declare("people.PersonKey", "wrapped", None)                               # keys().wrap(…)

Purpose  as the app composes it, with fields of the row in braces.
Errors   ValueError for a column that is declared twice in different ways. A sealed column that nobody declares fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from qixia.kernel.keys import Keys


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column of one table, named as Django names its models.

    `key_id`: a column that repeats which key it is. `append_only`: the database refuses changes, so its values stay under
    the key that sealed them, and that key stays for reading until the rows go.
    """

    model: str
    column: str
    purpose: str | None
    key_id: str = ""
    append_only: bool = False

    @property
    def name(self) -> str:
        return f"{self.model}.{self.column}"

    @property
    def fields(self) -> tuple[str, ...]:
        """What the purpose reads of the row."""
        return tuple(name for _text, name, *_rest in Formatter().parse(self.purpose or "") if name)

    def move(self, keys: Keys, value: bytes, row: Mapping[str, Any]) -> bytes:
        """`value` under the current master key. BadSeal if it doesn't open."""
        if self.purpose is None:
            return keys.wrap(keys.unwrap(value))
        purpose = self.purpose.format_map(row)
        return keys.seal(keys.open(value, purpose=purpose), purpose=purpose)


_declared: dict[str, SealedColumn] = {}


def declare(model: str, column: str, purpose: str | None, *, key_id: str = "", append_only: bool = False) -> None:
    """Say that a column is sealed; in AppConfig.ready()."""
    new = SealedColumn(model, column, purpose, key_id, append_only)
    if _declared.setdefault(new.name, new) != new:
        raise ValueError(f"{new.name} is declared twice")


def sealed_columns() -> list[SealedColumn]:
    return [_declared[name] for name in sorted(_declared)]
