"""One unit leads, others help: the lead or a clerk asks, the helper adds its part, the lead is done when they are.

Helper   sees the case, adds words and photos to it, and says when its part is done. It takes no other step.
Lead     cannot resolve before every helper is done, or was let off with a reason that history keeps.
Races    asking and resolving both change the row of the report first: one of two who act at once is refused.
Errors   NotFound, NotYours, StepNotAllowed, UnknownUnit, SameUnit, HelperAsked, TooManyHelpers, HelpersOpen, Invalid.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qixia.codes.queries import class_names
from qixia.jobs.registry import declare_event
from qixia.kernel import clock
from qixia.kernel.errors import NotFound
from qixia.media.services import Upload, receive
from qixia.people.access import Actor
from qixia.policy.queries import current
from qixia.reports import access, errors, rules
from qixia.reports.models import Help
from qixia.reports.services.arriving.looking import SHOWN, digests_before, refuse_copies
from qixia.reports.services.moves import check_step, take_step
from qixia.reports.services.telling import members_told, tell_many, unit_told
from qixia.reports.services.units.handling import attach
from qixia.reports.services.units.naming import acting_unit, refuse_empty

HELP_ASKED = declare_event("reports.help_asked")
HELP_GIVEN = declare_event("reports.help_given")


@transaction.atomic
def ask_help(*, actor: Actor, public_id: str, unit_code: str, words: str) -> Help:
    """Ask another unit to help. One that was done or let off before is asked again."""
    report = access.case(actor, public_id)
    check_step(report, "ask_help", actor)
    wanted = rules.required_text(words, field="text")
    unit = acting_unit(unit_code)
    if unit.id == report.unit_id:
        raise errors.SameUnit(field="unit")
    limit = current("reports.ways").data.helpers
    open_now = set(Help.objects.filter(report=report, state="asked").values_list("unit_id", flat=True))
    if unit.id in open_now:
        raise errors.HelperAsked(field="unit", unit=unit.name)
    if len(open_now) >= limit:
        raise errors.TooManyHelpers(limit=limit)
    refuse_empty(unit)
    data = {"helper": unit.code}
    row = take_step(report, "ask_help", actor=actor, by=unit.name, text=wanted, data=data, event=HELP_ASKED)
    asked, _new = Help.objects.update_or_create(
        report=report,
        unit_id=unit.id,
        defaults={"state": "asked", "words": wanted, "said": "", "asked_at": clock.now(), "ended_at": None},
    )
    said = {"matter": class_names(report.cls), "text": wanted[:60], "unit": report.unit.name if report.unit else ""}
    tell_many(members_told(report, unit.id, "unit.help_asked", f"help:{row.pk}", **said))
    return asked


def add_help(
    *,
    actor: Actor,
    public_id: str,
    text: str,
    done: bool,
    photos: Sequence[Upload] = (),
    claimed: Sequence[object] = (),
) -> Help:
    """The helper's part: words, photos if there are any, and whether that is all."""
    report = access.case(actor, public_id)
    step = "help_done" if done else "help"
    check_step(report, step, actor)
    words = rules.required_text(text, field="text")
    units = actor.organisation_ids(*access.UNIT_ROLES)
    with receive(photos, field="photos", claimed=claimed) as taken, transaction.atomic():
        asked = Help.objects.select_related("unit").filter(report=report, state="asked", unit_id__in=units)
        mine = asked.order_by("id").first()
        if mine is None:
            raise errors.SomebodyWasFaster
        if taken:
            refuse_copies(digests_before(report, *SHOWN), taken, field="photos")
            attach(report, taken, "after" if done else "onsite")
        data = {"helper": mine.unit.code}
        row = take_step(report, step, actor=actor, by=mine.unit.name, text=words, data=data, event=HELP_GIVEN)
        if done:
            _end(mine, "done", words)
            tell_many(unit_told(report, "unit.help_done", f"help:{row.pk}", unit=mine.unit.name, text=words[:60]))
    return mine


@transaction.atomic
def waive_help(*, actor: Actor, public_id: str, unit_code: str, reason: str) -> Help:
    """Let a helper off: the lead goes on without it."""
    report = access.case(actor, public_id)
    check_step(report, "waive_help", actor)
    words = rules.required_text(reason, field="text")
    asked = Help.objects.select_related("unit").filter(report=report, state="asked", unit__code=unit_code[:40]).first()
    if asked is None:
        raise NotFound
    data = {"helper": asked.unit.code}
    row = take_step(report, "waive_help", actor=actor, by=asked.unit.name, text=words, data=data)
    _end(asked, "waived", words)
    tell_many(members_told(report, asked.unit_id, "unit.help_waived", f"help:{row.pk}", text=words[:60]))
    return asked


def _end(asked: Help, state: str, words: str) -> None:
    changed = Help.objects.filter(pk=asked.pk, state="asked").update(state=state, said=words, ended_at=clock.now())
    if not changed:
        raise errors.SomebodyWasFaster
    asked.state = state
