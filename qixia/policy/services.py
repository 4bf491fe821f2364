"""Publishing rules. A version is never edited; a mistake is mended by the next version."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Stale
from qixia.policy import kinds, queries
from qixia.policy.models import Installation, RuleVersion

# The rules that ship with Qixia hold since ever, so a demo may look back as far as it likes.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


def publish(
    kind: str, data: object, *, note: str, actor_ref: str, valid_from: datetime | None = None, after: int | None = None
) -> queries.Rules:
    """Publish a new version of `kind`, in force from `valid_from` (now by default).

    `after` is the version that the editor saw: Stale if another one was published meanwhile. Invalid names the place
    of the first fault in `data`.
    """
    parsed = kinds.get(kind).parse(data)
    with transaction.atomic():
        latest = RuleVersion.objects.filter(kind=kind).aggregate(top=Max("version"))["top"] or 0
        if after is not None and after != latest:
            raise Stale
        try:
            with transaction.atomic():
                row = RuleVersion.objects.create(
                    kind=kind,
                    version=latest + 1,
                    valid_from=valid_from or clock.now(),
                    data=data,
                    note=note,
                    published_by=actor_ref,
                    published_at=clock.now(),
                )
        except IntegrityError as error:
            raise Stale from error
        record("policy.published", subject=f"rules:{kind}", actor=actor_ref, version=row.version)
    queries.forget()
    return queries.Rules(kind, row.version, row.valid_from, parsed)


def publish_seeds(*, actor_ref: str = "system:setup") -> list[str]:
    """Publish the version that ships with Qixia for every kind that has none. Returns their names."""
    have = set(RuleVersion.objects.values_list("kind", flat=True).distinct())
    new = [kind for kind in kinds.all_kinds() if kind.name not in have]
    for kind in new:
        publish(kind.name, kind.read_seed(), note="随系统发布", actor_ref=actor_ref, valid_from=_EVER)
    return [kind.name for kind in new]


class AlreadyStamped(Conflict):
    code = "policy.already_stamped"
    message = "这个数据库已有用途标记，不能改作他用。"


@transaction.atomic
def stamp_installation(
    *, is_demo: bool, seed: int = 0, as_of: date | None = None, actor_ref: str = "system:setup"
) -> None:
    """Say once what this database is. Saying the same again changes nothing; saying the other is AlreadyStamped."""
    row, is_new = Installation.objects.get_or_create(
        pk=1, defaults={"is_demo": is_demo, "seed": seed, "as_of": as_of, "stamped_at": clock.now()}
    )
    if row.is_demo != is_demo:
        raise AlreadyStamped
    if is_new:
        record("policy.stamped", subject="installation:1", actor=actor_ref, is_demo=is_demo)
