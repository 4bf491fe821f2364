"""Role × field, cell by cell: sentinels are planted in a report and looked for in everything that a role can reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse

from qixia.codes.models import Division
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.ids import show_number
from qixia.media import files
from qixia.media.models import Evidence
from qixia.media.tests import made
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.models import Person
from qixia.people.queries import organisation_by_code
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish
from qixia.reports import rules, services, visibility
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.queries.similar import similar_reports
from qixia.reports.services.moves import take_step
from qixia.reports.tests.town import MAKER, Town, _rider, at, send, the
from qixia.triage.models import Opinion
from tests.architecture.test_permissions import walk

PAGES = 45  # that a role opens at most; an administrator's back room is wide
SPOT = (24.900317, 118.600213)
REASON = {"basis": "law", "reason": "市公安局调证通知书 2026 第 18 号"}
NEVER = ("sign-out", "language", "logout", "styleguide", "password")


class Planted:
    """A report with something unmistakable in every field, and the people around it."""

    def __init__(self, town: Town) -> None:
        self.people = self._people(town)
        exif = made.exif(model="QX-CAMERA-5521", taken_at="2026:11:18 03:17:20")
        self.content = made.jpeg(seed=55, exif=exif)
        self.raised = clock.city_time(clock.now() + timedelta(days=1)).replace(hour=3, minute=17, second=29)
        with clock.at(self.raised):
            receipt = send(
                actor_for(self.people["reporter"]),
                "井盖没了有人掉下去 QXWORDS7731",
                place=at(SPOT, building="QXPLACE88栋"),
                photos=[SimpleUploadedFile("a.jpg", self.content, "image/jpeg")],
                name_hidden=False,
            )
            self.report = the(receipt)
            self._is_supported()
            actor = actor_for(self.people["worker"])
            services.accept(actor=actor, public_id=self.report.public_id)
            services.ask_help(actor=actor, public_id=self.report.public_id, unit_code="gongdian", words="来搭把手")
            clerk = actor_for(self.people["clerk"])
            take_step(the(receipt), "validate", actor=clerk, text="QXNOTE7731", private=True)
        Report.objects.filter(pk=self.report.pk).update(points=77317)
        said = {"state": "ok", "cls": "other", "severity": "low", "words": "QXOPINION7731", "asked_at": self.raised}
        Opinion.objects.create(ref=self.report.ref, **said)
        self.picture = Evidence.objects.get(owner_ref=self.report.ref)
        self.middle = rules.cell_middle(*SPOT, 500)

    def _is_supported(self) -> None:
        """Somebody supports it before the matter is called sensitive: he follows it all the same."""
        supporter = actor_for(self.people["supporter"])
        data = {"sensitive": [], "cell_m": 500, "anonymous_per_hour": 5}
        publish("reports.secrecy", data, note="试", actor_ref="system:test")
        (one,) = similar_reports(supporter, lat=SPOT[0], lng=SPOT[1], words="井盖没了有人掉下去")
        services.support(actor=supporter, offer=one.offer)
        publish("reports.secrecy", data | {"sensitive": ["manhole"]}, note="试", actor_ref="system:test")

    def _people(self, town: Town) -> dict[str, Person]:
        reporter = people.create_person(
            display_name="QX昵称阿甲", phone="13912347731", real_name="甄名乙丙", actor=MAKER
        )
        people.enrol_rider(person_id=reporter.pk, platform="yunpao", actor=MAKER)
        for consent in ("place", "photo", "name"):
            people.give_consent(person_id=reporter.pk, kind=consent, version=1, actor=MAKER)
        unit = next(g.organisation_id for g in town.worker.grants)
        city = next(g.organisation_id for g in town.clerk.grants)
        elsewhere = Division.objects.create(
            code="990103001001", name="别处", level="community", path="990000/990103/990103001001/"
        )
        shop = people.create_organisation(code="shop", name="小店", kind="merchant", actor=MAKER)
        return {
            "reporter": reporter,
            "rider": town.people["other_rider"],
            "supporter": _rider("三川", "13800000003"),
            "worker": self._staff("QXHANDLER乙", "worker", unit),
            "helper": self._helper(),
            "other_worker": town.people["cleaner"],
            "unit_lead": self._staff("组长", "unit_lead", unit),
            "clerk": town.people["clerk"],
            "supervisor": town.people["supervisor"],
            "other_clerk": self._staff("远方", "clerk", city, elsewhere.pk),
            "merchant": self._staff("店主", "merchant", shop.pk),
            "admin": town.people["admin"],
            "data_officer": self._staff("数安", "data_officer", city),
            "auditor": self._staff("审计", "auditor", city),
        }

    def _helper(self) -> Person:
        person = people.create_person(display_name="帮手", username="user-helper", actor=MAKER)
        unit = organisation_by_code("gongdian")
        assert unit is not None
        people.grant_role(person_id=person.pk, role="worker", organisation_id=unit.id, actor=MAKER)
        return person

    def _staff(self, name: str, role: str, organisation_id: int, division: int | None = None) -> Person:
        username = "user-" + role.replace("_", "-") + ("-far" if division else "")
        person = people.create_person(display_name=name, username=username, actor=MAKER)
        people.grant_role(
            person_id=person.pk, role=role, organisation_id=organisation_id, division_id=division, actor=MAKER
        )
        return person

    # ── what each field looks like ────────────────────────────────────────────
    def signs(self) -> dict[str, Callable[[bytes], str]]:
        """Field → what one answer shows of it: "yes", "rounded", "masked" or "no"."""
        copies = [files.copy_path(self.picture.storage_name, size).read_bytes() for size in ("thumb", "phone", "full")]
        raised = clock.city_time(self.raised)
        moment = (f"{raised:%H:%M}", f"{raised.astimezone(tz=None):%H:%M:%S}", self.raised.isoformat()[:16])
        y, x = self.middle

        def place(answer: bytes) -> str:
            if any(sign.encode() in answer for sign in ("24.900317", "118.600213", "24.90032", "118.60021", "QXPLACE")):
                return "yes"
            return "rounded" if f"{y:.5f}".encode() in answer and f"{x:.5f}".encode() in answer else "no"

        def phone(answer: bytes) -> str:
            return "yes" if b"13912347731" in answer else "masked" if b"139****7731" in answer else "no"

        def any_of(*texts: str | bytes) -> Callable[[bytes], str]:
            wanted = [text.encode() if isinstance(text, str) else text for text in texts]
            return lambda answer: "yes" if any(one in answer for one in wanted) else "no"

        return {
            "words": any_of("QXWORDS7731"),
            "photo": lambda answer: "yes" if answer in copies else "no",
            "original": any_of(self.content),
            "place": place,
            "time": any_of(*moment),
            "nickname": any_of("QX昵称阿甲"),
            "phone": phone,
            "real_name": any_of("甄名乙丙"),
            "camera": any_of("QX-CAMERA-5521"),
            "finding": any_of(self.report.finding),
            "opinion": any_of("QXOPINION7731"),
            "note": any_of("QXNOTE7731"),
            "handler": any_of("QXHANDLER乙"),
            "points": any_of("+77317", '"points": 77317', '"points":77317'),
        }


# ── everything that a role can reach ──────────────────────────────────────────


def seeds(planted: Planted) -> list[str]:
    """Every address there is, filled with this report; the lists searched for it; the map around it."""
    report, (lat, lng) = planted.report, SPOT
    bbox = f"{lng - 0.02},{lat - 0.02},{lng + 0.02},{lat + 0.02}"
    found = [
        f"/map/data?bbox={bbox}&zoom=16",
        f"/map/data?bbox={bbox}&zoom=22",
        f"/desk/all?q={report.number}",
        "/desk/all?q=QXWORDS",
        f"/desk/queue?case={report.public_id}",
        f"/desk/triage/{report.public_id}/",
        "/mine?state=supported",
        f"/mine?q={show_number(report.number)}",
        f"/desk/reveal/?number={report.number}",
        f"/privacy/history/?subject={report.ref}",
        f"/privacy/accesses/?number={report.number}",
        f"/admin/audit/auditevent/?q={report.ref}",
    ]
    for address in walk(get_resolver(), ""):
        route = re.sub(r"<(?:\w+:)?public_id>", report.public_id, address.route)
        if not re.search(r"[<(]", route):
            found.append("/" + route.lstrip("^").rstrip("$"))
    return found


def reachable(client: Client, planted: Planted) -> Iterator[bytes]:
    """The answers to everything in `seeds` and to what they link to."""
    waiting, seen = seeds(planted), set()
    wide = len(waiting) + PAGES
    while waiting and len(seen) < wide:
        address = waiting.pop(0)
        if address in seen or any(word in address for word in NEVER):
            continue
        seen.add(address)
        answer = client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        yield (
            content + unquote(str(dict(answer.headers))).encode()
            if "text" in answer.headers.get("Content-Type", "")
            else content
        )
        if "html" in answer.headers.get("Content-Type", ""):
            waiting += links(content.decode(), address)
        elif answer.status_code in (301, 302, 303):
            waiting.append(answer.headers["Location"])


def links(html: str, here: str) -> list[str]:
    """Addresses of this site in a page; pictures first."""
    found = re.findall(r"""(?:href|src|hx-get|data-[a-z-]*url)=["']([^"'#]+)["']""", html)
    local = [urljoin(here, one.replace("&amp;", "&")) for one in found]
    local = [one for one in local if not urlsplit(one).netloc and not one.startswith(("/static/", "data:"))]
    return sorted(dict.fromkeys(local), key=lambda one: not one.startswith("/pic/"))


def with_reason(client: Client, planted: Planted) -> Iterator[bytes]:
    """What may be opened with ground and reason."""
    report = planted.report
    yield client.post(reverse("reports:reveal"), {"number": report.number, **REASON}).content
    picture = ReportPhoto.objects.get(report=report).evidence.public_id
    yield client.post(reverse("reports:original", args=[report.public_id]), {"picture": picture, **REASON}).content


def signed_in(person: Person | None) -> Client:
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person, backend=BACKEND)
    return client


_STRENGTH = ("no", "masked", "rounded", "yes")


def strongest(answers: Iterator[bytes], signs: dict[str, Callable[[bytes], str]]) -> dict[str, str]:
    found = dict.fromkeys(signs, "no")
    for answer in answers:
        for name, sign in signs.items():
            found[name] = max(found[name], sign(answer), key=_STRENGTH.index)
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_role_sees_of_every_field_what_the_table_says(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted(town)
    # The rider's page reads the books, which hold no such sum for a report; everybody else may only see the column.
    monkeypatch.setattr("qixia.reports.queries.rider.points_of", lambda refs, **_more: dict.fromkeys(refs, 77317))
    signs, seen = planted.signs(), {}
    for role in visibility.ROLES:
        with clock.at(noon()):
            client = signed_in(planted.people.get(role))
            plain = strongest(reachable(client, planted), signs)
            opened = strongest(with_reason(client, planted), signs)
            run_pending()
        seen[role] = {
            name: "reason" if opened[name] == "yes" and plain[name] == "no" else plain[name]
            for name in visibility.FIELDS
        }
    wrong = [
        f"{role} × {name}: {seen[role][name]} instead of {cell}"
        for role, cells in visibility.matrix().items()
        for name, cell in cells.items()
        if seen[role][name] != cell
    ]
    assert not wrong, "\n".join(wrong)


def noon() -> datetime:
    return clock.city_time(clock.now() + timedelta(days=2)).replace(hour=12, minute=41, second=0)


def test_without_the_choice_no_nickname_is_shown(town: Town) -> None:
    planted = Planted(town)
    Report.objects.filter(pk=planted.report.pk).update(name_hidden=True)
    address = reverse("reports:case", args=[planted.report.public_id])
    for role in ("worker", "unit_lead", "clerk", "admin"):
        assert "QX昵称阿甲" not in signed_in(planted.people[role]).get(address).content.decode()


def test_the_table_is_whole() -> None:
    table = visibility.matrix()
    assert list(table) == list(visibility.ROLES)
    assert all(list(cells) == list(visibility.FIELDS) for cells in table.values())
    assert {cell for cells in table.values() for cell in cells.values()} == set(visibility.CELLS)


def test_the_page_is_printed_from_the_table() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "privacy" / "matrix.md"
    assert page.read_text(encoding="utf-8") == visibility.page()
