"""Nothing that is stored leads from a rider to that rider's report.

A town lives for two days through its real pages: riders report sealed and anonymously, the machine settles, a unit
resolves, the clerk verifies, points are claimed and paid. Then all that the system keeps is dumped and searched for a
path (tests/harness/secrecy.py). Anonymous: none, with the master key, times and transactions. Sealed: none without the
key; times are left out, because the points are paid when the report is settled (docs/privacy says so).
Supports: as sealed reports, and moments count, but for those of news. That two reports are of one matter (a merge, a proposal, a recurrence) is known to everybody
who may read both, and says nothing of who sent either; those links are taken out before a path is looked for.

Controls: with the key every sealed report leads to its rider, and a planted row, line, file or time is found.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from qixia.audit.services import record
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.claims import claim_hash
from qixia.kernel.config import get_config
from qixia.offers.models import Offer
from qixia.people.access import actor_for
from qixia.people.models import Person
from qixia.people.passes import rider_pass
from qixia.people.sessions import BACKEND
from qixia.reports import pace, services
from qixia.reports.models import Report
from qixia.reports.tests import town as towns
from qixia.rewards.models import Hold, PointsAppeal
from qixia.rewards.services import answer_appeal, compare, pay_claims, post_hold, prove, seal_postings
from qixia.site.logs import Line
from tests.harness.secrecy import NEAR, Dump, Record, path

START = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
RIDERS = ("rider", "other_rider", "third", "fourth")
WORDS = {name: f"{mark}号井盖没了，人能掉下去" for name, mark in zip(RIDERS, "甲乙丙丁", strict=True)}


class LogBuffer(logging.Handler):
    """The log as it would stand on stderr, at the time of the story."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(Line())
        self.lines: list[str] = []

    def emit(self, entry: logging.LogRecord) -> None:
        entry.created = clock.now().timestamp()
        self.lines.append(self.format(entry))


@dataclass
class Story:
    """What happened, told by who it was: that is what the dump must not tell."""

    town: towns.Town
    log: LogBuffer
    now: datetime = START
    people: dict[str, Person] = field(default_factory=dict)
    phones: dict[str, Client] = field(default_factory=dict)
    sealed: dict[str, Report] = field(default_factory=dict)
    anonymous: dict[str, Report] = field(default_factory=dict)
    again: dict[str, Report] = field(default_factory=dict)  # one manhole, reported by several
    held: dict[str, str] = field(default_factory=dict)  # each rider's secret
    answers: list[dict[str, str]] = field(default_factory=list)

    def later(self, **passed: int) -> Any:
        self.now += timedelta(**(passed or {"minutes": 17}))
        return clock.at(self.now)

    def noted(self, answer: Any, *good: int) -> Any:
        assert answer.status_code in (good or (200,)), answer.content.decode()[:600]
        self.answers.append({**answer.headers, **{f"set-{k}": m.value for k, m in answer.cookies.items()}})
        return answer


def form(story: Story, name: str, number: int) -> dict[str, Any]:
    lat, lng = towns.AT_ROAD
    return {
        "client_key": f"key-{secrets.token_hex(12)}",
        "photos": [towns.photo(7000 + number)],
        "lat": lat,
        "lng": lng,
        "place_source": "gps",
        "words": WORDS[name],
    }


def reports_sealed(story: Story, name: str, number: int) -> None:
    with story.later():
        story.noted(story.phones[name].get(reverse("reports:snap")))
        sent = form(story, name, number) | {"hide_name": "on", "secrecy": "sealed"}
        answer = story.phones[name].post(reverse("reports:snap"), sent, HTTP_ACCEPT="application/json")
        story.noted(answer, 201)
        story.sealed[name] = Report.objects.get(public_id=answer.json()["public_id"])
    with story.later(seconds=40):
        run_pending()


