"""Taking deliveries that are due, one at a time, and handing them over.

Next     what is critical, then by when it was due (queries.next_due). Quiet hours hold for tries that failed, and for
         what a standstill made late, as for the first.
Order    claim (committed: the next try moves CLAIM_S ahead) → hand over → write the result. A worker that dies in between
         leaves the claim to lapse, and the next one hands over again: nothing is lost, and what may arrive twice is the
         one message that each death interrupted (docs/notices.md).
Words    `queries.outside` and the address of the inbox; a digest's counts go by e-mail.
Limits   a robot says no more than the policy's number a minute: several notices make one message, and the moments of
         its last messages stand in its row, where all workers look.
Errors   what went wrong stands in the row. Never inside a transaction: the other side may be slow.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import DomainError
from qixia.kernel.faults import kill_point
from qixia.kernel.ids import new_public_id
from qixia.notices import channels, push, queries, senders
from qixia.notices.models import Delivery, PushSubscription, Robot
from qixia.outgoing import messengers
from qixia.outgoing.messengers import NotTaken
from qixia.outgoing.rules import Refused
from qixia.people import queries as people

CLAIM_S = 180  # longer than the longest hand-over
TAKE = 200  # of what one robot has to say
SENTENCES = 8  # of one robot's message: WeCom takes 2048 bytes

log = logging.getLogger("qixia.notices")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try. Queued: to be tried again."""

    state: str
    reference: str = ""
    error: str = ""
    wait_s: int = 0


def send_due(*, budget_s: float = 10.0) -> int:
    """Hand over what is due until it is done or `budget_s` seconds are over; how many deliveries were sent.

    What comes next is asked before each hand-over, so a critical one waits for no more than the one under way."""
    until, sent, spoken = time.monotonic() + budget_s, 0, set[str]()
    while time.monotonic() < until:
        due = queries.next_due(spoken=spoken)
        if due is None:
            break
        if due.channel == "robot":  # has its turn once: one that must wait keeps what is due
            spoken.add(due.address)
            sent += _speak(due.address)
        elif _awake([due]):
            sent += _send_one(due.pk)
    return sent


def _awake(rows: list[Delivery]) -> list[Delivery]:
    """Those that may go now. It may have become quiet since they were queued, because a worker stood still or somebody
    chose other hours: the others wait until that is over, which is no try."""
    now = clock.now()
    until = {row.pk: channels.awake(queries.quiet_of(row), now) for row in rows}
    waiting = [pk for pk, later in until.items() if later > now]
    if waiting:
        later = max(until.values())  # those of one robot keep the same hours
        queued = Delivery.objects.filter(pk__in=waiting, state=Delivery.QUEUED, next_try_at__lte=now)
        queued.update(next_try_at=later)
    return [row for row in rows if until[row.pk] == now]


def _claim(pks: list[int]) -> str:
    """Take these deliveries under a new attempt's id; those that another worker took meanwhile stay with it."""
    now, attempt = clock.now(), new_public_id()
    Delivery.objects.filter(pk__in=pks, state=Delivery.QUEUED, next_try_at__lte=now).update(
        next_try_at=now + timedelta(seconds=CLAIM_S), tries=F("tries") + 1, attempt=attempt
    )
    kill_point("deliver.claimed")
    return attempt


def _note(rows: list[Delivery], attempt: str, outcome: Outcome) -> int:
    """Write down what became of an attempt; how many were sent."""
    now, sent = clock.now(), 0
    mine = Delivery.objects.filter(attempt=attempt, state=Delivery.QUEUED)
    if outcome.state == Delivery.QUEUED:
        rules = queries.channel_rules()
        for row in rows:
            quiet = queries.quiet_of(row)
            again = channels.next_try(rules, row.tries, row.created_at, now, wait_s=outcome.wait_s, quiet=quiet)
            changes = {"next_try_at": again} if again else {"state": Delivery.GIVEN_UP}
            mine.filter(pk=row.pk).update(error=outcome.error[:80], **changes)
    else:
        is_sent = outcome.state == Delivery.SENT
        error, reference = outcome.error[:80], outcome.reference[:80]
        done = mine.update(state=outcome.state, sent_at=now if is_sent else None, provider_ref=reference, error=error)
        sent = done if is_sent else 0
    kill_point("deliver.noted")
    return sent


def _tried(act: Callable[[], str]) -> Outcome:
    """Run one hand-over. An error that nobody foresaw is one more reason to try later, not to stop sending."""
    try:
        return Outcome(Delivery.SENT, reference=act())
    except push.Gone:
        return Outcome(Delivery.FAILED, error="订阅已失效")
    except Refused as error:
        return Outcome(Delivery.FAILED, error=str(error))
    except NotTaken as error:
        return Outcome(Delivery.QUEUED, error=str(error), wait_s=error.wait_s)
    except (DomainError, senders.SendFailed) as error:
        return Outcome(Delivery.QUEUED, error=str(error))
    except Exception as error:
        log.exception("delivery failed")
        return Outcome(Delivery.QUEUED, error=type(error).__name__)


# ── to a person ─────────────────────────────────────────────────────────────


