"""The rider's pass: shows that somebody who may report is asking, and not who.

Same     every rider of a city's day gets the same text, so it can join nobody with anything. It is given on the snap
         page only, and only to riders who agreed to photos.
Valid    eight days from the start of its day, so that a draft made without network still goes out.
Limit    it can be passed on. Pace per address and the clerk's checks bear that; see docs/adr/0013.
Errors   NoPass.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from qixia.kernel import clock, tokens
from qixia.kernel.errors import NotAllowed

VALID_FOR = timedelta(days=8)
_PURPOSE = "rider-pass"


class NoPass(NotAllowed):
    code = "people.no_pass"
    message = "匿名上报的凭据过期了。请联网打开一次“随手拍”，再发送。"


def rider_pass(day: date | None = None) -> str:
    """The pass of a day of the city, today's if none is named."""
    day = day or clock.city_date(clock.now())
    ends = datetime.combine(day, time(), clock.CITY_TZ) + VALID_FOR
    return tokens.sign({"day": day.isoformat()}, purpose=_PURPOSE, expires_at=int(ends.timestamp()))


def check_rider_pass(text: str) -> None:
    """Raise NoPass unless `text` is the pass of one of the last eight days."""
    try:
        tokens.verify(text[:400], purpose=_PURPOSE)
    except (tokens.BadToken, UnicodeError) as error:
        raise NoPass from error
