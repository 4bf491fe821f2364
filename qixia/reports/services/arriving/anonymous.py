"""Reports that nobody can join to a rider: nothing that is stored, logged or queued names who sent one.

Comes in   with the pass that all riders of a day share and the hash of a secret that stays on the phone. No actor, no
           session. Photos lose everything but their pixels before they are stored, and what the phone read from them
           is not taken. Times of capture are not kept. Rows carry no request id.
Pace       per address in this process's memory only; nothing of it is written anywhere.
Retries    the same client key with the same content returns the first receipt. The phone makes a fresh key for it,
           one that it never used while signed in.
Points     are promised to the secret when the report is found valid (moves.py), never before: they can't be taken back.
Errors     refusals name the field: rider_pass, claim_hash, client_key, photos, after_photos, place, words, hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from qixia.kernel import clock
from qixia.kernel.claims import is_claim_hash
from qixia.kernel.errors import Invalid
from qixia.kernel.requests import without_request_id
from qixia.media.services import Upload, limits, receive
from qixia.media.strip import bare
from qixia.people.passes import check_rider_pass
from qixia.policy.queries import current
from qixia.reports import access, pace, rules
from qixia.reports.models import Report
from qixia.reports.sealing import ANONYMOUS
from qixia.reports.services.arriving.intake import Pictures, Receipt, Whereabouts, check_photos, checked, take_in
from qixia.reports.services.endings.answering import FIXED, REOPENED
from qixia.reports.services.endings.reopening import reopened_told, reopening
from qixia.reports.services.moves import take_step
from qixia.reports.services.telling import followers_told, tell_many


def submit_anonymous(
    *,
    rider_pass: str,
    claim_hash: str,
    client_key: str,
    place: Whereabouts | None,
    photos: Sequence[Upload],
    after_photos: Sequence[Upload] = (),
    words: str = "",
    hint: str = "",
    self_handled: bool = False,
    address: str = "",
) -> Receipt:
    """Accept a report from nobody. `address` is only counted, in memory."""
    check_rider_pass(rider_pass)
    if not is_claim_hash(claim_hash):
        raise Invalid("匿名凭据的格式不对，请重新拍一次。", field="claim_hash")
    limit = current("reports.secrecy").data.anonymous_per_hour
    pace.check(address, limit)
    values = checked(place, words, hint) | {"self_handled": self_handled, "name_hidden": True, "datum": "wgs84"}
    check_photos(photos, after_photos, self_handled)
    plain, plain_after = (
        bare(photos, field="photos", limits=limits()),
        bare(after_photos if self_handled else (), field="after_photos", limits=limits()),
    )
    with (
        without_request_id(),
        receive(plain, field="photos") as before,
        receive(plain_after, field="after_photos") as after,
    ):
        receipt = take_in(_Nobody(claim_hash), client_key, values, Pictures(before, after))
    if not receipt.repeated:
        pace.count(address)
    return receipt


@dataclass(frozen=True, slots=True)
class _Nobody:
    """A phone that keeps a secret."""

    claim_hash: str
    history = ANONYMOUS
    sender = ANONYMOUS

    def columns(self, public_id: str) -> dict[str, Any]:
        return {"secrecy": ANONYMOUS, "claim_hash": self.claim_hash}

    def check(self) -> None:
        if Report.objects.filter(claim_hash=self.claim_hash).exists():
            raise Invalid("这个匿名凭据已经用过，请重新拍一次。", field="claim_hash")


@transaction.atomic
def answer_anonymously(*, secret: str, solved: bool, text: str = "") -> None:
    """Solved or not, said by whoever holds the secret. Said twice it is said once. Earns nothing: nobody is known."""
    holder, report = access.of_secret(secret)
    words = rules.clean_text(text, field="text", limit=rules.NOTE_MAX)
    if report.state == ("fixed" if solved else "reopened"):
        return
    with without_request_id():
        if solved:
            changes = {"ended_at": clock.now(), "validity": "valid"}
            row = take_step(report, "confirm", actor=holder, changes=changes, event=FIXED)
            tell_many(followers_told(report, "report.fixed", f"fixed:{row.pk}"))
            return
        row = take_step(report, "dispute", actor=holder, text=words, changes=reopening(), event=REOPENED)
        tell_many(reopened_told(report, f"reopened:{row.pk}"))


__all__ = ["answer_anonymously", "submit_anonymous"]
