"""The code that a voucher shows: signed with Ed25519 and new every few seconds, so a merchant's phone can tell a forgery and
an old picture without the network.

Signed   what stands in `_HEAD` and the merchant's code in ASCII: the voucher's id, number and item, when it ends and opens, how
         much of it there is and was used, its face value, when it was signed (`first`, which is the time of step 0), the
         length of a step, how old a shown code may be, and the anchor of a chain of hashes.
Chain    link(n-1) = SHA-256(id, link(n)), cut to 16 bytes; link(0) is the anchor. The rider's phone gets the last link and can
         make all before it; the code on the screen shows the link of the present step. Whoever has seen one can make older
         ones and none that is newer.
Form     "QX2." and base64url of: signed part, 64 bytes signature, 2 bytes step, 16 bytes link. About 220 characters: a QR code
         of version 11. `static/rewards/code.js` reads the same; tests/code_vectors.json holds both to it.
Times    seconds UTC. A code counts as shown until its step ends; it is fresh if that is at most `oldest_s` ago (or ahead).
Errors   BadCode with reason "forged" (a code that is not ours) or "unknown" (typed digits that are no number).
"""

from __future__ import annotations

import hashlib
import hmac
import io
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

import segno
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qixia.kernel import clock, ids, tokens
from qixia.kernel.keys import keys

