"""What people make of a verdict, kept to learn from.

Truth    one row a report: what a model had said first, and what a person says now. Saying it again changes the second.
Secrecy  no rider and no clerk stand in it (who corrected, history says). Words are sealed, long numbers blanked.
Retries  the same correction again is the same row.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.keys import keys
from qixia.triage.comparing import blank_numbers
from qixia.triage.models import Correction

WORDS_MAX = 10_000


@transaction.atomic
def correct(
    *, ref: str, text: str, cls: str, severity: str, was_cls: str, was_severity: str, model: str, actor: str
) -> None:
    """A person says that report `ref` is `cls` and `severity`; `model` had said `was_cls` and `was_severity`.

    Equal values are a confirmation, which is an example too. `actor` is the ref of who says it.
    """
    words = blank_numbers(text[:WORDS_MAX]).strip()
    said = {"at": clock.now(), "cls": cls, "severity": severity, "sealed_words": _sealed(ref, words)}
    first = {"was_cls": was_cls, "was_severity": was_severity, "model": model}
    Correction.objects.update_or_create(ref=ref, defaults=said, create_defaults={**said, **first})
    changed = [name for name, a, b in (("cls", was_cls, cls), ("severity", was_severity, severity)) if a != b]
    record("triage.corrected", subject=ref, actor=actor, changed=changed, cls=cls, severity=severity)


@transaction.atomic
def forget_words(*, refs: Iterable[str], actor: str) -> int:
    """Let go of the words of these reports; the classes stay for the counts. Returns how many rows had any."""
    listed = list(refs)
    gone = Correction.objects.filter(ref__in=listed, sealed_words__isnull=False).update(sealed_words=None)
    if gone:
        record("triage.words_forgotten", subject="triage:corrections", actor=actor, count=gone)
    return gone


def _sealed(ref: str, words: str) -> bytes | None:
    return keys().seal(words.encode(), purpose=f"correction:{ref}") if words else None
