"""Opening what is sealed: only with role, ground and reason, on record, and the reporter hears of it."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from qixia.audit.models import AccessRecord, AuditEvent
from qixia.jobs.worker import run_pending
from qixia.kernel.errors import DomainError, Invalid, NotAllowed, NotFound
from qixia.kernel.ids import show_number
from qixia.media.tests import made
from qixia.notices.models import Notice
from qixia.notices.queries import latest
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.reports import errors, services
from qixia.reports.models import ReportPhoto
from qixia.reports.tests.test_anonymous import nobody_sends
from qixia.reports.tests.town import MAKER, Town, photo, reach, send, the

WHY = {"basis": "law", "reason": "市公安局调证通知书 2026 第 18 号"}
PHONE = "13800000001"


@pytest.fixture
def officer(town: Town) -> Actor:
    return actor_for(staff(town, "data_officer", "数安"))


def staff(town: Town, role: str, name: str) -> Person:
    person = people.create_person(display_name=name, username=f"user-{role[:8]}".replace("_", "-"), actor=MAKER)
    organisation = next(g.organisation_id for g in town.clerk.grants)
    people.grant_role(person_id=person.pk, role=role, organisation_id=organisation, actor=MAKER)
    town.people[role] = person
    return person


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def told(town: Town, name: str = "rider") -> list[str]:
    return [f"{n.words.title} {n.words.body}" for n in latest(town.people[name].pk, language="zh-hans", size=50)]


def traces() -> tuple[int, int]:
    return AccessRecord.objects.count(), Notice.objects.count()


class TestReporter:
    def test_it_is_opened_recorded_and_told(self, town: Town, officer: Actor) -> None:
        report = the(send(town.rider))
        opened = services.reveal_reporter(actor=officer, number=report.number, **WHY)
        assert (opened.nickname, opened.phone) == ("一川", PHONE)
        record = AccessRecord.objects.get()
        assert (record.kind, record.subject, record.actor, record.basis) == ("reporter", report.ref, officer.ref, "law")
        assert WHY["reason"].encode() not in bytes(record.sealed_reason)
        (latest, *_rest) = told(town)
        for words in (show_number(report.number), "依法调取", "个人信息保护负责人"):
            assert words in latest
        assert "数安" not in latest
        assert "公安" not in latest
        assert not Notice.objects.filter(person_id=officer.person_id).exists()

    def test_a_number_as_people_type_it_is_found(self, town: Town, officer: Actor) -> None:
        number = the(send(town.rider)).number
        typed = f" {number[:3]}-{number[3:6]} {number[6:]} "
        assert services.reveal_reporter(actor=officer, number=typed, **WHY).nickname == "一川"

    @pytest.mark.parametrize("name", ["rider", "other_rider", "worker", "clerk", "admin", "auditor"])
    def test_nobody_else_may(self, town: Town, officer: Actor, name: str) -> None:
        staff(town, "auditor", "审计")
        report, actor = the(send(town.rider)), actor_for(town.people[name])
        before = traces()
        with pytest.raises(NotAllowed):
            services.reveal_reporter(actor=actor, number=report.number, **WHY)
        assert traces() == before
        self.refused(report.ref, actor, "not_allowed")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"basis": ""}, "basis"),
            ({"basis": "self"}, "basis"),
            ({"basis": "check"}, "basis"),
            ({"basis": "quality"}, "basis"),
            ({"reason": ""}, "reason"),
            ({"reason": "查一下"}, "reason"),
            ({"reason": "。。。。。。。。"}, "reason"),
            ({"reason": "啊" * 20}, "reason"),
        ],
    )
    def test_without_ground_and_reason_nothing_opens(
        self, town: Town, officer: Actor, change: dict, field: str
    ) -> None:
        report = the(send(town.rider))
        before = traces()
        with pytest.raises(Invalid) as refusal:
            services.reveal_reporter(actor=officer, number=report.number, **WHY | change)
        assert refusal.value.field == field
        assert traces() == before
        self.refused(report.ref, officer, refusal.value.code)

    def test_of_an_anonymous_report_nothing_is_stored(self, town: Town, officer: Actor) -> None:
        report = the(nobody_sends())
        before = traces()
        with pytest.raises(errors.NothingStored):
            services.reveal_reporter(actor=officer, number=report.number, **WHY)
        assert traces() == before
        self.refused(report.ref, officer, "reports.nothing_stored")

    @pytest.mark.parametrize("number", ["", "123456789", "abc", "000000000", "\0"])
    def test_a_number_that_no_report_has(self, town: Town, officer: Actor, number: str) -> None:
        with pytest.raises(NotFound):
            services.reveal_reporter(actor=officer, number=number, **WHY)
        self.refused("reports", officer, "not_found")

    def refused(self, subject: str, actor: Actor, why: str) -> None:
        event = AuditEvent.objects.latest("id")
        assert (event.action, event.subject, event.actor) == ("reports.reveal_refused", subject, actor.ref)
        assert event.data["why"] == why


class TestPage:
    def test_from_the_number_to_the_name_shown_once(self, town: Town, officer: Actor) -> None:
        report, client = the(send(town.rider)), signed_in(town.people["data_officer"])
        address = reverse("reports:reveal")
        found = client.get(address, {"number": report.number}).content.decode()
        assert "井盖缺失破损移位" in found
        for hidden in ("一川", PHONE, report.words, report.place, report.public_id):
            assert hidden not in found
        answer = client.post(address, {"number": report.number, **WHY})
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        assert "一川" in answer.content.decode()
        assert PHONE in answer.content.decode()
        again = client.get(address, {"number": report.number}).content.decode()
        assert "一川" not in again
        assert PHONE not in again
        assert PHONE not in str(dict(client.session))

    def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(self, town: Town, officer: Actor) -> None:
        report, client = the(send(town.rider)), signed_in(town.people["data_officer"])
        answer = client.post(reverse("reports:reveal"), {"number": report.number, "basis": "safety", "reason": "急"})
        html = answer.content.decode()
        assert answer.status_code == 422
        assert 'id="reason-error"' in html
        assert '<option value="safety" selected>' in html
        assert "一川" not in html

    def test_of_an_anonymous_report_there_is_no_form(self, town: Town, officer: Actor) -> None:
        report, client = the(nobody_sends()), signed_in(town.people["data_officer"])
        html = client.get(reverse("reports:reveal"), {"number": report.number}).content.decode()
        assert "匿名上报" in html
        assert 'name="reason"' not in html

    @pytest.mark.parametrize("name", ["rider", "worker", "clerk", "admin"])
    def test_others_get_no_page(self, town: Town, name: str) -> None:
        report, client = the(send(town.rider)), signed_in(town.people[name])
        for answer in (
            client.get(reverse("reports:reveal"), {"number": report.number}),
            client.post(reverse("reports:reveal"), {"number": report.number, **WHY}),
        ):
            assert answer.status_code == 403
            assert PHONE not in answer.content.decode()
        assert not AccessRecord.objects.exists()

    def test_nothing_of_it_is_in_the_log(self, town: Town, officer: Actor, caplog: pytest.LogCaptureFixture) -> None:
        report, client = the(send(town.rider)), signed_in(town.people["data_officer"])
        with caplog.at_level("DEBUG"):
            client.post(reverse("reports:reveal"), {"number": report.number, **WHY})
        for record in caplog.records:
            for hidden in ("一川", PHONE, town.rider.public_id, "公安"):
                assert hidden not in str(record.__dict__)


class TestOriginal:
    def sent(self, town: Town) -> tuple[str, str, bytes]:
        content = made.jpeg(seed=77, exif=made.exif(model="QX-CAMERA-8812"))
        receipt = send(town.rider, photos=[SimpleUploadedFile("a.jpg", content, "image/jpeg")])
        picture = ReportPhoto.objects.get(report__public_id=receipt.public_id).evidence.public_id
        return receipt.public_id, picture, content

    @pytest.mark.parametrize("name", ["clerk", "admin", "data_officer"])
    def test_whoever_may_sees_what_came_and_the_reporter_hears_of_it(
        self, town: Town, officer: Actor, name: str
    ) -> None:
        public_id, picture, content = self.sent(town)
        client = signed_in(town.people[name])
        answer = client.post(reverse("reports:original", args=[public_id]), {"picture": picture, **WHY})
        assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, content, "image/jpeg")
        assert "no-store" in answer.headers["Cache-Control"]
        run_pending()
        run_pending()
        record = AccessRecord.objects.get()
        assert (record.kind, record.subject, record.data["evidence"]) == ("original", f"report:{public_id}", picture)
        found = [line for line in told(town) if "原图" in line]
        assert len(found) == 1
        assert town.people[name].display_name not in found[0]

    @pytest.mark.parametrize("name", ["rider", "other_rider", "worker", "colleague", "cleaner", "auditor"])
    def test_others_get_nothing(self, town: Town, officer: Actor, name: str) -> None:
        staff(town, "auditor", "审计")
        public_id, picture, _content = self.sent(town)
        client = signed_in(town.people[name])
        answer = client.post(reverse("reports:original", args=[public_id]), {"picture": picture, **WHY})
        assert answer.status_code in (403, 404)
        with pytest.raises(NotFound):
            services.open_picture(actor=town.fresh(name), public_id=public_id, picture=picture, **WHY)
        assert not AccessRecord.objects.exists()
        event = AuditEvent.objects.latest("id")
        assert (event.action, event.data["why"]) == ("reports.original_refused", "not_found")

    def test_a_picture_of_another_report_is_none(self, town: Town) -> None:
        public_id, picture, _content = self.sent(town)
        other = the(send(town.rider)).public_id
        for report, wanted in ((other, picture), (public_id, "x"), ("nothing", picture), (public_id, "")):
            with pytest.raises(NotFound):
                services.open_picture(actor=town.clerk, public_id=report, picture=wanted, **WHY)
        assert not AccessRecord.objects.exists()

    @pytest.mark.parametrize("change", [{"basis": "self"}, {"basis": "quality"}, {"basis": ""}, {"reason": "看看"}])
    def test_without_ground_and_reason_it_stays_shut(self, town: Town, change: dict) -> None:
        public_id, picture, _content = self.sent(town)
        with pytest.raises(DomainError):
            services.open_picture(actor=town.clerk, public_id=public_id, picture=picture, **WHY | change)
        assert not AccessRecord.objects.exists()

    def test_of_the_units_own_picture_no_rider_hears(self, town: Town) -> None:
        receipt = reach(town, "resolved")
        picture = ReportPhoto.objects.get(report__public_id=receipt.public_id, role="after").evidence.public_id
        services.open_picture(actor=town.clerk, public_id=receipt.public_id, picture=picture, **WHY)
        run_pending()
        assert not [line for line in told(town) if "原图" in line]

    def test_of_an_anonymous_report_nobody_can_be_told(self, town: Town) -> None:
        receipt = nobody_sends(photos=[photo(3)])
        run_pending()
        picture = ReportPhoto.objects.get(report__public_id=receipt.public_id).evidence.public_id
        services.open_picture(actor=town.clerk, public_id=receipt.public_id, picture=picture, **WHY)
        before = Notice.objects.count()
        run_pending()
        assert Notice.objects.count() == before
        assert AccessRecord.objects.count() == 1

    def test_only_clerks_find_the_button(self, town: Town) -> None:
        public_id, _picture, _content = self.sent(town)
        address = reverse("reports:case", args=[public_id])
        for name, shown in (("clerk", True), ("admin", True), ("worker", False)):
            assert ('data-testid="original"' in signed_in(town.people[name]).get(address).content.decode()) is shown