KIND = "rewards.codes"
PURPOSE = "voucher"
PREFIX = "QX2."
# flags, id, number, item, expires, opens, total, used, face value, first, step, oldest, anchor
_HEAD = struct.Struct(">B16sIIIIIIIIHH16s")
_STEP = struct.Struct(">H16s")
_SIGNATURE = 64
_LINK = 16
_BY_AMOUNT = 1
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class BadCode(Exception):
    def __init__(self, reason: str, *, typed: bool, tail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.typed, self.tail = reason, typed, tail


class CodesPolicy(BaseModel):
    """How vouchers show their codes (policy "rewards.codes")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step_seconds: int = Field(20, ge=5, le=300, description="a new code every so many seconds")
    oldest_seconds: int = Field(60, ge=15, le=3600, description="so long after it was shown a code is taken")
    offline_hours: int = Field(24, ge=1, le=72, description="so long a rider's phone draws codes without network")

    @model_validator(mode="after")
    def _steps_can_be_counted(self) -> CodesPolicy:
        if self.steps > 0xFFFF:
            raise ValueError("离线时间太长，或者换得太快")
        return self

    @property
    def steps(self) -> int:
        return self.offline_hours * 3600 // self.step_seconds


@dataclass(frozen=True, slots=True)
class Facts:
    """What a code says of its voucher. Times in seconds; `opens_at` 0: at once; `face_fen` 0: no value in money."""

    public_id: str
    number: str
    item: int
    merchant: str
    expires_at: int
    total: int = 1
    used: int = 0
    by_amount: bool = False
    face_fen: int = 0
    opens_at: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """The codes of one voucher for some hours. `last`: the link of the last step, from which all others come."""

    signed: bytes
    last: bytes
    first: int
    step_s: int
    steps: int

    def text(self, at: datetime) -> str:
        """The code that is shown at this moment; the last one after the end."""
        step = min(max((int(at.timestamp()) - self.first) // self.step_s, 0), self.steps)
        link = _back(self.last, _salt(self.signed), self.steps - step)
        return PREFIX + tokens.b64(self.signed + _STEP.pack(step, link))


@dataclass(frozen=True, slots=True)
class Code:
    """What a scanned or typed text says. Only a signed one says more than the number."""

    number: str
    is_signed: bool = False
    public_id: str = ""
    item: int = 0
    merchant: str = ""
    expires_at: int = 0
    opens_at: int = 0
    by_amount: bool = False
    total: int = 0
    used: int = 0
    face_fen: int = 0
    signed_at: datetime | None = None
    shown_at: datetime | None = None
    is_fresh: bool = False


def issue(
    facts: Facts, terms: CodesPolicy, *, now: datetime | None = None, last: bytes | None = None, purpose: str = PURPOSE
) -> Chain:
    """Sign what a voucher says now. `last`: for tests, which need the same chain every time; `purpose`: of another kind of
    code, which only `read_code` with that purpose's key takes."""
    first = int((now or clock.now()).timestamp())
    salt = _packed(facts.public_id)
    if last is None:
        seed = keys().derive("voucher-chain")
        last = hmac.new(seed, salt + struct.pack(">II", first, facts.used), hashlib.sha256).digest()[:_LINK]
    payload = _HEAD.pack(
        _BY_AMOUNT if facts.by_amount else 0,
        salt,
        int(facts.number),
        facts.item,
        facts.expires_at,
        facts.opens_at,
        facts.total,
        facts.used,
        facts.face_fen,
        first,
        terms.step_seconds,
        terms.oldest_seconds,
        _back(last, salt, terms.steps),
    )
    signed = tokens.sign_offline(payload + facts.merchant.encode("ascii"), purpose=purpose)
    return Chain(signed, last, first, terms.step_seconds, terms.steps)


def read_code(text: str, *, now: datetime | None = None, public: bytes | None = None) -> Code:
    """The code in a scanned text, or the number in a typed one. `public`: another key than our own, for tests."""
    text = text.strip()
    if not text.startswith(PREFIX):
        return _typed(text)
    try:
        raw = tokens.unb64(text[len(PREFIX) :])
        signed, shown = raw[: -_STEP.size], raw[-_STEP.size :]
        payload = tokens.verify_offline(signed, public=public or tokens.public_key(PURPOSE))
        head = _HEAD.unpack_from(payload)
        step, link = _STEP.unpack(shown)
        merchant = payload[_HEAD.size :].decode("ascii")
    except (tokens.BadToken, struct.error, UnicodeError) as error:
        raise BadCode("forged", typed=False) from error
    flags, salt, number, item, expires, opens, total, used, face, first, step_s, oldest_s, anchor = head
    if not hmac.compare_digest(_back(link, salt, step), anchor):
        raise BadCode("forged", typed=False, tail=f"{number:09d}"[-4:])
    shown_at = first + step * step_s
    return Code(
        number=f"{number:09d}",
        is_signed=True,
        public_id=_unpacked(salt),
        item=item,
        merchant=merchant,
        expires_at=expires,
        opens_at=opens,
        by_amount=bool(flags & _BY_AMOUNT),
        total=total,
        used=used,
        face_fen=face,
        signed_at=datetime.fromtimestamp(first, UTC),
        shown_at=datetime.fromtimestamp(shown_at, UTC),
        is_fresh=_is_fresh((now or clock.now()).timestamp(), shown_at, step_s, oldest_s),
    )


def _typed(text: str) -> Code:
    number = ids.parse_number(text)
    if number is None:
        looks_typed = len(text) <= 20
        digits = "".join(c for c in text if c.isascii() and c.isdigit())
        raise BadCode("unknown" if looks_typed else "forged", typed=looks_typed, tail=digits[-4:])
    return Code(number)


def _is_fresh(now: float, shown_at: int, step_s: int, oldest_s: int) -> bool:
    return shown_at - oldest_s <= now <= shown_at + step_s + oldest_s


def _back(link: bytes, salt: bytes, steps: int) -> bytes:
    """The link so many steps before this one."""
    for _ in range(steps):
        link = hashlib.sha256(salt + link).digest()[:_LINK]
    return link


def _salt(signed: bytes) -> bytes:
    return signed[1 : 1 + 16]


def _packed(public_id: str) -> bytes:
    value = 0
    for char in public_id:
        value = value << 5 | _ALPHABET.index(char)
    return value.to_bytes(16)


def _unpacked(raw: bytes) -> str:
    value = int.from_bytes(raw)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def picture(code: str) -> bytes:
    """The QR code as SVG, dark on white whatever the page's theme."""
    out = io.BytesIO()
    segno.make(code, error="m", micro=False).save(
        out, kind="svg", border=2, dark="#10161a", light="#ffffff", xmldecl=False
    )
    return out.getvalue()
