"""Who may have which item, and what is missing, in words. A constant number of queries for any number of items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qixia.codes.queries import divisions_by_code
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.queries import rider_facts
from qixia.rewards import rules
from qixia.rewards.eligibility import Eligibility, Known, Lack, lacks
from qixia.rewards.models import Item, Posting

EMPLOYERS = {"platform": "外卖骑手", "courier": "快递小哥"}


def rule_of(item: Item) -> Eligibility:
    return Eligibility.model_validate(item.eligibility or {})


def lacks_of(actor: Actor, items: Iterable[Item]) -> dict[int, list[str]]:
    """Item id → what is missing in words; only items that this rider may not have. No query where no item asks for
    anything, else three at most."""
    asked = {item.pk: rule for item in items if item.eligibility and not (rule := rule_of(item)).is_open}
    if not asked:
        return {}
    known, places, names = _known(actor, asked.values()), *_places(asked.values())
    today = clock.city_date(clock.now())
    found = {pk: lacks(rule, known, today, places) for pk, rule in asked.items()}
    return {pk: [lack_words(lack, asked[pk], names) for lack in found[pk]] for pk in found if found[pk]}


def _known(actor: Actor, rules_: Iterable[Eligibility]) -> Known:
    days = {rule.earned_days for rule in rules_ if rule.earned_days}
    facts = rider_facts(actor.person_id or 0)
    return Known(
        employers=frozenset({facts.employer_kind} if facts.employer_kind else ()),
        joined_on=facts.since,
        paths=tuple(path for path in actor.paths("rider") if path),
        earned=_earned(actor.ref, days),
    )


def _earned(ref: str, days: set[int]) -> dict[int, int]:
    """Points that came in by acts, less what was taken back, within so many days up to today. One query."""
    if not days:
        return {}
    today = clock.city_date(clock.now())
    since = {count: today - timedelta(days=count - 1) for count in days}
    sums = Posting.objects.filter(
        beneficiary=ref, day__gte=min(since.values()), kind__in=(rules.AWARD, rules.REVERSAL)
    ).aggregate(**{f"d{count}": Sum("points", filter=Q(day__gte=first)) for count, first in since.items()})
    return {count: max(sums[f"d{count}"] or 0, 0) for count in days}


def _places(rules_: Iterable[Eligibility]) -> tuple[dict[str, str], dict[str, str]]:
    """Code → path and code → name of the divisions that are named."""
    codes = {code for rule in rules_ for code in rule.divisions}
    rows = divisions_by_code(codes) if codes else {}
    return {code: row.path for code, row in rows.items()}, {code: row.name for code, row in rows.items()}


def lack_words(lack: Lack, rule: Eligibility, names: dict[str, str]) -> str:
    if lack.kind == "employer":
        return _("这一样给%(whom)s") % {"whom": employer_words(rule.employers)}
    if lack.kind == "earned":
        return _("近 %(days)s 天得满 %(points)s 分可换，还差 %(short)s 分") % {
            "days": rule.earned_days,
            "points": rule.earned_points,
            "short": lack.short,
        }
    if lack.kind == "joined" and lack.on:
        return _("加入满 %(days)s 天可换，%(month)s 月 %(day)s 日起就行") % {
            "days": rule.joined_days,
            "month": lack.on.month,
            "day": lack.on.day,
        }
    return _("只给在%(places)s工作的骑手") % {"places": _named(rule.divisions, names)}


def employer_words(employers: Sequence[str]) -> str:
    return _("和").join(_(EMPLOYERS[one]) for one in employers)


def rule_words(rule: Eligibility) -> list[str]:
    """Every condition as a line for the page of the item, whether it holds or not. One query for the places."""
    found = []
    if rule.employers:
        found.append(_("%(whom)s") % {"whom": employer_words(rule.employers)})
    if rule.earned_points:
        found.append(_("近 %(days)s 天得满 %(points)s 分") % {"days": rule.earned_days, "points": rule.earned_points})
    if rule.joined_days:
        found.append(ngettext("加入满 %(n)s 天", "加入满 %(n)s 天", rule.joined_days) % {"n": rule.joined_days})
    if rule.divisions:
        _paths, names = _places([rule])
        found.append(_("在%(places)s工作") % {"places": _named(rule.divisions, names)})
    return found


def _named(codes: Sequence[str], names: dict[str, str]) -> str:
    return _("、").join(names[code] for code in codes if code in names)
