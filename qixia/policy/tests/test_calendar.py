"""The working calendar: filled from the package, edited by people, warned of where it is missing."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import DatabaseError, transaction
from django.http import QueryDict
from django.test import RequestFactory

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed, Stale
from qixia.policy import holidays, kinds, queries, services
from qixia.policy.models import CalendarDay, CalendarEdit, CalendarYear
from qixia.policy.web import calendar as page
from qixia.ui import nav

pytestmark = pytest.mark.django_db
ADMIN = "person:admin"
TABLES = (CalendarDay, CalendarEdit, CalendarYear, AuditEvent)


@pytest.fixture(autouse=True)
def hours():
    kind = kinds.get("policy.working_hours")
    services.publish(kind.name, kind.read_seed(), note="随系统发布", actor_ref="system:setup")


def rows() -> list[list[dict[str, object]]]:
    return [list(model.objects.order_by("pk").values()) for model in TABLES]


def today() -> date:
    return clock.city_date(clock.now())


class TestPackage:
    def test_the_notice_of_2026(self):
        named = {one.date: (one.kind, one.name) for one in holidays.noticed(2026)}
        assert named[date(2026, 10, 1)] == ("holiday", "国庆节")
        assert named[date(2026, 10, 10)] == ("workday", "国庆节")
        assert date(2026, 11, 18) not in named, "an ordinary Wednesday"
        assert date(2026, 11, 22) not in named, "an ordinary Sunday"

    def test_a_year_without_a_notice_is_not_guessed(self):
        assert holidays.noticed(2090) is None

    def test_filling_twice_changes_nothing(self):
        services.fill_calendar(date(2026, 3, 1))
        before = rows()
        assert services.fill_calendar(date(2026, 3, 1)) == []
        assert rows() == before

    def test_what_a_person_set_stands_when_the_package_comes(self, monkeypatch):
        monkeypatch.setattr(holidays, "noticed", lambda year: None)
        day = date(today().year + 1, 10, 1)
        services.fill_calendar(today())
        services.set_day(day=day, kind="workday", note="本市另有安排", actor_ref=ADMIN)
        noticed = [holidays.NoticedDay(day, "holiday", "国庆节")]
        monkeypatch.setattr(holidays, "noticed", lambda year: noticed if year == day.year else None)
        assert services.fill_calendar(today()) == [day.year]
        found = queries.calendar_year(day.year)
        assert (found.source, found.days[day].kind, found.days[day].source) == ("package", "workday", "person")


class TestMissing:
    def test_a_missing_year_is_warned_of_months_ahead(self):
        services.fill_calendar(date(2025, 3, 1))
        assert queries.missing_years(date(2026, 9, 30)) == []
        assert queries.missing_years(date(2026, 10, 1)) == [2027]
        assert queries.missing_years(date(2027, 1, 1)) == [2027]

    def test_a_missing_year_follows_the_week(self):
        work = queries.working_calendar().work
        assert work.is_working_day(date(2090, 10, 2)), "a Monday"
        assert not work.is_working_day(date(2090, 10, 1)), "a Sunday"
        assert queries.calendar_year(2090).is_fallback


class TestEdits:
    def test_a_change_is_a_new_version_and_is_audited(self):
        day, before = today() + timedelta(days=4), queries.working_calendar()
        services.set_day(day=day, kind="holiday", name="台风停工", note="防指第 3 号令", actor_ref=ADMIN)
        after = queries.working_calendar()
        assert after.stamp != before.stamp
        assert not after.work.is_working_day(day)
        assert AuditEvent.objects.filter(
            action="policy.calendar_edited", actor=ADMIN, subject=f"calendar:{day}"
        ).exists()
        services.set_day(day=day, kind="", note="台风没来", actor_ref=ADMIN)
        assert queries.working_calendar().work.is_working_day(day) == (day.weekday() < 5)
        assert [one.after for one in queries.calendar_history(day.year)] == ["", "holiday"]

    @pytest.mark.parametrize(
        ("days", "kind", "note", "refusal"),
        [
            (-1, "holiday", "补", services.PastDay),
            (-1, "workday", "补", services.PastDay),
            (0, "workday", "加班", services.PastDay),
            (3, "workday", " ", Invalid),
            (3, "sometimes", "为什么", Invalid),
        ],
    )
    def test_what_has_passed_stands_and_a_refusal_changes_nothing(self, days, kind, note, refusal):
        before = rows()
        with pytest.raises(refusal):
            services.set_day(day=today() + timedelta(days=days), kind=kind, note=note, actor_ref=ADMIN)
        assert rows() == before

    def test_today_may_still_become_a_holiday(self):
        services.set_day(day=today(), kind="holiday", note="台风", actor_ref=ADMIN)
        assert not queries.working_calendar().work.is_working_day(today())

    def test_a_year_is_complete_once_somebody_says_so_and_only_once(self):
        day = date(2099, 10, 1)
        with pytest.raises(Invalid):
            services.confirm_year(year=2099, note="通知", actor_ref=ADMIN)
        services.set_day(day=day, kind="holiday", note="通知", actor_ref=ADMIN)
        services.confirm_year(year=2099, note="通知", actor_ref=ADMIN)
        before = rows()
        with pytest.raises(Stale):
            services.confirm_year(year=2099, note="通知", actor_ref=ADMIN)
        assert rows() == before

    def test_the_history_can_not_be_changed(self):
        services.set_day(day=date(2099, 1, 1), kind="holiday", note="元旦", actor_ref=ADMIN)
        with pytest.raises(DatabaseError), transaction.atomic():
            CalendarEdit.objects.update(note="别的")

    def test_other_office_hours_are_another_calendar(self):
        before = queries.working_calendar()
        data = {"hours": ["09:00-17:00"], "warn_months": 3}
        services.publish("policy.working_hours", data, note="夏令作息", actor_ref=ADMIN)
        assert queries.working_calendar().stamp != before.stamp
        assert queries.working_calendar().work.hours == ((540, 1020),)
        with pytest.raises(Invalid):
            services.publish("policy.working_hours", {"hours": ["9-17"]}, note="坏", actor_ref=ADMIN)


def ask(role: str = "admin", query: str = "", **body: str):
    request = getattr(RequestFactory(), "post" if body else "get")(f"/desk/calendar/?{query}", body or None)
    names = {"ref": ADMIN, "display_name": "管", "public_id": "a", "person_id": 1, "grants": (), "is_system": False}
    reach = {"paths": lambda *_roles: (), "organisation_ids": lambda *_roles: frozenset()}
    request.actor = SimpleNamespace(
        is_signed_in=True, roles=frozenset({role}), has=lambda *r: role in r, **names, **reach
    )
    request._messages = CookieStorage(request)
    if body:
        request._post = QueryDict(mutable=True)
        request._post.update(body)
        return page.change(request)
    return page.year(request)


class TestPage:
    @pytest.fixture(autouse=True)
    def no_nav(self, monkeypatch):
        monkeypatch.setattr(nav, "sections_for", lambda actor, view: [])  # its counts are asked of packages above

    def test_a_year_shows_its_twelve_months(self):
        services.fill_calendar(date(2026, 3, 1))
        shown = ask(query="year=2026").content.decode()
        assert shown.count('class="card qx-cal-month"') == 12
        assert "248 个工作日" in shown
        assert "国庆节" in shown

    def test_a_missing_year_says_so(self):
        assert "2090 年的节假日还没填" in ask(query="year=2090").content.decode()
        services.fill_calendar(date(2026, 3, 1))
        assert "2026 年的节假日还没填" not in ask(query="year=2026").content.decode()

    def test_an_administrator_changes_a_day(self):
        day = today() + timedelta(days=9)
        assert ask(day=str(day), kind="holiday", note="停工").status_code == 303
        assert queries.calendar_year(day.year).days[day].kind == "holiday"

    @pytest.mark.parametrize(
        "query", ["year=0", "year=99999", "year=abcd", "day=2026-02-30", "day=%00", "year=２０２６"]
    )
    def test_a_strange_address_shows_this_year(self, query):
        assert f'<b class="qx-num">{today().year}</b>' in ask(query=query).content.decode()

    @pytest.mark.parametrize("role", ["clerk", "supervisor", "worker"])
    def test_others_read_only(self, role):
        before = rows()
        shown = ask(role, query=f"day={today() + timedelta(days=9)}").content.decode()
        assert "<form" not in shown.partition('id="main"')[2].partition("</main>")[0]
        with pytest.raises(NotAllowed):
            ask(role, day=str(today() + timedelta(days=9)), kind="holiday", note="放假")
        assert rows() == before

    def test_a_stranger_sees_nothing(self):
        with pytest.raises(NotAllowed):
            ask("rider")