def _send_one(pk: int) -> int:
    attempt = _claim([pk])
    row = Delivery.objects.select_related("notice").filter(attempt=attempt).first()
    if row is None:
        return 0
    if row.notice.read_at is not None:
        return _note([row], attempt, Outcome(Delivery.GIVEN_UP, error="已经看过了"))
    language = people.languages_for([row.notice.person_id]).get(row.notice.person_id, "zh-hans")
    carry = {"push": _push, "email": _mail, "sms": _text}[row.channel]
    outcome = _tried(lambda: carry(row, language))
    kill_point("deliver.handed")
    return _note([row], attempt, outcome)


def _push(row: Delivery, language: str) -> str:
    found = queries.device_address(row.address, row.notice.person_id)
    if found is None:
        raise push.Gone
    rules = queries.channel_rules()
    if not channels.host_is_listed(push.check(found.address), rules.push_hosts):
        raise Refused(why="不在推送服务的名单里")
    message = {
        "id": row.public_id,
        "title": queries.house(language),
        "body": queries.outside(row.notice.template, language=language),
        "url": queries.inbox_path(row.notice.public_id),
    }
    try:
        reference = push.post(
            found.address,
            found.key,
            json.dumps(message, ensure_ascii=False).encode(),
            topic=row.public_id,
            contact=queries.contact(),
            urgent=row.is_critical,
        )
    except push.Gone:
        PushSubscription.objects.filter(public_id=row.address).delete()
        raise
    PushSubscription.objects.filter(public_id=row.address).update(last_sent_at=clock.now())
    return reference


def _mail(row: Delivery, language: str) -> str:
    to, server = queries.mail_address(row.notice.person_id), get_config().mail_server.get_secret_value()
    if not to or not server:
        raise Refused(why="没有邮箱地址，或没有设邮件服务器")
    said = queries.outside_by_mail(row.notice, language=language)
    text = f"{said}\n\n{get_config().base_url}{queries.inbox_path(row.notice.public_id)}\n"
    messengers.send_mail(server, to, f"{queries.house(language)} · {said.splitlines()[0]}", text, attempt=row.public_id)
    return ""


def _text(row: Delivery, language: str) -> str:
    phone = people.phone_for_message(row.notice.person_id)
    if not phone:
        raise Refused(why="没有手机号")
    sender = senders.sender_for(get_config())
    return sender.send(phone, queries.outside(row.notice.template, language=language))


# ── to a unit's group ───────────────────────────────────────────────────────


def _speak(address: str) -> int:
    """One message with everything that is due for this robot, if it may speak now; how many deliveries it was."""
    rows = _awake(queries.robot_due(address, TAKE))
    if not rows:
        return 0
    robot = Robot.objects.filter(public_id=address, is_active=True).first()
    if robot is None:
        return _note(rows, _claim([row.pk for row in rows]), Outcome(Delivery.FAILED, error="机器人已停用"))
    said, chosen = _gather(rows, robot.language)
    if not _may_speak(robot):
        return 0
    attempt = _claim(chosen)
    mine = list(Delivery.objects.filter(attempt=attempt))
    if not mine:
        return 0
    text = "\n".join([*said, f"{get_config().base_url}{queries.inbox_path()}"])
    outcome = _tried(lambda: _say(robot, text, attempt))
    kill_point("deliver.handed")
    Robot.objects.filter(pk=robot.pk).exclude(last_error=outcome.error[:80]).update(last_error=outcome.error[:80])
    return _note(mine, attempt, outcome)


def _gather(rows: list[Delivery], language: str) -> tuple[list[str], list[int]]:
    """(sentences, deliveries) of one message. Of one matter several people are told: the group hears it once."""
    said: dict[str, None] = {}
    chosen = []
    for row in rows:
        sentence = queries.outside(row.notice.template, language=language)
        if sentence in said or len(said) < SENTENCES:
            said[sentence] = None
            chosen.append(row.pk)
    return list(said), chosen


def _say(robot: Robot, text: str, attempt: str) -> str:
    where = queries.robot_address(robot)
    kind: messengers.RobotKind = "wecom" if robot.kind == "wecom" else "dingtalk"
    if not channels.host_is_listed(messengers.robot_host(kind, where.url), queries.channel_rules().robot_hosts):
        raise Refused(why="不在机器人服务的名单里")
    messengers.say(kind, where.url, where.secret, text, attempt=attempt)
    return attempt


def _may_speak(robot: Robot) -> bool:
    """Take one of the robot's messages of this minute. One conditional UPDATE: of two workers one gets it."""
    now, limit = clock.now().timestamp(), queries.channel_rules().robot_per_minute
    for _again in range(8):
        row = Robot.objects.only("spoken", "spoken_version").get(pk=robot.pk)
        if channels.free_in(row.spoken, now, limit) > 0:
            return False
        won = Robot.objects.filter(pk=row.pk, spoken_version=row.spoken_version).update(
            spoken=[*channels.recent(row.spoken, now), now], spoken_version=row.spoken_version + 1
        )
        if won:
            return True
    return False


# ── asking whether an address is right ──────────────────────────────────────


def send_confirmation(*, person_id: int) -> None:
    """Ask the owner of a new mail address to confirm it. Only from a job. NotTaken, Refused: the job tries again."""
    to, server = queries.unconfirmed_mail(person_id), get_config().mail_server.get_secret_value()
    if not to or not server:
        return
    language = people.languages_for([person_id]).get(person_id, "zh-hans")
    link = f"{get_config().base_url}{queries.confirm_path(person_id, to)}"
    subject, text = queries.confirm_words(language)
    messengers.send_mail(server, to, subject, f"{text}\n\n{link}\n", attempt=new_public_id())
