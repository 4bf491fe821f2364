"""By which channels a notice goes out: one Delivery row for each notice, channel and address.

Truth    the unique (notice, channel, address): however often and from however many workers, one row.
Rules    what the policy allows the template's group, what the person chose, quiet hours, and whether one works for a unit.
Retries  a notice waits until the transaction that wrote its deliveries is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction

from qixia.kernel import clock
from qixia.kernel.faults import kill_point
from qixia.notices import channels, queries
from qixia.notices.channels import Channel, ChannelRules
from qixia.notices.models import Delivery, Notice
from qixia.notices.queries import Ways

BATCH = 500


def fan_out(limit: int = BATCH) -> int:
    """Look at up to `limit` waiting notices; how many were looked at."""
    waiting = Notice.objects.filter(waits=True)
    if not waiting.exists():  # spares the write lock
        return 0
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            waiting = waiting.select_for_update(skip_locked=True)
        notices = list(waiting.order_by("pk")[:limit])
        rules, now = queries.channel_rules(), clock.now()
        ways = queries.ways_of({notice.person_id for notice in notices})
        rows = [row for notice in notices for row in _deliveries(notice, rules, ways[notice.person_id], now)]
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        kill_point("deliver.fanned")
        Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(waits=False)
    kill_point("deliver.queued")
    return len(notices)


def _deliveries(notice: Notice, rules: ChannelRules, ways: Ways, now: datetime) -> Iterator[Delivery]:
    if notice.created_at < now - timedelta(hours=rules.give_up_hours):
        return  # after a long standstill: yesterday's news wakes nobody
    critical = channels.is_critical(rules, notice.template)
    for channel in channels.CHANNELS:
        if channels.wanted(rules, notice.template, channel, ways.wish, is_staff=ways.is_staff):
            at = channels.awake(None if critical else channels.quiet_hours(rules, channel, ways.wish), now)
            for address in _addresses(channel, ways):
                yield Delivery(
                    notice=notice,
                    channel=channel,
                    address=address,
                    is_critical=critical,
                    next_try_at=at,
                    created_at=now,
                )


def _addresses(channel: Channel, ways: Ways) -> tuple[str, ...]:
    if channel == "push":
        return ways.devices
    if channel == "robot":
        return ways.robots
    reached = ways.has_mail if channel == "email" else ways.has_phone
    return ("",) if reached else ()
