"""What people's services decide: pure functions, no Django.

Errors   every refusal is a DomainError that names the field and says in plain Chinese what to do.
Units    seconds; limits come from the policy "people.sign_in", shaped here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel.errors import Conflict, Invalid, NotAllowed, TooMany

ROLES = ("rider", "worker", "unit_lead", "clerk", "merchant", "admin", "data_officer", "auditor", "supervisor")
ROLE_LABELS = {
    "rider": "骑手",
    "worker": "处置员",
    "unit_lead": "单位负责人",
    "clerk": "社区专员",
    "merchant": "商家",
    "admin": "管理员",
    "data_officer": "个人信息保护负责人",
    "auditor": "审计员",
    "supervisor": "督办员",
}
# Whoever holds one of these signs in with a password and a second factor: a stolen SIM card must not open the console.
STAFF_ROLES = frozenset({"worker", "unit_lead", "clerk", "admin", "data_officer", "auditor", "supervisor"})

ORGANISATION_KINDS = {
    "city": "市级平台",
    "district": "区县",
    "street": "街道",
    "community": "社区",
    "unit": "处置单位",
    "property": "物业",
    "platform": "外卖平台",
    "courier": "快递企业",
    "merchant": "商家",
    "other": "其他",
}
EMPLOYER_KINDS = ("platform", "courier")

CONSENT_KINDS = ("place", "photo", "name")
NICKNAME_MAX = 16
REGISTER_WITHIN = timedelta(minutes=30)  # from the right code to the finished form

_MOBILE = re.compile(r"1[3-9]\d{9}")
_USERNAME = re.compile(r"[a-z][a-z0-9_.-]{2,31}")


class BadPhone(Invalid):
    code = "people.bad_phone"


class BadNickname(Invalid):
    code = "people.bad_nickname"


class BadRealName(Invalid):
    code = "people.bad_real_name"


class BadUsername(Invalid):
    code = "people.bad_username"


class OwnRole(Invalid):
    """Whoever hands out roles takes none."""

    code = "people.own_role"
    message = "不能给自己授予角色，请由另一位管理员授予。"


class WrongCode(Invalid):
    code = "people.wrong_code"
    message = "验证码不对，还可以再试 %(left)s 次。请用最新收到的那一条。"


class CodeDead(Invalid):
    """Expired, used, or tried too often; a new one helps."""

    code = "people.code_dead"
    message = "验证码已失效，请重新获取。"


class WrongPassword(Invalid):
    """One answer for an unknown name, a wrong password and a closed account: nobody learns which names exist."""

    code = "people.wrong_password"
    message = "用户名或密码不对。"


class WrongTotp(Invalid):
    code = "people.wrong_totp"
    message = "动态码不对，或者刚才已经用过一次。等下一个码出现再输。"


class NotByPhone(NotAllowed):
    code = "people.not_by_phone"
    message = "这个号码属于工作人员，请从“工作人员登录”进入。"


class LegalHold(Conflict):
    """Something that concerns the person still runs; deleting now would leave others without an answer or money."""

    code = "people.legal_hold"
    message = "现在还不能注销：%(why)s"


class ExportUnderWay(Conflict):
    code = "people.export_under_way"
    message = "已经在打包了，好了就能下载。"


class SamePhone(Invalid):
    code = "people.same_phone"
    message = "这就是现在的手机号。"


class AccountClosed(NotAllowed):
    code = "people.account_closed"
    message = "这个账号已停用，请联系你的平台或社区专员。"


class RegistrationExpired(Conflict):
    code = "people.registration_expired"
    message = "登录等待太久，请重新获取验证码。"


class PhoneTaken(Conflict):
    code = "people.phone_taken"
    message = "这个手机号已经有账号。"


class UsernameTaken(Conflict):
    code = "people.username_taken"
    message = "这个用户名已经有人用。"


class TooOften(TooMany):
    code = "people.too_often"
    message = "试得太频繁，请稍后再试。"


# ── policy "people.sign_in" ─────────────────────────────────────────────────


class Limit(BaseModel):
    """At most `count` in any calendar-aligned window of `window_s` seconds (at worst twice that around its edge)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    count: int = Field(ge=1)
    window_s: int = Field(ge=1)


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    code_per_phone: tuple[Limit, ...]
    code_per_address: tuple[Limit, ...]
    guess_per_address: tuple[Limit, ...]
    password_per_name: tuple[Limit, ...]
    password_per_address: tuple[Limit, ...]
    totp_per_person: tuple[Limit, ...]


class SignInRules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    code_digits: int = Field(ge=4, le=8)
    code_ttl_s: int = Field(ge=60, le=900)
    code_attempts: int = Field(ge=1, le=10)
    resend_after_s: int = Field(ge=1, le=600)
    limits: Limits
    # A demonstration signs the same few accounts in again and again, all from one address.
    demo_limits: Limits


# ── policy "people.consents" ────────────────────────────────────────────────