def reports_anonymously(story: Story, name: str, number: int) -> None:
    """The phone has the page open at the very second, and sends without a cookie."""
    story.held[name] = secrets.token_urlsafe(32)
    before = watched()
    with story.later():
        story.noted(story.phones[name].get(reverse("reports:snap")))
        sent = form(story, name, number) | {"claim_hash": claim_hash(story.held[name])}
        answer = Client(enforce_csrf_checks=True).post(
            reverse("reports:anonymous"), sent, HTTP_X_RIDER_PASS=rider_pass(), HTTP_ACCEPT="application/json"
        )
        story.noted(answer, 201)
        story.anonymous[name] = Report.objects.get(public_id=answer.json()["public_id"])
    assert watched() == before, "a session, device or person changed at the moment of an anonymous report"
    with story.later(seconds=40):
        run_pending()


def watched() -> list[tuple[Any, ...]]:
    """What says when somebody was here."""
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for table in ("django_session", "people_device", "people_person"):
            order = "session_key" if table == "django_session" else "id"
            cursor.execute(f"SELECT * FROM {table} ORDER BY {order}")
            rows += [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]
    return rows


def is_seen_again(story: Story) -> None:
    """One rider reports, the second supports it, the third reports it too, as does the fourth without a name: the machine
    makes one case of it, and a clerk takes the third's apart."""
    with story.later():
        towns.merging(automatic=True)
    sealed, anonymous = dict(story.sealed), dict(story.anonymous)
    held = dict(story.held)
    reports_sealed(story, "rider", 80)
    with story.later():
        lat, lng = towns.AT_ROAD
        asked = {"lat": lat, "lng": lng, "words": WORDS["other_rider"]}
        block = story.noted(story.phones["other_rider"].get(reverse("reports:seen"), asked)).content.decode()
        offer = {"offer": block.split('name="offer" value="')[1].split('"')[0]}
        answer = story.phones["other_rider"].post(reverse("reports:support"), offer)
        story.noted(answer, 303)
    with story.later(seconds=40):
        run_pending()
    reports_sealed(story, "third", 81)
    reports_anonymously(story, "fourth", 82)
    story.again = {"rider": story.sealed["rider"], "third": story.sealed["third"], "fourth": story.anonymous["fourth"]}
    story.sealed, story.anonymous, story.held = sealed, anonymous, held
    for one in story.again.values():
        one.refresh_from_db()
    assert {one.merged_into_id for one in story.again.values()} == {None, story.again["rider"].pk}
    with story.later():
        services.unmerge(actor=story.town.clerk, public_id=story.again["third"].public_id)
    with story.later():
        services.accept(actor=story.town.worker, public_id=story.again["rider"].public_id)
    with story.later():
        services.answer(actor=story.town.worker, public_id=story.again["rider"].public_id, text="马上到")
    with story.later(seconds=40):
        run_pending()
    with story.later(days=4):
        assert services.pay_supports() == 1


def is_held_and_appealed(story: Story) -> None:
    """A rider sends a picture that another one sent days before: points wait, a supervisor gives some of them, the rider
    says that it is wrong, shows the report, and gets the rest."""
    with story.later():
        towns.merging(automatic=False)
    sealed, phone = dict(story.sealed), story.phones["third"]
    reports_sealed(story, "third", RIDERS.index("other_rider"))
    story.again["held"], story.sealed = story.sealed["third"], sealed
    with story.later():
        hold = Hold.objects.get(state="open")
        given = post_hold(actor=story.town.supervisor, public_id=hold.public_id, points=5, reason="照片以前用过")
    with story.later():
        said = {"text": "是另一个井盖，我又去拍了", "shows": "1"}
        story.noted(phone.post(reverse("rewards:entry", args=[given.pk]), said), 303)
    with story.later():
        appeal = PointsAppeal.objects.get(state="open")
        answer_appeal(actor=story.town.admin, public_id=appeal.public_id, points=10, answer="看过了，确实是另一个")
    with story.later(seconds=40):
        run_pending()
        story.noted(phone.get(reverse("rewards:entry", args=[given.pk])))


