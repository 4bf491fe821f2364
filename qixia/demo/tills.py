"""Phones at the tills of the demo's shops: some ready to take vouchers without network, one that was stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qixia.demo.cast import Cast
from qixia.demo.history import History
from qixia.kernel import tokens
from qixia.rewards import services
from qixia.rewards.models import TillDevice


@dataclass(frozen=True, slots=True)
class Phone:
    """`since`, `stopped`: days before the demo stands still."""

    shop: str
    label: str
    since: int
    stopped: float = 0


PHONES = (
    Phone("rongyin-canteen", "前台手机", 21),
    Phone("rongyin-canteen", "二楼窗口", 6),
    Phone("rongyin-canteen", "旧手机", 40, stopped=20.5),
    Phone("nantang-canteen", "收银台", 18),
    Phone("shigu-market", "服务台手机", 12),
)
ONLINE = timedelta(hours=9)  # so long ago each one had network, and a new certificate


def plan(history: History) -> None:
    """Enrolled, online now and then, the old one stopped when its shop had a new one."""
    for number, phone in enumerate(PHONES, 1):
        history.plan(history.until - timedelta(days=phone.since), partial(_enrol, history.cast, phone))
        if phone.stopped:
            history.plan(history.until - timedelta(days=phone.stopped), partial(_stop, history.cast, phone))
        else:
            history.plan(history.until - ONLINE / number, partial(_renew, history.cast, phone))


def _enrol(cast: Cast, phone: Phone) -> None:
    """Its private key is forgotten at once: there is no such phone."""
    point = generate_private_key(SECP256R1()).public_key()
    key = tokens.b64(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    shop = cast.shops[phone.shop].pk
    services.enrol_device(actor=cast.merchants[phone.shop], merchant=shop, public_key=key, label=phone.label)


def _of(cast: Cast, phone: Phone) -> str:
    return TillDevice.objects.get(merchant_id=cast.shops[phone.shop].pk, label=phone.label).public_id


def _renew(cast: Cast, phone: Phone) -> None:
    services.renew_device(actor=cast.merchants[phone.shop], device=_of(cast, phone))


def _stop(cast: Cast, phone: Phone) -> None:
    services.revoke_device(actor=cast.merchants[phone.shop], device=_of(cast, phone))
