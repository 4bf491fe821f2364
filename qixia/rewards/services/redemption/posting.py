"""How a step of a voucher stands in the books: key, draft, posting. No truth of its own, used by this room alone."""

from __future__ import annotations

from qixia.kernel import clock
from qixia.rewards import rules, sealing
from qixia.rewards.errors import BadClientKey
from qixia.rewards.models import Posting, Voucher
from qixia.rewards.services import books, telling


def check_key(key: str) -> None:
    if not (8 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise BadClientKey(field="client_key")


def key_of(voucher: Voucher, step: str, owner_ref: str, part: str = "") -> str:
    """`part`: what tells one use of a voucher from another."""
    source = f"voucher:{voucher.public_id}" + (f"#{part}" if part else "")
    return sealing.stored_key(rules.posting_key(f"voucher.{step}", source, owner_ref))


def draft(
    voucher: Voucher,
    *,
    purse: books.Purse,
    step: str,
    kind: str,
    actor: str,
    points: int,
    nominal: int,
    lines: list[books.Line],
    part: str = "",
) -> books.Draft:
    return books.Draft(
        key=key_of(voucher, step, purse.owner_ref, part),
        kind=kind,
        rule=f"voucher.{step}",
        rule_version=voucher.rule_version,
        act=telling.EVENT_OF[step],
        source=f"voucher:{voucher.public_id}",
        beneficiary=purse.owner_ref,
        actor=actor,
        at=clock.now(),
        points=points,
        nominal=nominal,
        lines=lines,
        available_after=purse.balance(rules.AVAILABLE),
        params={"title": voucher.name, "number": voucher.number, "link": f"/vouchers/{voucher.public_id}"},
    )


def post(
    voucher: Voucher,
    *,
    purse: books.Purse,
    step: str,
    kind: str,
    actor: str,
    points: int,
    nominal: int,
    lines: list[books.Line],
    part: str = "",
) -> Posting:
    drafts = [
        draft(
            voucher,
            purse=purse,
            step=step,
            kind=kind,
            actor=actor,
            points=points,
            nominal=nominal,
            lines=lines,
            part=part,
        )
    ]
    return books.write(drafts)[0]
