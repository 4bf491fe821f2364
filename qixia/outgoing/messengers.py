"""Group robots and mail servers, spoken to through apprise.

Robots   apprise writes the message; its HTTP library is replaced by `send` of client.py, so that name, address, size and
         time are guarded as for every other request. Beyond apprise we read the answer's errcode: both services answer
         200 to a message that they throw away.
Mail     goes where the settings say (QIXIA_MAIL_SERVER), which only the operator writes; nothing that a page takes in
         decides which machine is spoken to.
Errors   Refused (will not get better), Unreachable (may), NotTaken (they answered and did not take it).
Retries  none here. Never inside a transaction.
Log      apprise's own lines may hold addresses of robots and are switched off.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from apprise.common import NotifyFormat
from apprise.exception import AppriseImproperlyConfigured
from apprise.plugins import dingtalk, wecombot
from apprise.plugins.email import NotifyEmail

from qixia.kernel.errors import DomainError
from qixia.outgoing import rules
from qixia.outgoing.client import Limits, send
from qixia.outgoing.rules import Refused, Unreachable

RobotKind = Literal["wecom", "dingtalk"]

# A robot's whole answer within what the notices' window adds to a minute (notices/channels.py).
ROBOT_LIMITS: Final = Limits(connect_s=3, total_s=5, max_answer=64 * 1024)
MAIL_SECONDS: Final = 8
# "Too often": WeCom 45009, DingTalk 130101 and 410100. They ask for a pause of minutes.
_TOO_OFTEN: Final = frozenset({45009, 130101, 410100})
_PAUSE_S: Final = 600
_SECRET_OF: Final = {"wecom": "key", "dingtalk": "access_token"}

logging.getLogger("apprise").setLevel(logging.CRITICAL)


class NotTaken(DomainError):
    """The other side answered and did not take the message; `wait_s` is how long it wants to be left alone."""

    code = "outgoing.not_taken"
    status = 502
    message = "对方没有收下：%(why)s"

    def __init__(self, why: str, *, wait_s: int = 0) -> None:
        super().__init__(why=why)
        self.wait_s = wait_s


@dataclass
class _Try:
    """One request of a plugin: under which id, and what became of it."""

    attempt: str
    error: DomainError | None = None


class _Failed(Exception):
    """What the plugins catch in place of the error of their HTTP library."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """The parts of an answer that the plugins look at."""

    status_code: int
    content: bytes = field(repr=False)


_under_way: ContextVar[_Try] = ContextVar("qixia_robot_try")


def _post(url: str, *, data: str | bytes, headers: Mapping[str, str], params: Any = None, **_options: Any) -> _Answered:
    """In place of `requests.post`: the guarded client, and a look at the errcode."""
    tried = _under_way.get()
    address = url + (f"{'&' if '?' in url else '?'}{urlencode(params)}" if params else "")
    told = {"content-type": headers["Content-Type"], "x-qixia-attempt": tried.attempt}
    body = data.encode() if isinstance(data, str) else data
    try:
        answer = send("POST", address, purpose="notices.robot", headers=told, body=body, limits=ROBOT_LIMITS)
        _judge(answer.status, answer.body)
    except DomainError as error:
        tried.error = error
        raise _Failed from error
    return _Answered(answer.status, answer.body)


def _judge(status: int, body: bytes) -> None:
    if status == 429:
        raise NotTaken("太频繁", wait_s=_PAUSE_S)
    if status != 200:
        raise NotTaken(f"HTTP {status}")
    try:
        code = int(json.loads(body)["errcode"])
    except (ValueError, TypeError, KeyError) as error:
        raise NotTaken("回应里没有 errcode") from error
    if code:
        raise NotTaken(f"errcode {code}", wait_s=_PAUSE_S if code in _TOO_OFTEN else 0)


_GUARDED = SimpleNamespace(post=_post, codes=SimpleNamespace(ok=200), RequestException=_Failed)
# The plugins ask for these names when they send. There is no other door for a client of one's own.
vars(wecombot)["requests"] = _GUARDED
vars(dingtalk)["requests"] = _GUARDED


class _WeCom(wecombot.NotifyWeComBot):  # type: ignore[misc]
    """With an address of its own: cities run their own servers too."""

    def __init__(self, address: str, **more: Any) -> None:
        self.notify_url = address
        super().__init__(**more)


class _DingTalk(dingtalk.NotifyDingTalk):  # type: ignore[misc]
    """The same for DingTalk."""

    def __init__(self, address: str, **more: Any) -> None:
        self.notify_url = address
        super().__init__(**more)


def robot_host(kind: RobotKind, url: str) -> str:
    """The host of a robot's address, as it is copied from the chat program. Refused if it isn't one."""
    target = rules.parse(url)
    _token(kind, url)
    return target.host


def say(kind: RobotKind, url: str, secret: str, text: str, *, attempt: str) -> None:
    """One text message into the group of a robot. `attempt` goes along as a header, for whoever counts."""
    tried = _Try(attempt)
    robot = _robot(kind, url, secret)
    held = _under_way.set(tried)
    try:
        taken = robot.send(body=text, body_format=NotifyFormat.TEXT)
    finally:
        _under_way.reset(held)
    if tried.error is not None:
        raise tried.error
    if not taken:
        raise NotTaken("没有说明原因")


def _robot(kind: RobotKind, url: str, secret: str) -> Any:
    target, token = rules.parse(url), _token(kind, url)
    place = "{key}" if kind == "wecom" else "{token}"
    address = f"{target.scheme}://{target.netloc}{urlsplit(url).path}?{_SECRET_OF[kind]}={place}"
    try:
        if kind == "wecom":
            return _WeCom(address, key=token)
        return _DingTalk(address, token=token, secret=secret or None)
    except AppriseImproperlyConfigured as error:
        raise Refused(why="机器人的地址或密钥写法不对") from error


def _token(kind: RobotKind, url: str) -> str:
    found = parse_qs(urlsplit(url).query).get(_SECRET_OF[kind], [])
    if len(found) != 1:
        raise Refused(why=f"机器人的地址里要有 {_SECRET_OF[kind]}")
    return found[0]


def send_mail(server: str, to: str, subject: str, text: str, *, attempt: str) -> None:
    """One e-mail to one address through `server` (apprise's "mailtos://user:password@host:port?mode=…&from=…").

    `attempt` becomes the header X-Qixia-Attempt. NotTaken whether the server was away or refused: apprise doesn't say.
    """
    parts = NotifyEmail.parse_url(server)
    if not parts:
        raise Refused(why="邮件服务器的设置读不懂")
    parts |= {"targets": [to], "headers": {"X-Qixia-Attempt": attempt}}
    try:
        mail = NotifyEmail(**parts)
    except (AppriseImproperlyConfigured, TypeError) as error:
        raise Refused(why="邮件服务器的设置读不懂") from error
    mail.socket_connect_timeout = MAIL_SECONDS
    if not mail.send(body=text, title=subject, body_format=NotifyFormat.TEXT):
        raise NotTaken("邮件服务器没有收下")


__all__ = ["NotTaken", "Refused", "RobotKind", "Unreachable", "robot_host", "say", "send_mail"]
