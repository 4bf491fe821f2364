"""What of a merchant's papers is in force."""

from __future__ import annotations

from django.db.models import Q

from qixia.kernel import clock
from qixia.merchants import rules, states
from qixia.merchants.models import Merchant, Paper
from qixia.policy.queries import current


def has_kind(merchant: Merchant) -> bool:
    """Whether policy still knows this kind of shop; of one that it does not know nobody can say what it needs."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    return policy.kind(merchant.kind) is not None


def missing_papers(merchant: Merchant) -> tuple[str, ...]:
    """Kinds of papers that a merchant of this kind needs and that are not in force today. One query."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    kind = policy.kind(merchant.kind)
    today = clock.city_date(clock.now())
    good = Paper.objects.filter(merchant=merchant, state=states.ACCEPTED)
    there = set(good.filter(Q(valid_until=None) | Q(valid_until__gte=today)).values_list("kind", flat=True))
    return tuple(paper for paper in (kind.papers if kind else ()) if paper not in there)
