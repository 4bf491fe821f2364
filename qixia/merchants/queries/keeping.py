"""A shop as its keepers see it, and as who decides about it does: papers, agreement, hours, perks, stars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from qixia.kernel import clock
from qixia.media.access import picture_url
from qixia.media.queries import pictures
from qixia.merchants import access, errors, rules, states
from qixia.merchants.models import Agreement, Merchant, Paper, Perk, Suspension
from qixia.merchants.queries.papers import missing_papers
from qixia.merchants.queries.rating import published_of, stars_of
from qixia.merchants.queries.words import PerkView, perk_view, week_of
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.rewards.queries import vouchers_wait


@dataclass(frozen=True, slots=True)
class PaperLine:
    public_id: str
    title: str
    state: str
    label: str
    reason: str
    handed_in_at: datetime
    valid_until: date | None
    is_over: bool
    thumb: str
    full: str


@dataclass(frozen=True, slots=True)
class Pause:
    reason: str
    vouchers_wait: bool  # or their points have gone back to the riders
    since: datetime
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Text:
    """The agreement in force."""

    version: int
    title: str
    paragraphs: list[str]
    is_agreed: bool


@dataclass(frozen=True, slots=True)
class Kept:
    organisation: int  # its key, by which pages choose among several shops
    public_id: str
    name: str
    kind: str
    address: str
    state: str
    label: str
    glyph: str
    reason: str
    hours: str
    phone: str
    week: list[tuple[str, str]]
    papers: list[PaperLine]
    missing: list[str]
    text: Text
    perks: list[PerkView]
    pause: Pause | None
    stars: list[tuple[int, int]]
    average: str

    def may(self, step: str) -> bool:
        return states.may(step, self.state)

    @property
    def is_open(self) -> bool:
        """Still in, or on the way in."""
        return self.state in states.OPEN

    @property
    def to_hand_in(self) -> list[str]:
        """What is missing and does not wait for a look either."""
        waiting = {paper.title for paper in self.papers if paper.state == states.HANDED_IN}
        return [title for title in self.missing if title not in waiting]

    @property
    def is_waiting(self) -> bool:
        return self.state in states.WAITING


def shops_of(actor: Actor) -> list[tuple[int, str, str]]:
    """(organisation, its name, public id of the merchant or "") of every shop that the actor keeps. One query."""
    kept = {grant.organisation_id: grant.organisation_name for grant in actor.grants if grant.role == "merchant"}
    ours = dict(access.own(actor).values_list("organisation_id", "public_id"))
    return [(key, kept[key], ours.get(key, "")) for key in sorted(kept)]


def own_shop(actor: Actor, public_id: str) -> Kept:
    row = access.own(actor).select_related("organisation").filter(public_id=public_id).first()
    if row is None:
        raise errors.NoSuchMerchant
    return kept(actor, row)


def kept(actor: Actor, row: Merchant) -> Kept:
    """Nine queries at most."""
    policy: rules.KindsPolicy = current("merchants.kinds").data
    kind = policy.kind(row.kind)
    perks = Perk.objects.filter(merchant=row, ended_at=None).order_by("pk")
    today = clock.city_date(clock.now())
    return Kept(
        organisation=row.organisation_id,
        public_id=row.public_id,
        name=row.organisation.name,
        kind=_(kind.title) if kind else row.kind,
        address=row.address,
        state=row.state,
        label=_(states.LABELS[row.state]),
        glyph=states.GLYPHS[row.state],
        reason=row.reason,
        hours=row.hours,
        phone=row.phone,
        week=week_of(row.hours),
        papers=_papers(actor, row, policy),
        missing=[_(policy.paper_title(slug)) for slug in missing_papers(row)],
        text=_text(row),
        perks=[perk_view(perk) for perk in perks if perk.ends_on is None or perk.ends_on >= today],
        pause=_pause(row),
        stars=stars_of(row),
        average=published_of(row, policy)[1],
    )


def _papers(actor: Actor, row: Merchant, policy: rules.KindsPolicy) -> list[PaperLine]:
    """The latest of each kind that is not replaced: what is in force, what waits, what was turned down."""
    papers = list(Paper.objects.filter(merchant=row).exclude(state=states.REPLACED).order_by("-pk")[:12])
    shown = pictures(paper.evidence_id for paper in papers)
    today, found, seen = clock.city_date(clock.now()), [], set()
    for paper in papers:
        if (paper.kind, paper.state) in seen:
            continue
        seen.add((paper.kind, paper.state))
        photo = shown[paper.evidence_id]
        found.append(
            PaperLine(
                public_id=paper.public_id,
                title=_(policy.paper_title(paper.kind)),
                state=paper.state,
                label=_(states.PAPER_LABELS[paper.state]),
                reason=paper.reason,
                handed_in_at=paper.handed_in_at,
                valid_until=paper.valid_until,
                is_over=paper.valid_until is not None and paper.valid_until < today,
                thumb=picture_url(photo.public_id, "thumb", actor.ref, state=photo.state),
                full=picture_url(photo.public_id, "full", actor.ref, state=photo.state),
            )
        )
    return found


def _text(row: Merchant) -> Text:
    version = current("merchants.agreement")
    data: rules.AgreementPolicy = version.data
    is_agreed = Agreement.objects.filter(merchant=row, version=version.version).exists()
    return Text(version.version, _(data.title), [_(one) for one in data.paragraphs], is_agreed)


def _pause(row: Merchant) -> Pause | None:
    found = Suspension.objects.filter(merchant=row, ended_at=None).first()
    if found is None:
        return None
    last = clock.city_date(found.until - timedelta(seconds=1)) if found.until else None
    return Pause(found.reason, vouchers_wait(row.organisation_id), found.since, last)