def is_handled(story: Story, report: Report) -> None:
    unit, clerk = story.town.worker, story.town.clerk
    for act, actor, more in (
        (services.accept, unit, {}),
        (services.resolve, unit, {"text": "已换新井盖", "photos": [towns.photo_after(report.pk)]}),
        (services.verify, clerk, {}),
    ):
        with story.later():
            act(actor=actor, public_id=report.public_id, **more)
        with story.later(seconds=40):
            run_pending()


def is_looked_at(story: Story, name: str, report: Report) -> None:
    """A rider takes the offer to look at another one's report, goes there and says that it is mended."""
    phone = story.phones[name]
    lat, lng = towns.AT_ROAD
    offer = Offer.objects.get(subject=report.ref, state="open")
    with story.later():
        story.noted(phone.get(reverse("offers:near"), {"lat": lat, "lng": lng}))
        story.noted(phone.post(reverse("offers:take", args=[offer.public_id])), 303)
    with story.later():
        address = reverse("reports:look", args=[offer.public_id])
        story.noted(phone.get(address))
        said = {"fixed": "yes", "lat": lat, "lng": lng, "place_source": "gps", "photos": [towns.photo_later(173)]}
        story.noted(phone.post(address, said), 303)
    with story.later(seconds=40):
        run_pending()
    report.refresh_from_db()
    assert report.state == "fixed"


def claims(story: Story, name: str) -> None:
    with story.later():
        shown = json.dumps({"secrets": [story.held[name]]})
        asked = Client().post(reverse("reports:anonymous_status"), shown, "application/json")
        assert story.noted(asked).json()[0]["points"] == "ready"
    with story.later():
        answer = story.phones[name].post(reverse("reports:claim"), shown, "application/json")
        assert story.noted(answer).json()["credited"] > 0
    with story.later(seconds=40):
        run_pending()


def tell(log: LogBuffer) -> Story:
    with clock.at(START):
        town = towns.build_town()
        town.people["third"] = towns._rider("三川", "13800000003")
        town.people["fourth"] = towns._rider("四川", "13800000004")
    story = Story(town, log)
    for name in RIDERS:
        with story.later():
            story.phones[name] = Client()
            story.phones[name].force_login(town.people[name], backend=BACKEND)
    for number, name in enumerate(RIDERS):
        reports_sealed(story, name, number)
        reports_anonymously(story, name, 50 + number)
    for report in [*story.sealed.values(), *story.anonymous.values()]:
        is_handled(story, report)
    with story.later():
        services.confirm_solved(actor=actor_for(town.people["rider"]), public_id=story.sealed["rider"].public_id)
    with story.later(seconds=40):
        run_pending()
    is_looked_at(story, "fourth", story.sealed["other_rider"])
    with story.later():
        rated = {"answered": "yes", "solved": "yes", "content": "3"}
        address = reverse("reports:rate", args=[story.sealed["rider"].public_id])
        story.noted(story.phones["rider"].post(address, rated), 303)
    story.later(days=1)
    for name in reversed(RIDERS):
        claims(story, name)
    with story.later(hours=5):
        assert pay_claims() == len(RIDERS)
    with story.later(seconds=40):
        run_pending()
        while seal_postings(limit=7):
            pass
        assert prove().sound
        assert compare().is_sound
    is_seen_again(story)
    is_held_and_appealed(story)
    with story.later(days=4):
        assert services.pay_witnesses() == 1
    with story.later():
        for name in RIDERS:
            for page in ("rewards:ledger", "notices:inbox", "reports:mine"):
                story.noted(story.phones[name].get(reverse(page)))
    return story


