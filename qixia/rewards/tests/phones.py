"""A merchant's phone as the server meets it: real keys, real codes, signed records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qixia.kernel import clock, tokens
from qixia.people.access import Actor
from qixia.rewards import offline, qr, services
from qixia.rewards.models import TillDevice, Voucher
from qixia.rewards.services import Answer, Signed


def signature_of(key: Any, text: bytes) -> str:
    """As WebCrypto makes it: r and s, 32 bytes each."""
    r, s = decode_dss_signature(key.sign(text, ECDSA(SHA256())))
    return tokens.b64(r.to_bytes(32) + s.to_bytes(32))


def public_of(key: Any) -> str:
    return tokens.b64(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def code_of(voucher: Voucher, at: datetime | None = None, **changes: Any) -> str:
    """What a rider's phone shows, drawn from a chain of `at`."""
    voucher.refresh_from_db()
    facts = {
        "public_id": voucher.public_id,
        "number": voucher.number,
        "item": voucher.item_id,
        "merchant": voucher.merchant.code,
        "expires_at": int(voucher.expires_at.timestamp()),
        "total": voucher.total,
        "used": voucher.used,
        "by_amount": voucher.by_amount,
        "face_fen": voucher.face_value_fen or 0,
    }
    moment = at or clock.now()
    return qr.issue(qr.Facts(**{**facts, **changes}), qr.CodesPolicy(), now=moment).text(moment)


@dataclass
class Phone:
    """Enrolled by a member of the shop's staff; takes what it is shown and sends it when asked."""

    staff: Actor
    row: TillDevice
    key: Any
    seq: int = 0
    taken: list[Signed] = field(default_factory=list)

    def take(self, voucher: Voucher, units: int = 1, *, at: datetime | None = None, **changes: Any) -> Signed:
        """Record a taking. `changes` to the body are a hostile phone's."""
        moment = at or clock.now()
        self.seq += 1
        body = {
            "device": self.row.public_id,
            "seq": self.seq,
            "code": code_of(voucher, moment),
            "units": units,
            "key": f"{self.row.public_id}{self.seq:06d}",
            "taken_at": int(moment.timestamp() * 1000),
        }
        signed = self.sign({**body, **changes})
        self.taken.append(signed)
        return signed

    def sign(self, body: dict[str, Any], key: Any = None) -> Signed:
        text = json.dumps(body)
        return Signed(text, signature_of(key or self.key, offline.PREFIX + text.encode()))

    def send(self, scans: Sequence[Signed] | None = None, *, certificate: str | None = None) -> list[Answer]:
        """What is not sent yet, or `scans`."""
        sent = self.taken if scans is None else scans
        paper = self.row.certificate if certificate is None else certificate
        answers = services.book_offline(
            actor=self.staff, device=self.row.public_id, certificate=paper, scans=list(sent)
        )
        if scans is None:
            self.taken = []
        return answers

    def told(self, scans: Sequence[Signed] | None = None, **more: Any) -> list[tuple[str, str]]:
        return [(one.state, one.reason) for one in self.send(scans, **more)]


def enrolled(staff: Actor, label: str = "前台") -> Phone:
    key = generate_private_key(SECP256R1())
    shop = min(staff.organisation_ids("merchant"))
    row = services.enrol_device(actor=staff, merchant=shop, public_key=public_of(key), label=label)
    return Phone(staff, row, key)
