"""One way to tell somebody something: a line in the inbox, or a text message for a code.

Truth    Notice rows; the unique `key` makes each happen once, however often and from however many workers it is told.
Errors   UnknownTemplate is a mistake in the caller, not in the data.
History  a notice is its own record, so telling and reading leave no audit event; sending a message does.
Secrecy  facts, link and key of a notice are stored sealed or as a keyed hash. Nothing about a notice leaves the house
         but `queries.outside(template, language)`, see sending.py.
Outside  a notice waits until fanning.py has looked at it: telling costs no more than its row.
Retries  `tell` again: nothing. `send_code` again after it went out: nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from qixia.audit.rows import insert_new
from qixia.audit.services import record
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.notices import queries, rules, senders
from qixia.notices.models import Choice, MailAddress, Message, Notice, PushSubscription, QuietHours
from qixia.people.rules import same_host_path


class UnknownTemplate(LookupError):
    """No such template in the policy in force."""


@dataclass(frozen=True, slots=True)
class Tell:
    """One thing to tell. `params` holds facts (numbers, names of units, points), `link` a path of this site."""

    person_id: int
    template: str
    params: dict[str, Any]
    link: str
    key: str


def tell(person_id: int, template: str, *, key: str, params: dict[str, Any] | None = None, link: str = "") -> None:
    """Put one notice into a person's inbox, in the caller's transaction, exactly once by `key`."""
    tell_many([Tell(person_id, template, params or {}, link, key)])


def tell_many(tells: Iterable[Tell]) -> None:
    """The same for many, in one statement."""
    asked = list(tells)
    known = queries.templates().notices
    for one in asked:
        if one.template not in known:
            raise UnknownTemplate(one.template)
    now, ours = clock.now(), keys()
    insert_new(
        Notice,
        ("public_id", "person_id", "template", "sealed", "key", "created_at", "waits"),
        [
            (
                new_public_id(),
                one.person_id,
                one.template,
                ours.seal(rules.pack(one.params, same_host_path(one.link)[:200]), purpose=queries.SEAL),
                ours.blind_index(one.key, purpose=queries.SEAL),
                now,
                True,
            )
            for one in asked
        ],
    )


def mark_read(*, person_id: int, public_id: str) -> None:
    """One notice of this person is read; the first time counts."""
    Notice.objects.filter(person_id=person_id, public_id=public_id, read_at=None).update(read_at=clock.now())


def mark_all_read(*, person_id: int) -> int:
    """Everything so far is read; how many were not."""
    return Notice.objects.filter(person_id=person_id, read_at=None).update(read_at=clock.now())


@transaction.atomic
def forget_person(*, person_id: int) -> None:
    """Delete everything that this person was told and chose, because the person is erased. Idempotent."""
    gone = 0
    for model in (Notice, PushSubscription, MailAddress, Choice, QuietHours):
        gone += model._default_manager.filter(person_id=person_id).delete()[0]
    if gone:
        record("notices.forgotten", subject="notices", actor="system:erasure", count=gone)


def send_code(phone: str, code: str, *, key: str, language: str = "zh-hans") -> None:
    """Send a one-time code by text message. Only from a job, never inside a transaction: it waits for a gateway."""
    sender = senders.sender_for(get_config())
    message, _is_new = Message.objects.get_or_create(
        key=key, defaults={"sender": sender.name, "created_at": clock.now()}
    )
    if message.state == Message.SENT:
        return
    words = queries.templates().sms["sign_in_code"]
    text = rules.fill(words.en if language.startswith("en") else words.zh, {"code": code}, language)
    try:
        reference = sender.send(phone, text)
    except senders.SendFailed as error:
        _note(message, Message.FAILED, error=str(error))
        raise
    _note(message, Message.SENT, reference=reference)


@transaction.atomic
def _note(message: Message, state: str, *, reference: str = "", error: str = "") -> None:
    Message.objects.filter(pk=message.pk).update(
        state=state,
        tries=F("tries") + 1,
        sent_at=clock.now() if state == Message.SENT else None,
        provider_ref=reference[:80],
        error=error[:80],
    )
    record("notices.message_" + state, subject=f"message:{message.key}", actor="system:worker")
