"""Figures of a month: counted by what happened, never flattering, bounded in cost, and too small ones not published."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qixia.codes.models import Division
from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.people.models import Organisation
from qixia.people.sessions import BACKEND
from qixia.reports.figures import Share, month_after, month_of, published, rounded
from qixia.reports.models import Decision, Rating, Report
from qixia.reports.queries import figures as figures_query
from qixia.reports.queries.figures import forget_figures, kept_public_figures, month_figures, public_figures
from qixia.reports.sealing import index_of

MONTH = date(2026, 10, 1)
START = datetime(2026, 10, 5, 2, tzinfo=UTC)
LATER = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_kept():
    forget_figures()
    yield
    forget_figures()


def rows(count: int, *, unit: str = "shizheng", state: str = "fixed", days: float | None = 1, **more) -> list[Report]:
    """Reports as they stand at the end; written at once, because what is counted is hundreds."""
    organisation = Organisation.objects.get(code=unit)
    community = Division.objects.get(code="990102001001")
    ended = START + timedelta(days=days) if days is not None and state in ("fixed", "closed") else None
    first = Report.objects.count()
    made = [
        Report(
            public_id=new_public_id(),
            number=f"{first + number + 10:09d}",
            state=state,
            reporter_link=b"x",
            reporter_index=index_of(f"rider-{number % 7}"),
            lat=24.9,
            lng=118.6,
            received_at=START,
            answer_due=START + timedelta(hours=24),
            answered_at=START + timedelta(hours=3),
            ended_at=ended,
            cls="manhole",
            severity="high",
            unit=organisation,
            community=community,
            **more,
        )
        for number in range(count)
    ]
    return Report.objects.bulk_create(made)


def decided(reports, verdict, reason):
    Decision.objects.bulk_create(
        Decision(report=one, verdict=verdict, reason=reason, at=START, actor="person:x") for one in reports
    )


def seen(town, month=MONTH):
    with clock.at(LATER):
        return month_figures(town.admin, month)


def test_five_hundred_valid_leads_are_counted_as_such_apart_from_closed_and_fixed(town):
    rows(320, validity="valid")
    rows(130, state="closed", validity="valid", days=4)
    rows(50, state="working", validity="valid")
    decided(rows(30, state="invalid", validity="invalid"), "invalid", "not-there")
    decided(rows(12, state="aside"), "aside", "dispute")
    whole = seen(town).whole
    assert (whole.received, whole.counted, whole.valid) == (542, 500, 500)
    assert (whole.fixed, whole.closed, whole.open) == (320, 130, 50)
    assert (whole.invalid, whole.aside) == (30, 12)
    assert (whole.solved.percent, whole.answered.percent) == (64, 100)
    assert [(one.verdict, one.title, one.count) for one in seen(town).reasons] == [
        ("invalid", "现场没有这回事", 30),
        ("aside", "民事纠纷，建议走调解或诉讼", 12),
    ]


def test_by_unit_and_only_what_the_reader_may_see(town):
    rows(3)
    rows(5, unit="huanwei")
    assert [(line.unit, line.counted) for line in seen(town).lines] == [("huanwei单位", 5), ("shizheng单位", 3)]
    with clock.at(LATER):
        assert [line.unit for line in month_figures(town.worker, MONTH).lines] == ["shizheng单位"]


def test_what_is_open_counts_as_endless(town):
    rows(4, days=1)
    rows(3, days=3)
    rows(4, state="working")
    line = seen(town).lines[0]
    assert (line.spans.median, line.spans.ninth) == ("3 天", "")
    assert line.histogram == (4, 0, 3, 0, 0, 0, 0, 0, 4)
    rows(9, state="dispatched")
    assert seen(town).lines[0].spans.median == "", "more than half are open: no median flatters"


@pytest.mark.parametrize("days", [[1], [1, 2], [5, 1, 3], [1, 2, 3, 4], list(range(1, 12)), list(range(1, 31))])
def test_median_and_ninth_are_the_nearest_ranks(town, days):
    for span in days:
        rows(1, days=span)
    ordered = sorted(days)
    expected = [ordered[-(-len(days) * part // 10) - 1] for part in (5, 9)]
    spans = seen(town).whole.spans
    assert [spans.median, spans.ninth] == [f"{span} 天" for span in expected]


def test_ratings_are_shares_of_those_who_said_something(town):
    fixed = rows(8)
    Rating.objects.bulk_create(
        Rating(report=one, ended=0, answered=number < 3, solved=True, content=number, day=MONTH)
        for number, one in enumerate(fixed[:3], 1)
    )
    whole = seen(town).whole
    assert (whole.content, whole.said_solved, whole.said_answered) == (Share(2, 3), Share(3, 3), Share(2, 3))
    assert (whole.content.percent, Share(0, 0).percent) == (67, None)


def test_merged_ones_and_other_months_are_not_counted(town):
    lead = rows(1)[0]
    rows(2, state="merged", merged_into=lead)
    assert seen(town).whole.counted == 1
    assert seen(town, month_after(MONTH)).whole.counted == 0


def test_the_cost_does_not_grow_with_the_month(town, django_assert_num_queries):
    with clock.at(LATER):
        for count in (2, 60):
            rows(count)
            rows(count, unit="huanwei")
            month_figures(town.admin, MONTH)  # what is kept in memory
            with django_assert_num_queries(6):
                month_figures(town.admin, MONTH)


class TestPublic:
    def test_small_numbers_are_not_published(self, town):
        rows(21)
        rows(2, state="closed", days=3)
        rows(3, unit="huanwei")
        decided(rows(1, state="invalid", validity="invalid"), "invalid", "photo-false")
        with clock.at(LATER):
            found = public_figures(MONTH)
        assert [line.unit for line in found.lines] == ["shizheng单位"]
        (line,) = found.lines
        assert (line.counted, line.fixed, line.closed, line.open) == (25, 20, None, 0)
        assert (line.solved, line.answered) == (None, 100), "two are not enough to say a share of"
        assert [(one[0], one[2]) for one in found.reasons] == [("invalid", None)]

    def test_a_month_that_runs_is_not_published(self, town):
        rows(30)
        with clock.at(LATER):
            page = Client().get(reverse("reports:open_figures"), {"month": "2026-11"}).content.decode()
            assert "2026 年 10 月" in page
        with clock.at(START + timedelta(days=2)):
            page = Client().get(reverse("reports:open_figures")).content.decode()
        assert "2026 年 9 月" in page
        assert "shizheng" not in page

    def test_a_month_is_counted_once_an_hour_whoever_asks(self, town):
        rows(30)
        address = reverse("reports:open_figures")
        with clock.at(LATER):
            assert "shizheng单位" in Client().get(address, {"month": "2026-10"}).content.decode()
            with CaptureQueriesContext(connection) as seen:
                Client().get(address, {"month": "2026-10"})
            assert "reports_report" not in str(seen.captured_queries)
            rows(40, unit="huanwei")
            assert "huanwei单位" not in Client().get(address, {"month": "2026-10"}).content.decode()
        with clock.at(LATER + timedelta(hours=1, seconds=1)):
            assert "huanwei单位" in Client().get(address, {"month": "2026-10"}).content.decode()

    def test_months_that_are_kept_are_bounded(self, town, monkeypatch):
        monkeypatch.setattr(figures_query, "MOST_KEPT", 3)
        with clock.at(LATER):
            for month in range(1, 6):
                kept_public_figures(date(2026, month, 1))
        assert [key[0].month for key in figures_query._kept] == [3, 4, 5]

    @pytest.mark.parametrize(
        ("share", "percent"), [(Share(5, 10), 50), (Share(4, 10), None), (Share(10, 10), 100), (Share(0, 4), None)]
    )
    def test_a_share_needs_enough_on_both_sides(self, share, percent):
        assert published(share, 5) == percent

    def test_counts_are_rounded(self):
        assert [rounded(n, 5) for n in (0, 1, 4, 5, 7, 8, 12)] == [0, None, None, 5, 5, 10, 10]


@pytest.mark.parametrize("text", ["", "x", "2026-13", "99999-01", "1999-01", "2027-01", "2026-11-31"])
def test_a_month_that_is_none_is_this_one(text):
    assert month_of(text, date(2026, 11, 20)) == date(2026, 11, 1)


def test_the_pages_say_what_each_figure_means(town):
    rows(6)
    rows(2, state="working")
    desk = Client()
    desk.force_login(town.people["clerk"], backend=BACKEND)
    page = desk.get(reverse("reports:figures"), {"month": "2026-10"}).content.decode()
    with clock.at(LATER):
        public = Client().get(reverse("reports:open_figures"), {"month": "2026-10"}).content.decode()
    for shown in (page, public):
        assert "每个数怎么算" in shown
        assert "shizheng单位" in shown
    assert "6/8" in page
