"""Switching a model on and back. A person does it, with a reason; the policy "triage.model" is what is changed.

Refused  an artefact that cannot be read (BadModel); one that was not tried against the model in use, or that misses more
         danger than it (RiskNotTaken), unless the person writes that sentence. Then nothing has changed.
Races    `after` is the version of the policy that the person saw: of two who switch at once the second is told (Stale).
Back     one step back needs no reason and no trial: that model has judged here before.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qixia.audit.rules import check_reason
from qixia.audit.services import record
from qixia.kernel.errors import Conflict, Invalid, NotAllowed
from qixia.people.access import Actor
from qixia.policy.services import publish
from qixia.triage import active, comparing
from qixia.triage.choice import MODEL
from qixia.triage.models import LearningRun
from qixia.triage.overview import previous
from qixia.triage.services.trying import SameModel, readable

# What a person writes to switch on a model that was not tried or misses more.
SENTENCE = gettext_noop("我知道它可能漏掉危险")
BACK = gettext_noop("换回上一个模型")


class RiskNotTaken(Invalid):
    code = "triage.risk_not_taken"


class NothingBefore(Conflict):
    code = "triage.nothing_before"
    message = "之前没有用过别的模型，没有可以换回的。"


@transaction.atomic
def switch_model(*, actor: Actor, artefact: str, reason: str, after: int, sentence: str = "") -> None:
    """Let `artefact` judge from now on; every process has followed a few seconds later."""
    if not actor.has("admin"):
        raise NotAllowed
    words = check_reason(reason)
    before = active.chosen()[0]
    if artefact == before:
        raise SameModel
    readable(artefact)
    _check_risk(artefact, before, sentence)
    _publish(actor, artefact, before, words, after)


@transaction.atomic
def switch_back(*, actor: Actor, after: int) -> str:
    """Let the model judge again that judged before the one in use; returns its artefact."""
    if not actor.has("admin"):
        raise NotAllowed
    before, artefact = active.chosen()[0], previous()
    if not artefact:
        raise NothingBefore
    readable(artefact)
    _publish(actor, artefact, before, BACK, after)
    return artefact


def comparison(artefact: str, against: str) -> LearningRun | None:
    """The latest finished trial of one against the other."""
    done = LearningRun.objects.filter(kind="shadow", state="done", artefact=artefact, against=against)
    return done.order_by("-id").first()


def _check_risk(artefact: str, before: str, sentence: str) -> None:
    if sentence.strip() in (SENTENCE, _(SENTENCE)):
        return
    tried = comparison(artefact, before)
    if tried is None:
        raise RiskNotTaken("它还没有和现在用的模型比过。要直接启用，请照着写下那句话。", field="sentence")
    if comparing.misses_more(tried.summary):
        raise RiskNotTaken(
            "试跑里它漏掉的危险更多：%(new)s 件，现在是 %(now)s 件。要启用，请照着写下那句话。",
            field="sentence",
            new=tried.summary["missed_new"],
            now=tried.summary["missed_now"],
        )


def _publish(actor: Actor, artefact: str, before: str, note: str, after: int) -> None:
    found = publish(MODEL, {"artefact": artefact}, note=note[:300], actor_ref=actor.ref, after=after)
    record(
        "triage.model_switched",
        subject=f"model:{artefact}",
        actor=actor.ref,
        before=before,
        version=found.version,
    )
