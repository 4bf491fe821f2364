"""Seen before? What is open nearby and alike, for a rider who has not sent yet.

Asked    with words or a class: what is alike. With a place alone: what is open right there, whatever it is.
Shown    of other riders' reports: class, state, distance, when it came, one small covered photo. Never words, a place in
         words, a rider. Sensitive matters, and those that may turn out to be, are not offered at all.
Offer    a sealed name of the report for this rider alone; see services/supporting.py. The report's own id stays here.
Cost     seven statements, fewer when nothing is near.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.codes.queries import triage_classes
from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.geo import DATUMS, to_wgs84
from qixia.kernel.keys import keys
from qixia.kernel.tokens import b64
from qixia.media.access import picture_url
from qixia.people.access import Actor
from qixia.places.queries import in_city
from qixia.policy.queries import current
from qixia.reports import access, rules, states
from qixia.reports.models import Report, ReportPhoto, Support
from qixia.reports.queries.shared import is_sensitive, title_of
from qixia.reports.sealing import supporter_index
from qixia.triage.queries import Candidate, Seen, around, similar

OFFER = "support-offer"
OFFER_S = 2 * 3600
_BLUR_M = 50  # metres of a phone's own doubt that are added to the circle, at most
_ASKED = 10  # candidates; what may not be offered falls out


@dataclass(frozen=True, slots=True)
class Similar:
    """One report that is open nearby. `offer` is "" for what can't be supported: the own one, or supported before;
    `url` then leads to the rider's own page of it."""

    title: str
    severity: str
    state_key: str
    state_label: str
    distance_m: int
    received_at: datetime
    thumb_url: str | None
    others: int  # who reported it again or supports it
    is_mine: bool
    offer: str
    url: str


def similar_reports(
    actor: Actor,
    *,
    lat: float,
    lng: float,
    datum: str = "wgs84",
    accuracy_m: float | None = None,
    words: str = "",
    cls: str = "",
) -> list[Similar]:
    """The likeliest first, or the nearest. A DomainError for a place outside the city, or in an unknown datum."""
    policy = current("reports.merging").data
    if not policy.offered:
        return []
    if datum not in DATUMS:
        raise Invalid("定位的坐标系不认识。", field="datum")
    here = to_wgs84(lat, lng, datum)  # type: ignore[arg-type]
    in_city(here)
    now = clock.now()
    words = rules.clean_text(words[: rules.WORDS_MAX], field="words", limit=rules.WORDS_MAX)
    seen = Seen("", here.lat, here.lng, accuracy_m, now, words, cls if cls in triage_classes() else "")
    if seen.words or seen.cls:
        found = similar(seen, limit=_ASKED, now=now)
    else:
        within_m = policy.around_m + min(max(accuracy_m or 0, 0), _BLUR_M) if policy.around_m else 0
        found = around(seen, within_m=within_m, limit=_ASKED, now=now)
    leads = _leads([one for one in found if one.verdict in ("same", "ask")])
    offered = [(lead, one) for lead, one in leads if access.is_own(actor, lead) or not is_sensitive(lead)][
        : policy.offered
    ]
    return _views(actor, offered) if offered else []


def _leads(candidates: Sequence[Candidate]) -> list[tuple[Report, Candidate]]:
    """Each open matter once, by its best candidate."""
    ids = [one.ref.removeprefix("report:") for one in candidates]
    rows = Report.objects.filter(public_id__in=ids).select_related("merged_into") if ids else []
    known = {row.ref: row.merged_into or row for row in rows}
    found: dict[int, tuple[Report, Candidate]] = {}
    for one in candidates:
        lead = known.get(one.ref)
        if lead is not None and lead.state in states.MERGEABLE:
            found.setdefault(lead.pk, (lead, one))
    return list(found.values())


def _views(actor: Actor, offered: Sequence[tuple[Report, Candidate]]) -> list[Similar]:
    ids = [lead.pk for lead, _one in offered]
    thumbs, others = covered_thumbs(ids, actor.ref), others_of(ids)
    index = supporter_index(actor.public_id)
    supports = Support.objects.filter(Q(report__in=ids) | Q(report__merged_into__in=ids), index=index)
    pages = {
        lead or report: reverse("reports:supported", args=[public_id])
        for report, lead, public_id in supports.values_list("report_id", "report__merged_into_id", "public_id")
    }
    own = access.own_reports(actor).filter(Q(pk__in=ids) | Q(merged_into__in=ids))
    mine = {
        lead or report: reverse("reports:timeline", args=[public_id])
        for report, lead, public_id in own.values_list("pk", "merged_into_id", "public_id")
    }
    return [
        _view(actor, lead, one, thumbs.get(lead.pk), others.get(lead.pk, 0), mine.get(lead.pk), pages.get(lead.pk))
        for lead, one in offered
    ]


def _view(
    actor: Actor, lead: Report, one: Candidate, thumb: str | None, others: int, mine: str | None, page: str | None
) -> Similar:
    """`mine`, `page`: the rider's own pages of it, if there are any."""
    label, _mine, key = states.LABELS[lead.state]
    url = mine or page or ""
    return Similar(
        title=title_of(lead),
        severity=lead.severity,
        state_key=key,
        state_label=_(label),
        distance_m=round(one.distance_m),
        received_at=lead.received_at,
        thumb_url=thumb,
        others=others,
        is_mine=mine is not None,
        offer="" if url else _offer(actor, lead),
        url=url,
    )


def _offer(actor: Actor, report: Report) -> str:
    given = {"report": report.public_id, "to": actor.public_id, "at": int(clock.now().timestamp())}
    return b64(keys().seal(json.dumps(given).encode(), purpose=OFFER))


def covered_thumbs(report_ids: Sequence[int], viewer_ref: str) -> dict[int, str]:
    """Report → its first photo, small, for somebody who is not its reporter: covered copies only. One query."""
    rows = ReportPhoto.objects.filter(report__in=report_ids, role="before", evidence__state="ready").order_by("-id")
    return {
        report_id: picture_url(evidence, "thumb", viewer_ref, state="ready")
        for report_id, evidence in rows.values_list("report_id", "evidence__public_id")
    }


def others_of(report_ids: Sequence[int]) -> dict[int, int]:
    """Lead → how many reported it again or support it or what is merged into it. Two queries."""
    merged = dict(
        Report.objects.filter(merged_into__in=report_ids).order_by().values_list("merged_into").annotate(n=Count("pk"))
    )
    supports = Support.objects.filter(Q(report__in=report_ids) | Q(report__merged_into__in=report_ids)).order_by()
    for report_id, lead_id, n in supports.values_list("report_id", "report__merged_into_id").annotate(n=Count("pk")):
        key = lead_id or report_id
        merged[key] = merged.get(key, 0) + n
    return merged