@pytest.fixture
def story(transactional_db: None) -> Iterator[Story]:
    pace.forget()
    log = LogBuffer()
    loggers = [logging.getLogger(name) for name in ("qixia", "qixia.access", "django.request")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(log)
        one.setLevel(logging.INFO)
    try:
        yield tell(log)
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.removeHandler(log)
            one.setLevel(level)


def dumped(story: Story, *, opened: bool) -> Dump:
    needles = {}
    for name in RIDERS:
        person = story.town.people[name]
        needles |= {person.public_id: person_token(story, name), person.display_name: person_token(story, name)}
    needles |= {f"1380000000{n}": person_token(story, name) for n, name in enumerate(RIDERS, 1)}
    for report in every_report(story):
        needles |= {report.public_id: report_token(report), report.number: report_token(report)}
    for name, secret in story.held.items():
        needles |= {secret: report_token(story.anonymous[name])}
        needles |= {claim_hash(secret) or "": report_token(story.anonymous[name])}
    dump = Dump(opened, needles)
    dump.add_database()
    dump.add_files(Path(get_config().var_dir))
    dump.add_lines(story.log.lines)
    dump.add_headers(story.answers)
    forget_matters(story, dump)
    return dump


def every_report(story: Story) -> list[Report]:
    return [*story.sealed.values(), *story.anonymous.values(), *story.again.values()]


def forget_matters(story: Story, dump: Dump) -> None:
    """Take out what only says that reports are of one matter. A record with a rider beside two reports stays."""
    names = {report_token(one): {report_token(one), one.public_id, one.number} for one in every_report(story)}
    riders = {person_token(story, name) for name in RIDERS}
    for entry in dump.records:
        named = {token for token in names if token in entry.tokens}
        own = entry.name.replace(":", "#", 1) if entry.name.startswith("reports_report:") else ""
        if len(named) > 1 and (own or not entry.tokens & riders):
            entry.tokens -= set().union(*(names[token] for token in named if token != own))
        # The record of a merge repeats the times of both reports, a proposal that of the later one, and it ends in a
        # transaction of the other: they, too, say that these are of one matter.
        if entry.name.startswith(("reports_mergerecord:", "reports_mergeproposal:")) and not entry.tokens & riders:
            entry.times.clear()


def person_token(story: Story, name: str) -> str:
    return f"people_person#{story.town.people[name].pk}"


def report_token(report: Report) -> str:
    return f"reports_report#{report.pk}"


def hubs(story: Story, dump: Dump) -> set[str]:
    """What stands beside everybody's reports: staff, organisations and what belongs to the town."""
    staff = [person for name, person in story.town.people.items() if name not in RIDERS]
    tokens = {f"people_person#{person.pk}" for person in staff} | {person.public_id for person in staff}
    tokens |= {
        token for entry in dump.records if entry.name.startswith("people_organisation:") for token in entry.tokens
    }
    towns_own = ("codes_", "places_", "policy_", "people_organisation#", "django_content_type#", "auth_")
    tokens |= {token for entry in dump.records for token in entry.tokens if token.startswith(towns_own)}
    return tokens | {rider_pass((START + timedelta(hours=8)).date())}


def ways(story: Story, dump: Dump, reports: dict[str, Report], *, times: bool) -> dict[str, list[str]]:
    """For each rider with a path to the own report, the path."""
    if not times:  # a transaction is a time: it, too, only says that two things happened together
        for entry in dump.records:
            entry.tokens = {token for token in entry.tokens if not token.startswith("xmin#")}
    known = hubs(story, dump)
    found = {
        name: path(dump, person_token(story, name), report_token(report), hubs=known, times=times)
        for name, report in reports.items()
    }
    return {name: way for name, way in found.items() if way}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_that_is_stored_leads_from_a_rider_to_the_report(story: Story) -> None:
    opened, closed = dumped(story, opened=True), dumped(story, opened=False)
    assert len(opened.records) > 200
    assert opened.unknown == set(), "bytes that nobody declared: see kernel/sealed.py"
    assert ways(story, opened, story.anonymous, times=True) == {}
    assert ways(story, closed, story.sealed, times=False) == {}
    supported = {"other_rider": story.again["rider"]}
    assert ways(story, closed, supported, times=False) == {}
    assert beside(story, closed, "other_rider", story.again["rider"]) == []
    assert beside(story, closed, "rider", story.again["rider"]) != []  # a control: the reporter is paid at the dispatch
    assert ways(story, closed, {"third": story.again["third"]}, times=False) == {}
    assert ways(story, opened, {"fourth": story.again["fourth"]}, times=True) == {}
    held = {"third": story.again["held"]}
    assert ways(story, closed, held, times=False) == {}
    assert [
        entry.name for entry in closed.records if person_token(story, "third") in entry.tokens and _appeals(entry)
    ] == []
    looked = {"fourth": story.sealed["other_rider"]}
    assert ways(story, closed, looked, times=False) == {}
    # Controls: the finder finds what is there.
    assert set(ways(story, dumped(story, opened=True), looked, times=False)) == {"fourth"}
    assert set(ways(story, dumped(story, opened=True), supported, times=False)) == {"other_rider"}
    assert set(ways(story, dumped(story, opened=True), held, times=False)) == {"third"}
    assert set(ways(story, dumped(story, opened=True), story.sealed, times=False)) == set(RIDERS)
    check_plants(story)


def _appeals(entry: Record) -> bool:
    """A line of the history about an appeal, whose number stands on a page beside the report that was shown."""
    return entry.name.startswith("audit_auditevent:") and "points-appeal:" in entry.text


def beside(story: Story, dump: Dump, name: str, report: Report) -> list[tuple[str, str]]:
    """Pairs of a record that names the rider, or shares a value with one that does, and a record that names the report, of
    one moment. News apart: whoever follows a report hears of a step when it is taken (docs/adr/0013 says so)."""
    known = hubs(story, dump)
    own = [entry for entry in dump.records if person_token(story, name) in entry.tokens]
    shared = {token for entry in own for token in entry.tokens - known if not token.startswith("xmin#")}
    mine = [one for one in dump.records if one.tokens & shared and not one.name.startswith("notices_notice:")]
    theirs = [entry for entry in dump.records if report_token(report) in entry.tokens]
    return [
        (one.name, other.name)
        for one in mine
        for other in theirs
        if any(abs(a - b) <= NEAR for a in one.times for b in other.times)
    ]


def check_plants(story: Story) -> None:
    report, rider = story.anonymous["rider"], story.town.people["rider"]

    def is_found(times: bool = False) -> bool:
        return set(ways(story, dumped(story, opened=True), story.anonymous, times=times)) == {"rider"}

    assert not is_found()
    with clock.at(story.now + timedelta(days=9)), transaction.atomic():
        record("x", subject=report.ref, actor=f"person:{rider.public_id}")
        assert is_found(), "an audit row with both"
        transaction.set_rollback(True)
    story.log.lines.append(json.dumps({"actor": rider.public_id, "path": f"/r/{report.public_id}/"}))
    assert is_found(), "a line of the log with both"
    story.log.lines.pop()
    story.log.lines += [
        json.dumps({"actor": rider.public_id, "request_id": "the-same-request-1"}),
        json.dumps({"path": f"/r/{report.public_id}/", "request_id": "the-same-request-1"}),
    ]
    assert is_found(), "two lines with one request id"
    del story.log.lines[-2:]
    planted = Path(get_config().var_dir) / "media" / f"{report.number}-{rider.public_id}.jpg"
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_bytes(b"x")
    assert is_found(), "a file that is named after both"
    planted.unlink()
    assert not is_found(times=True)
    with clock.at(report.received_at + timedelta(seconds=1)), transaction.atomic():
        record("x", subject=f"person:{rider.public_id}", actor="system:x")
        assert is_found(times=True), "an equal time"
        transaction.set_rollback(True)
    assert not is_found(times=True)
