"""What of a report goes to another model, when, and what its opinion changes: the order of a list, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from qixia.jobs.models import Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.ids import show_number
from qixia.media import files
from qixia.media import services as media
from qixia.media.models import Evidence
from qixia.media.queries import redacted_copy
from qixia.media.tests import made
from qixia.notices.models import Notice
from qixia.outgoing import client
from qixia.outgoing.tests.servers import page, says
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import services
from qixia.reports.models import Report, ReportStep
from qixia.reports.queries import opinions as seconds
from qixia.reports.queries.opinions import askable
from qixia.reports.tests.town import Town, accepted, at, reach, send, the
from qixia.triage.models import Opinion
from qixia.triage.opinion.rules import WAITS
from qixia.triage.tests.opining import GOOD, answering, set_rule, talking, user_parts

UNSURE = "这个"  # goes to a clerk
SURE = "井盖没了，人能掉下去"


def secrecy(**changes: object) -> None:
    data = current("reports.secrecy").data.model_dump(mode="json")
    publish("reports.secrecy", data | changes, note="试", actor_ref="system:test")


def work() -> None:
    """As the worker does: look round, then run what is due."""
    services.look_for_opinions()
    run_pending()


def opinion_of(receipt: services.Receipt) -> Opinion | None:
    return Opinion.objects.filter(ref=the(receipt).ref).first()


def sent_pictures(server, at: int = 0) -> list[bytes]:
    urls = [part["image_url"]["url"] for part in user_parts(server, at) if part["type"] == "image_url"]
    return [base64.b64decode(url.removeprefix("data:image/webp;base64,")) for url in urls]


def sent_text(server, at: int = 0) -> str:
    return user_parts(server, at)[0]["text"]


class TestWhatGoesOut:
    def test_the_redacted_small_copy_and_nothing_of_the_camera(self, town: Town):
        exif = made.exif(model="QX-CAMERA-5521", taken_at="2026:11:18 03:17:20")
        content = made.jpeg(width=1800, height=1300, seed=4, exif=exif)
        receipt = send(town.rider, UNSURE, photos=[SimpleUploadedFile("a.jpg", content, "image/jpeg")])
        row = Evidence.objects.get(owner_ref=the(receipt).ref)
        with answering(GOOD) as server:
            work()
        (picture,) = sent_pictures(server)
        copy = files.copy_path(row.storage_name, "phone").read_bytes()
        assert hashlib.sha256(picture).hexdigest() == hashlib.sha256(copy).hexdigest()
        with Image.open(io.BytesIO(picture)) as shown:
            assert (shown.format, max(shown.size), dict(shown.getexif())) == ("WEBP", 960, {})
        whole = server.seen[0]
        assert not any(sign in picture for sign in (b"EXIF", b"XMP ", b"ICCP", b"QX-CAMERA"))
        assert b"QX-CAMERA" not in whole
        assert base64.b64encode(content)[:200] not in whole

    def test_words_without_place_and_nothing_else_of_the_report(self, town: Town):
        words = "云帆路8号门口 这个东西 电话13800000001"
        receipt = send(town.rider, words, place=at(building="3栋", floor="5层", spot="电梯口"))
        report = the(receipt)
        Report.objects.filter(pk=report.pk).update(
            state="sorting", cls="other", runner_up="", evidence_words=[{"start": 0, "end": 5, "kind": "place"}]
        )
        with answering(GOOD) as server:
            work()
        assert sent_text(server).endswith('："（地点略）门口 这个东西 电话00000000000"')
        # Without the picture, in whose letters anything may stand.
        whole = re.sub(r"base64,[^\"]+", "", server.seen[0].decode())
        for word in (report.number, report.public_id, report.place, "云帆路", "锦澜", "3栋", "5层", "电梯口", "138"):
            assert word not in whole, word

    def test_the_picture_alone_where_the_rule_says_so(self, town: Town):
        send(town.rider, UNSURE)
        with answering(GOOD, send_words=False) as server:
            work()
        assert sent_text(server).endswith("没有给出")
        assert len(sent_pictures(server)) == 1

    def test_three_pictures_at_most(self, town: Town):
        photos = [SimpleUploadedFile(f"{n}.jpg", made.jpeg(seed=60 + n), "image/jpeg") for n in range(5)]
        send(town.rider, UNSURE, photos=photos)
        with answering(GOOD) as server:
            work()
        assert len(sent_pictures(server)) == 3


class TestWhen:
    def test_off_nothing_is_looked_up_and_nothing_leaves(self, town: Town, monkeypatch, django_assert_num_queries):
        send(town.rider, UNSURE)
        monkeypatch.setattr(client, "send", lambda *_a, **_k: pytest.fail("something was sent"))
        set_rule()
        services.look_for_opinions()
        with django_assert_num_queries(0):
            assert services.look_for_opinions() == 0
        assert not Job.objects.filter(name="reports.ask_opinion").exists()
        assert not Opinion.objects.exists()

    def test_settling_does_not_wait_for_it(self, town: Town):
        """The report is where it belongs before anybody looks round."""
        with answering(GOOD) as server:
            receipt = send(town.rider, UNSURE)
            assert the(receipt).state == "sorting"
            assert server.seen == []
            assert services.look_for_opinions() == 1
            (job,) = Job.objects.filter(name="reports.ask_opinion")
            assert job.priority < 0  # the slow worker's

    def test_asked_once(self, town: Town):
        receipt = send(town.rider, UNSURE)
        with answering(GOOD) as server:
            for _ in range(3):
                work()
        assert len(server.seen) == 1
        assert opinion_of(receipt).state == "ok"

    def test_while_the_photo_is_in_the_making_nothing(self, town: Town):
        receipt = accepted(town.rider, UNSURE)
        services.settle([the(receipt).pk])
        assert the(receipt).state == "sorting"
        with answering(GOOD) as server:
            assert services.look_for_opinions() == 0
            assert services.seek_opinion(public_id=receipt.public_id) == ""
            assert server.seen == []
            run_pending()  # the copies are made
            work()
        assert len(server.seen) == 1

    def test_held_photos_stay_here_until_a_person_has_covered_them(self, town: Town):
        receipt = send(town.rider, UNSURE)
        row = Evidence.objects.get(owner_ref=the(receipt).ref)
        Evidence.objects.filter(pk=row.pk).update(state="held")
        with answering(GOOD) as server:
            work()
            assert services.seek_opinion(public_id=receipt.public_id) == ""
            assert server.seen == []
            row.refresh_from_db()
            media.set_boxes(
                public_id=row.public_id, boxes=[], actor="person:1", revision=row.revision, reason="看过，没有人脸"
            )
            work()  # the copies are made
            work()
        assert len(server.seen) == 1

    def test_boxes_set_while_it_is_read_keep_it_here(self, town: Town, monkeypatch):
        row = Evidence.objects.get(owner_ref=the(send(town.rider, UNSURE)).ref)
        assert redacted_copy(row.public_id, "phone")
        real = files.copy_path

        def meanwhile(*args):
            Evidence.objects.filter(pk=row.pk).update(revision=row.revision + 1, state="pending")
            return real(*args)

        monkeypatch.setattr(files, "copy_path", meanwhile)
        assert redacted_copy(row.public_id, "phone") is None

    @pytest.mark.parametrize("state", ["pending", "held", "broken"])
    def test_no_copy_of_a_photo_that_may_not_be_seen(self, town: Town, state):
        row = Evidence.objects.get(owner_ref=the(send(town.rider, UNSURE)).ref)
        reason = {"broken_reason": "x"} if state == "broken" else {}
        Evidence.objects.filter(pk=row.pk).update(state=state, **reason)
        assert redacted_copy(row.public_id, "phone") is None
        assert redacted_copy("0" * 26, "phone") is None

    def test_a_copy_that_is_gone_is_not_asked_about_for_ever(self, town: Town):
        receipt = send(town.rider, UNSURE)
        files.copy_path(Evidence.objects.get(owner_ref=the(receipt).ref).storage_name, "phone").unlink()
        with answering(GOOD) as server:
            work()
            assert services.look_for_opinions() == 0
        assert server.seen == []
        assert opinion_of(receipt).failure == "nothing"

    @pytest.mark.parametrize("only", ["sorting", "all"])
    def test_only_what_the_rule_names(self, town: Town, only):
        receipt = send(town.rider, SURE)
        assert the(receipt).state == "dispatched"
        with answering(GOOD, only=only) as server:
            work()
        assert len(server.seen) == (only == "all")

    def test_not_what_is_over_or_old(self, town: Town):
        over, old = send(town.rider, UNSURE), send(town.rider, UNSURE)
        services.reject(actor=town.clerk, public_id=over.public_id, reason="现场没有这回事")
        Report.objects.filter(pk=the(old).pk).update(received_at=clock.now() - timedelta(days=2))
        with answering(GOOD, only="all") as server:
            work()
        assert server.seen == []

    def test_never_an_anonymous_one(self, town: Town):
        receipt = send(town.rider, UNSURE)
        Report.objects.filter(pk=the(receipt).pk).update(
            secrecy="anonymous", reporter_link=None, reporter_index=None, claim_hash="0" * 64
        )
        with answering(GOOD, only="all") as server:
            work()
            services.seek_opinion(public_id=receipt.public_id)
        assert server.seen == []

    @pytest.mark.parametrize("field", ["cls", "runner_up", "hint"])
    def test_nothing_that_is_or_may_be_sensitive_unless_the_city_says_so(self, town: Town, field):
        receipt = send(town.rider, UNSURE)
        Report.objects.filter(pk=the(receipt).pk).update(**{field: "person-at-risk"})
        with answering(GOOD) as server:
            work()
            assert services.seek_opinion(public_id=receipt.public_id) == ""
            assert server.seen == []
            secrecy(second_opinion=True)
            work()
            assert len(server.seen) == 1

    def test_the_worst_first_and_no_more_than_the_day_allows(self, town: Town):
        mild, bad = send(town.rider, UNSURE), send(town.rider, UNSURE)
        Report.objects.filter(pk=the(bad).pk).update(severity="critical")
        with answering(GOOD, daily_limit=1) as server:
            work()
            work()
        assert len(server.seen) == 1
        assert (opinion_of(bad).state, opinion_of(mild)) == ("ok", None)

    def test_tried_again_later_and_let_go_once_somebody_has_decided(self, town: Town):
        first, second = send(town.rider, UNSURE), send(town.other_rider, UNSURE)
        with talking(says(page(status="503 Busy"))) as server:
            work()
            work()
            assert len(server.seen) == 2
            services.sort(
                actor=town.clerk, public_id=second.public_id, cls="manhole", severity="high", unit_code="shizheng"
            )
            with clock.at(clock.now() + WAITS[0] + timedelta(minutes=4)):
                work()
                services.seek_opinion(public_id=second.public_id)
        assert len(server.seen) == 3
        assert (opinion_of(first).tries, opinion_of(first).state) == (2, "waiting")
        assert (opinion_of(second).tries, opinion_of(second).state) == (1, "failed")

    def test_looking_round_costs_the_same_for_many(self, town: Town, django_assert_max_num_queries):
        for _ in range(3):
            send(town.rider, UNSURE)
        with answering(GOOD):
            services.look_for_opinions()  # the rules are read
            Job.objects.filter(name="reports.ask_opinion").delete()
            with django_assert_max_num_queries(10) as few:
                assert services.look_for_opinions() == 3
            most = len(few)
            Job.objects.filter(name="reports.ask_opinion").delete()
            for _ in range(5):
                send(town.other_rider, UNSURE)
            services.look_for_opinions()
            Job.objects.filter(name="reports.ask_opinion").delete()
            with django_assert_max_num_queries(most):
                assert services.look_for_opinions() == 8


class TestItIsAdvice:
    def test_nothing_of_the_report_changes_and_nobody_is_rung(self, town: Town):
        receipt = send(town.rider, UNSURE)
        row = Report.objects.filter(pk=the(receipt).pk).values().get()
        steps, notices = ReportStep.objects.count(), Notice.objects.count()
        with answering('{"class": "fire", "severity": "critical", "words": "立刻派消防"}'):
            work()
        assert opinion_of(receipt).severity == "critical"
        assert Report.objects.filter(pk=row["id"]).values().get() == row
        assert (ReportStep.objects.count(), Notice.objects.count()) == (steps, notices)

    def test_its_failure_changes_nothing_either(self, town: Town):
        receipt = send(town.rider, UNSURE)
        row = Report.objects.filter(pk=the(receipt).pk).values().get()
        with answering("<html>"):
            work()
        assert opinion_of(receipt).failure == "answer"
        assert Report.objects.filter(pk=row["id"]).values().get() == row
        assert seconds.second_view(the(receipt)) is None

    def test_what_it_calls_critical_stands_before_the_rest_and_behind_the_critical(self, town: Town):
        severities = {"a": "critical", "b": "high", "c": "low", "d": "normal", "e": "high"}
        made_ = {name: send(town.rider, UNSURE) for name in severities}
        for name, severity in severities.items():
            Report.objects.filter(pk=the(made_[name]).pk).update(severity=severity)
        _say(the(made_["c"]).ref, "critical")
        _say(the(made_["d"]).ref, "high")
        rows = Report.objects.annotate(rank=seconds.rank(), is_warned=seconds.warned()).order_by("rank", "pk")
        found = {row.public_id: row for row in rows}
        names = {receipt.public_id: name for name, receipt in made_.items()}
        assert [names[one] for one in found] == ["a", "c", "b", "e", "d"]
        assert all(row.rank == seconds.rank_of(row.severity, is_warned=row.is_warned) for row in found.values())
        assert seconds.second_view(the(made_["c"])).warns
        assert not seconds.second_view(the(made_["d"])).warns

    def test_what_a_person_has_decided_is_marked_no_more(self, town: Town):
        receipt = send(town.rider, UNSURE)
        Report.objects.filter(pk=the(receipt).pk).update(severity="low")
        _say(the(receipt).ref, "critical")
        assert Report.objects.filter(seconds.warned()).count() == 1
        services.sort(actor=town.clerk, public_id=receipt.public_id, cls="litter", severity="low", unit_code="huanwei")
        view = seconds.second_view(the(receipt))
        assert (view.said.severity, view.warns) == ("critical", False)
        assert not Report.objects.filter(seconds.warned()).exists()


def _say(ref: str, severity: str, words: str = "看着像") -> None:
    Opinion.objects.create(
        ref=ref, state="ok", cls="manhole", severity=severity, words=words, model="blick-7b", asked_at=clock.now()
    )


def test_what_may_be_asked_is_found_by_one_statement(town: Town, django_assert_num_queries):
    send(town.rider, UNSURE)
    set_rule("https://vision.example/v1")
    list(askable(clock.now()))  # the rules are read
    with django_assert_num_queries(1):
        assert len(askable(clock.now())) == 1


class TestDesk:
    def case(self, town: Town, who: str, receipt: services.Receipt) -> str:
        return client_of(town, who).get(reverse("reports:case", args=[receipt.public_id])).content.decode()

    def test_the_case_shows_it_as_advice(self, town: Town):
        receipt = send(town.rider, SURE)
        Report.objects.filter(pk=the(receipt).pk).update(severity="low")
        assert 'data-testid="opinion"' not in self.case(town, "clerk", receipt)
        _say(the(receipt).ref, "critical", "井口敞着")
        html = self.case(town, "clerk", receipt)
        section = html[html.index('data-testid="opinion"') :].split("</section>")[0]
        for word in ("另一个模型的看法", "blick-7b", "特急", "井口敞着", "只是建议", "先看这一件"):
            assert word in section

    def test_its_words_cannot_be_more_than_words(self, town: Town):
        receipt = send(town.rider, SURE)
        _say(the(receipt).ref, "low", "<script>alert(1)</script>{{ case.reporter }}")
        html = self.case(town, "clerk", receipt)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ case.reporter }}" in html

    def test_units_and_riders_do_not_read_it(self, town: Town):
        receipt = send(town.rider, SURE)
        Report.objects.filter(pk=the(receipt).pk).update(severity="low")
        _say(the(receipt).ref, "critical", "井口敞着7731")
        pages = [
            ("worker", reverse("reports:case", args=[receipt.public_id])),
            ("worker", reverse("reports:queue")),
            ("rider", reverse("reports:receipt", args=[receipt.public_id])),
            ("rider", reverse("reports:timeline", args=[receipt.public_id])),
        ]
        for who, address in pages:
            answer = client_of(town, who).get(address)
            assert answer.status_code == 200, address
            html = answer.content.decode()
            assert not any(word in html for word in ("另一个模型", "井口敞着7731", "blick-7b")), address

    def test_a_clerks_list_marks_what_it_calls_critical(self, town: Town):
        mild, bad = send(town.rider, SURE), send(town.rider, SURE)
        for receipt, severity in ((mild, "low"), (bad, "critical")):
            Report.objects.filter(pk=the(receipt).pk).update(severity=severity)
            _say(the(receipt).ref, "critical")
        html = client_of(town, "clerk").get(reverse("reports:all")).content.decode()
        assert html.count('data-testid="warned"') == 1

    def test_the_mark_costs_no_query_a_row(self, town: Town, django_assert_max_num_queries):
        client = client_of(town, "clerk")
        receipts = [send(town.rider, SURE) for _ in range(3)]
        client.get(reverse("reports:all"))
        with django_assert_max_num_queries(27) as few:
            client.get(reverse("reports:all"))
        most = len(few)  # now: the log of queries forgets the oldest
        for receipt in [*receipts, *(send(town.rider, SURE) for _ in range(5))]:
            _say(the(receipt).ref, "critical")
        with django_assert_max_num_queries(most):
            client.get(reverse("reports:all"))

    def test_what_was_returned_is_ordered_by_it(self, town: Town):
        first, second = (reach(town, "returned") for _ in range(2))
        Report.objects.filter(pk__in=[the(first).pk, the(second).pk]).update(severity="normal")
        _say(the(second).ref, "critical")
        html = client_of(town, "clerk").get(reverse("reports:returned")).content.decode()
        assert html.index(show_number(second.number)) < html.index(show_number(first.number))


def client_of(town: Town, who: str) -> Client:
    found = Client()
    found.force_login(town.people[who], backend=BACKEND)
    return found
