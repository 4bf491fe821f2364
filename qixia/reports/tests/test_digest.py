"""The figures of the summaries, per person, through the registry that notices asks."""

from datetime import UTC, datetime, timedelta

import pytest

from qixia.kernel import clock
from qixia.notices import digests, services
from qixia.notices.digests import Counts
from qixia.notices.queries import latest
from qixia.people.models import RoleGrant
from qixia.reports.models import Report
from qixia.reports.tests.town import send, the

MORNING = datetime(2026, 11, 23, 0, 35, tzinfo=UTC)  # 08:35 in the city


@pytest.fixture
def five(town):
    """Received long ago unless new; two of today's morning. Everybody has been at work since the year began."""
    RoleGrant.objects.update(valid_from=datetime(2026, 1, 5, tzinfo=UTC))
    rows = [the(send(town.rider)) for _n in range(5)]
    old, day = MORNING - timedelta(days=3), timedelta(days=1)
    limits = (MORNING - timedelta(minutes=1), MORNING, MORNING + timedelta(hours=15), MORNING + timedelta(hours=16))
    for row, due in zip(rows, (*limits, None), strict=True):
        received = MORNING - day + timedelta(minutes=1) if due is None else old
        Report.objects.filter(pk=row.pk).update(
            state="dispatched",
            received_at=received,
            resolve_due=due or MORNING + 9 * day,
            overdue=1 if due and due < MORNING else 0,
        )
    return rows


def test_each_sees_what_is_theirs(town, five):
    """Over is over, a limit of this minute until midnight is due, and 00:35 of tomorrow is not."""
    with clock.at(MORNING):
        mine = digests.counts_for(town.people["worker"].pk)
        assert mine == Counts(new=1, due=2, overdue=1)
        assert digests.counts_for(town.people["cleaner"].pk) == Counts(0, 0, 0)  # of another unit
        assert digests.counts_for(town.people["rider"].pk).is_empty


def test_it_reaches_the_inbox(town, five):
    with clock.at(MORNING):
        services.tell_digests()
    (one,) = latest(town.people["worker"].pk, language="zh", size=1)
    assert one.words.body == "新来 1 件，今天到期 2 件，逾期 1 件。"