class ConsentWords(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    what_for: str
    if_not: str
    kept: str


class ConsentText(BaseModel):
    """One question in plain words. A changed meaning gets a new `version`, and people are asked again."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["place", "photo", "name"]
    version: int = Field(ge=1)
    zh: ConsentWords
    en: ConsentWords

    def words(self, language: str) -> ConsentWords:
        return self.en if language.startswith("en") else self.zh


class ConsentRules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    texts: tuple[ConsentText, ...]

    @model_validator(mode="after")
    def _each_kind_once(self) -> ConsentRules:
        if sorted(text.kind for text in self.texts) != sorted(CONSENT_KINDS):
            raise ValueError(f"needs each of {CONSENT_KINDS} exactly once")
        return self

    def text(self, kind: str) -> ConsentText:
        for text in self.texts:
            if text.kind == kind:
                return text
        raise Invalid("没有这一项同意。", field="kind")


# ── policy "people.demo_accounts" ───────────────────────────────────────────


class DemoAccount(BaseModel):
    """A card on the demo's sign-in page. The phone comes from the person's sealed field, never from here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    person: str  # public id
    role: Literal["rider", "worker", "unit_lead", "clerk", "supervisor", "merchant", "admin", "data_officer", "auditor"]
    name: str
    says: str = ""
    username: str = ""
    password: str = ""


class DemoAccounts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    accounts: tuple[DemoAccount, ...] = ()


# ── policy "people.privacy" ─────────────────────────────────────────────────


class PrivacyRules(BaseModel):
    """What marks an unusual day in the access log, and the times that the rider's own page promises."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    accesses_a_day: int = Field(ge=1)  # more than this by one person on one day is marked
    export_hours: int = Field(ge=1, le=168)
    cooling_off_days: int = Field(ge=1, le=15)  # the law wants an answer in time


# ── policy "people.retention" ───────────────────────────────────────────────


class RetentionRules(BaseModel):
    """How many days each kind of data is kept; see audit.retention for the kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    days: dict[str, int]

    @model_validator(mode="after")
    def _positive(self) -> RetentionRules:
        for kind, days in self.days.items():
            if not 1 <= days <= 36_500:
                raise ValueError(f"{kind}: between 1 and 36500 days")
        return self


# ── what people type ────────────────────────────────────────────────────────


def mobile_number(text: str, *, field: str = "phone") -> str:
    """The eleven digits of a mainland mobile number. Spaces, dashes, full-width digits and +86 are forgiven."""
    digits = re.sub(r"[\s\-–—()]", "", unicodedata.normalize("NFKC", text[:40]))
    digits = re.sub(r"^(\+|00)86", "", digits)
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if not digits:
        raise BadPhone("请填写手机号。", field=field)
    if not (digits.isascii() and digits.isdigit()):
        raise BadPhone("手机号只能有数字。", field=field)
    if len(digits) != 11:
        raise BadPhone("手机号要 11 位，现在是 %(count)s 位。", field=field, count=len(digits))
    if not _MOBILE.fullmatch(digits):
        raise BadPhone("这不是大陆手机号，请检查开头几位。", field=field)
    return digits


def masked_phone(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


def typed_code(text: str, *, digits: int, field: str = "code") -> str:
    """The digits of a one-time code, spaces and full-width digits forgiven."""
    folded = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text[:24]))
    if not folded:
        raise Invalid("请填写验证码。", field=field)
    if len(folded) != digits or not (folded.isascii() and folded.isdigit()):
        raise Invalid("验证码是 %(digits)s 位数字。", field=field, digits=digits)
    return folded


def nickname(text: str, *, field: str = "nickname") -> str:
    """What a person wants to be called: 1 to 16 characters, no control characters, not a phone number."""
    name = _plain_name(text)
    if not name:
        raise BadNickname("请填写一个称呼。", field=field)
    if len(name) > NICKNAME_MAX:
        raise BadNickname(
            "称呼最多 %(max)s 个字，现在是 %(count)s 个。", field=field, max=NICKNAME_MAX, count=len(name)
        )
    if re.search(r"\d{7,}", name):
        raise BadNickname("称呼里不要写手机号，别人可能看到。", field=field)
    return name


def real_name(text: str, *, field: str = "real_name") -> str:
    """Empty or a name of 2 to 30 letters."""
    name = _plain_name(text)
    if name and not (2 <= len(name) <= 30 and all(c.isalpha() or c in " ·.'-" for c in name)):
        raise BadRealName("姓名要 2 到 30 个字，不含数字和符号。", field=field)
    return name


def username(text: str, *, field: str = "username") -> str:
    name = unicodedata.normalize("NFKC", text[:64]).strip().lower()
    if not _USERNAME.fullmatch(name):
        raise BadUsername("用户名用小写字母开头，3 到 32 个字母、数字或 _ . -。", field=field)
    return name


def _plain_name(text: str) -> str:
    folded = unicodedata.normalize("NFC", text[:200])
    visible = "".join(c for c in folded if unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())


# ── one-time codes ──────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CodeState:
    """What decides whether a one-time code may still be tried."""

    expires_at: datetime
    used: bool
    attempts: int


def code_may_be_tried(state: CodeState, *, at: datetime, attempts_allowed: int) -> bool:
    return not state.used and at < state.expires_at and state.attempts < attempts_allowed


def window_start(at: datetime, window_s: int) -> datetime:
    """The start of the window of `window_s` seconds that `at` lies in."""
    seconds = int(at.timestamp())
    return at.replace(microsecond=0) - timedelta(seconds=seconds % window_s)


def too_often(seconds: int, *, field: str) -> TooOften:
    """The refusal that says how long to wait, in the largest unit that fits."""
    if seconds < 60:
        return TooOften("试得太频繁，请在 %(count)s 秒后再试。", field=field, retry_after=seconds, count=seconds)
    if seconds < 3600:
        minutes = -(-seconds // 60)
        return TooOften("试得太频繁，请在 %(count)s 分钟后再试。", field=field, retry_after=seconds, count=minutes)
    hours = -(-seconds // 3600)
    return TooOften("试得太频繁，请在 %(count)s 小时后再试。", field=field, retry_after=seconds, count=hours)


def may_sign_in_by_phone(roles: frozenset[str]) -> bool:
    return not roles & STAFF_ROLES


def same_host_path(path: str) -> str:
    """`path` when it is a plain path of this host, else "". Refuses //host, /\\host, schemes and control characters."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path or len(path) > 500:
        return ""
    return path if all(c.isprintable() and not c.isspace() for c in path) else ""
