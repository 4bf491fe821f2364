"""Filters that people save. Their own business: no other person's list changes by them.

Truth    a saved filter is made anew from known parts (queries.listing.Filter), so no forged address is kept.
Limits   KEPT filters a person. A name that is used already takes the new filter.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.db import transaction

from qixia.audit.services import record
from qixia.kernel.errors import Conflict, Invalid, NotFound
from qixia.people.access import Actor
from qixia.reports import access, rules
from qixia.reports.models import SavedFilter
from qixia.reports.queries.listing import Filter

KEPT = 30
NAME_MAX = 20
QUERY_MAX = 400


class TooManyFilters(Conflict):
    code = "reports.too_many_filters"
    message = "最多存 %(limit)d 个筛选，请先删掉不用的。"


@transaction.atomic
def save_filter(*, actor: Actor, name: str, wanted: Filter, shared: bool = False, default: bool = False) -> SavedFilter:
    """Keep what `wanted` narrows to under a name. `shared`: everybody of the actor's organisation has it too."""
    title = rules.required_text(name, field="name", limit=NAME_MAX)
    query = urlencode(wanted.known().parts())
    if not query:
        raise Invalid("现在没有筛选条件，先选好再存。", field="name")
    if len(query) > QUERY_MAX:
        raise Invalid("这个筛选条件太长，存不下。", field="name")
    own = SavedFilter.objects.filter(owner_id=actor.person_id)
    if not own.filter(name=title).exists() and own.count() >= KEPT:
        raise TooManyFilters(limit=KEPT)
    if default:
        own.update(is_default=False)
    values = {"query": query, "is_default": default, "shared_with_id": _organisation(actor) if shared else None}
    row, _new = SavedFilter.objects.update_or_create(owner_id=actor.person_id, name=title, defaults=values)
    record("reports.filter_saved", subject=f"filter:{row.public_id}", actor=actor.ref, shared=shared)
    return row


@transaction.atomic
def prefer_filter(*, actor: Actor, public_id: str, default: bool = True) -> None:
    """The queue opens with this one from now on, or no longer."""
    row = _own(actor, public_id)
    SavedFilter.objects.filter(owner_id=actor.person_id).update(is_default=False)
    SavedFilter.objects.filter(pk=row.pk).update(is_default=default)
    record("reports.filter_preferred", subject=f"filter:{row.public_id}", actor=actor.ref, default=default)


@transaction.atomic
def drop_filter(*, actor: Actor, public_id: str) -> None:
    """Forget a filter of one's own; colleagues who had it by sharing lose it too."""
    row = _own(actor, public_id)
    record("reports.filter_dropped", subject=f"filter:{row.public_id}", actor=actor.ref)
    row.delete()


def _own(actor: Actor, public_id: str) -> SavedFilter:
    row = SavedFilter.objects.filter(owner_id=actor.person_id, public_id=public_id[:26].replace("\0", "")).first()
    if row is None:
        raise NotFound
    return row


def _organisation(actor: Actor) -> int | None:
    """Where the actor works as staff."""
    return min(actor.organisation_ids(*access.STAFF_ROLES), default=None)
