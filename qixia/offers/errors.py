"""What may be refused about an offer. Each leaves everything as it was."""

from __future__ import annotations

from qixia.kernel.errors import Conflict, Stale


class TakenByAnother(Stale):
    code = "offers.taken"
    message = "刚刚被别人接走了，看看别的。"


class HoldsAnother(Conflict):
    code = "offers.holds_another"
    message = "你手上还有一件，先做完或放回去。"


class NotHeld(Conflict):
    """The lease ran out, was given back, or the offer is not needed any more."""

    code = "offers.not_held"
    message = "这件不在你手上了：可能过了时间，或者已经不用去看。"
