"""A clerk's and a unit's day at the desk: narrowing lists, many cases at once, notes, papers, watching, sheets."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import translation
from openpyxl import load_workbook

from qixia.audit.models import AccessRecord, AuditEvent
from qixia.codes.reference import class_rows
from qixia.jobs.commands import KeyReused
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Invalid, NotAllowed, NotFound
from qixia.media.tests.made import jpeg
from qixia.notices.models import Notice
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.models import RoleGrant
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import papers, services
from qixia.reports.models import BulkRow, CaseDocument, CaseNote, Report, ReportStep, SavedFilter, Watch
from qixia.reports.queries.listing import GROUPS, Filter, case_page, chip_counts
from qixia.reports.queries.papers import papers_of
from qixia.reports.queries.wording import fill, wordings, wordings_for_many
from qixia.reports.services.desk.bulk import Params
from qixia.reports.services.desk.noting import TooManyPapers
from qixia.reports.tests.town import MAKER, Town, reach, send, the


def desk(town: Town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


def numbers(actor, **query: str) -> set[str]:
    return {row.number for row in case_page(actor, Filter.of("queue", query)).items}


class TestNarrowing:
    def test_each_part_of_the_filter_lets_through_what_it_says_and_nothing_else(self, town):
        one, two = the(send(town.rider)), the(send(town.rider))
        late, soon, now = clock.now() - timedelta(hours=1), clock.now() + timedelta(minutes=3), clock.now()
        started = clock.now() - timedelta(hours=5)
        Report.objects.filter(pk=one.pk).update(
            severity="low", cls="litter", resolve_due=late, overdue=3, answer_due=soon
        )
        Report.objects.filter(pk=two.pk).update(
            resolve_due=soon, received_at=started, answer_due=now + timedelta(hours=20), assignee=town.people["worker"]
        )
        services.watch(actor=town.worker, public_id=two.public_id)
        first, second = {one.number}, {two.number}
        cases = [
            ({"severity": "low"}, first),
            ({"cls": "litter"}, first),
            ({"over": "1"}, first),
            ({"over": "3"}, first),
            ({"soon": "1"}, second),
            ({"answer": "1"}, first),
            ({"mine": "1"}, second),
            ({"watched": "1"}, second),
            ({"state": "accepted"}, set()),
            ({"group": "ended"}, set()),
            ({"group": "open"}, first | second),
            ({"unit": "shizheng"}, first | second),
            ({"unit": "huanwei"}, set()),
            ({"area": "990102001001"}, first | second),
            ({"area": "990102"}, first | second),
            ({"area": "nowhere"}, set()),
            ({"q": one.number}, first),
            ({"q": "云帆路"}, first | second),
            ({"severity": "low", "soon": "1"}, set()),
        ]
        for query, expected in cases:
            assert numbers(town.worker, **query) == expected, query

    def test_the_numbers_on_the_chips_are_those_of_the_lists(self, town):
        for _ in range(3):
            send(town.rider)
        late = {"resolve_due": clock.now() - timedelta(hours=1), "overdue": 1}
        Report.objects.filter(number=Report.objects.first().number).update(**late)
        counts = chip_counts(town.worker)
        assert (counts["over"], counts["over3"]) == (1, 0)
        for key, query in (("over", {"over": "1"}), ("soon", {"soon": "1"}), ("dispatched", {"state": "dispatched"})):
            assert counts[key] == len(numbers(town.worker, **query)), key

    def test_forged_words_narrow_nothing(self, town):
        forged = {"severity": "x' OR 1=1", "cls": "\0", "state": "gone", "group": "?", "over": "2", "unit": "a b"}
        assert Filter.of("queue", forged).parts() == {}

    def test_every_group_is_made_of_states_that_exist(self):
        assert all(inside for _label, inside in GROUPS.values())


class TestSavedFilters:
    def test_the_queue_opens_with_the_default_and_all_is_one_tap_away(self, town):
        send(town.rider)
        wanted = Filter.of("queue", {"severity": "low", "after": "junk"})
        services.save_filter(actor=town.worker, name="轻微", wanted=wanted, default=True)
        client = desk(town, "worker")
        answer = client.get(reverse("reports:queue"))
        assert (answer.status_code, answer.url) == (302, "/desk/queue?severity=low")
        assert client.get(f"{reverse('reports:queue')}?all=1").status_code == 200

    def test_only_colleagues_get_what_is_shared_and_nobody_else_drops_it(self, town):
        wanted = Filter.of("queue", {"severity": "critical"})
        row = services.save_filter(actor=town.worker, name="特急班", wanted=wanted, shared=True)
        services.save_filter(actor=town.worker, name="自己的", wanted=wanted)
        for who, seen in (("colleague", (True, False)), ("cleaner", (False, False))):
            html = desk(town, who).get(f"{reverse('reports:queue')}?all=1").content.decode()
            assert ("特急班" in html, "自己的" in html) == seen, who
        with pytest.raises(NotFound):
            services.drop_filter(actor=town.colleague, public_id=row.public_id)
        assert SavedFilter.objects.count() == 2

    @pytest.mark.parametrize(
        ("name", "query"), [("", {"severity": "low"}), ("字" * 21, {"severity": "low"}), ("空", {})]
    )
    def test_bad_names_and_empty_filters_are_refused(self, town, name, query):
        with pytest.raises(Invalid):
            services.save_filter(actor=town.worker, name=name, wanted=Filter.of("queue", query))
        assert SavedFilter.objects.count() == 0


class TestBulk:
    def ids(self, town: Town, *states: str) -> list[str]:
        return [reach(town, state).public_id for state in states]

    def run(self, town: Town, act: str, ids: list[str], key: str = "page-key-0001", **given: str):
        who = town.clerk if act in ("validate", "redirect", "pause", "resume") else town.worker
        return services.run_bulk(actor=who, act=act, public_ids=ids, given=Params(**given), key=key)

    def test_what_the_preview_says_is_what_happens(self, town):
        ids = self.ids(town, "dispatched", "accepted", "dispatched")
        looks = services.look_ahead(actor=town.worker, act="accept", public_ids=ids, given=Params())
        assert [bool(look.why) for look in looks] == [False, True, False]
        assert ReportStep.objects.filter(step="accept").count() == 1
        run = self.run(town, "accept", ids)
        assert [row.state for row in run.rows.order_by("position")] == ["done", "refused", "done"]
        assert "签收" in run.rows.get(position=2).why

    def test_pressed_twice_is_done_once(self, town):
        ids = self.ids(town, "dispatched", "dispatched")
        first = self.run(town, "answer", ids, text="收到，编号 {number}")
        again = self.run(town, "answer", ids, text="收到，编号 {number}")
        assert (first.pk, BulkRow.objects.count()) == (again.pk, 2)
        assert ReportStep.objects.filter(step="answer").count() == 2
        with pytest.raises(KeyReused):
            self.run(town, "answer", ids, text="别的话")
        assert ReportStep.objects.filter(step="answer").count() == 2

    def test_a_run_that_broke_off_goes_on_where_it_stopped(self, town):
        ids = self.ids(town, "dispatched", "dispatched")
        run = self.run(town, "answer", ids, text="收到")
        run.rows.filter(position=2).update(state="waiting")
        before = ReportStep.objects.filter(step="answer", report__public_id=ids[0]).count()
        self.run(town, "answer", ids, text="收到")
        assert ReportStep.objects.filter(step="answer", report__public_id=ids[0]).count() == before
        assert ReportStep.objects.filter(step="answer", report__public_id=ids[1]).count() == 2

    def test_places_are_filled_for_each_case(self, town):
        ids = self.ids(town, "dispatched", "dispatched")
        self.run(town, "answer", ids, text="{number}已收到，{unknown}")
        texts = list(ReportStep.objects.filter(step="answer").values_list("text", flat=True))
        assert len(set(texts)) == 2
        assert all(text.endswith("{unknown}") and "{number}" not in text for text in texts)

    def test_assigning_refuses_the_rows_of_another_unit(self, town):
        ids = self.ids(town, "accepted", "accepted")
        stranger = town.people["cleaner"].public_id
        looks = services.look_ahead(actor=town.worker, act="assign", public_ids=ids, given=Params(person=stranger))
        assert all(look.why for look in looks)
        run = self.run(town, "assign", ids, person=stranger)
        assert set(run.rows.values_list("state", flat=True)) == {"refused"}
        run = self.run(town, "assign", ids, key="page-key-0002", person=town.people["colleague"].public_id)
        assert set(run.rows.values_list("state", flat=True)) == {"done"}

    def test_clerks_redirect_and_validate_many(self, town):
        ids = self.ids(town, "dispatched", "dispatched")
        self.run(town, "validate", ids)
        assert set(Report.objects.filter(public_id__in=ids).values_list("validity", flat=True)) == {"valid"}
        self.run(town, "redirect", ids, key="page-key-0002", unit="huanwei", text="归环卫")
        assert set(Report.objects.filter(public_id__in=ids).values_list("unit__code", flat=True)) == {"huanwei"}

    def test_clerks_stop_many_clocks_until_one_day_and_let_them_go_on(self, town):
        ids = self.ids(town, "accepted", "dispatched", "confirming", "accepted")
        services.pause(actor=town.clerk, public_id=ids[3], reason="parts")
        given = {"reason": "weather", "until": (clock.city_date(clock.now()) + timedelta(days=3)).isoformat()}
        looks = services.look_ahead(actor=town.clerk, act="pause", public_ids=ids, given=Params(**given))
        assert [bool(look.why) for look in looks] == [False, False, True, True]
        run = self.run(town, "pause", ids, **given)
        assert list(run.rows.order_by("position").values_list("state", flat=True)) == ["done"] * 2 + ["refused"] * 2
        stopped = Report.objects.filter(public_id__in=ids[:2])
        assert set(stopped.values_list("pause_until", flat=True)) == {
            clock.city_day(clock.city_date(clock.now()) + timedelta(days=3))[1]
        }
        assert set(stopped.values_list("pauses__reason", flat=True)) == {"weather"}
        assert Report.objects.get(public_id=ids[3]).pause_until is None
        html = desk(town, "clerk").post(reverse("reports:bulk"), {"act": "pause", "case": ids}).content.decode()
        assert 'value="weather"' in html
        run = self.run(town, "resume", ids, key="page-key-0002", text="雨停了")
        assert list(run.rows.order_by("position").values_list("state", flat=True)) == [
            "done",
            "done",
            "refused",
            "done",
        ]
        assert not Report.objects.filter(Q(paused_at__isnull=False) | Q(pause_until__isnull=False)).exists()

    @pytest.mark.parametrize(
        ("act", "given", "refusal"),
        [
            ("answer", {}, Invalid),
            ("pause", {"who": "clerk"}, Invalid),
            ("pause", {"who": "clerk", "reason": "weather", "until": "tomorrow"}, Invalid),
            ("pause", {"who": "clerk", "reason": "weather", "until": "0001-01-01"}, Invalid),
            ("pause", {"who": "clerk", "reason": "weather", "until": "9999-12-31"}, Invalid),
            ("pause", {"reason": "weather"}, NotAllowed),
            ("assign", {}, Invalid),
            ("accept", {"key": "short"}, Invalid),
            ("nothing", {}, NotFound),
            ("validate", {"who": "worker"}, NotAllowed),
        ],
    )
    def test_what_is_wrong_for_all_is_refused_before_anything(self, town, act, given, refusal):
        ids = self.ids(town, "dispatched")
        key = given.pop("key", "page-key-0001")
        who = getattr(town, given.pop("who", "worker"))
        with pytest.raises(refusal):
            services.run_bulk(actor=who, act=act, public_ids=ids, given=Params(**given), key=key)
        assert BulkRow.objects.count() == 0

    def test_strangers_cases_are_not_found_and_too_many_are_refused(self, town):
        ids = self.ids(town, "dispatched")
        for actor, chosen, refusal in (
            (town.cleaner, ids, NotFound),
            (town.worker, [], Invalid),
            (town.worker, [f"a{n}" for n in range(201)], Invalid),
        ):
            with pytest.raises(refusal):
                services.run_bulk(actor=actor, act="accept", public_ids=chosen, given=Params(), key="page-key-0001")
        assert the_state(ids[0]) == "dispatched"

    def test_a_preview_of_ten_costs_as_much_as_one_of_two(self, town, django_assert_max_num_queries):
        ids = self.ids(town, *["dispatched"] * 10)
        client, data = desk(town, "worker"), {"act": "answer", "case": ids[:2]}
        client.post(reverse("reports:bulk"), data)
        with django_assert_max_num_queries(14) as few:
            client.post(reverse("reports:bulk"), data)
        most = len(few)
        with django_assert_max_num_queries(most):
            html = client.post(reverse("reports:bulk"), data | {"case": ids}).content.decode()
        assert html.count("可以办") == 10 + 1  # and the sum below

    def test_the_pages_lead_from_the_list_to_the_result_and_only_to_ones_own(self, town):
        ids = self.ids(town, "dispatched", "accepted")
        client = desk(town, "worker")
        data = {"act": "accept", "case": ids, "client_key": "page-key-0001"}
        answer = client.post(reverse("reports:bulk_do"), data)
        again = client.post(reverse("reports:bulk_do"), data)
        assert (answer.status_code, answer.url) == (303, again.url)
        html = client.get(answer.url).content.decode()
        assert "办成了" in html
        assert "不能" in html
        assert desk(town, "colleague").get(answer.url).status_code == 404


def the_state(public_id: str) -> str:
    return Report.objects.get(public_id=public_id).state


class TestWordings:
    def test_a_text_of_the_class_comes_first_and_places_are_filled(self, town):
        report = the(reach(town, "dispatched"))
        offered = wordings(Report.objects.select_related("unit").get(pk=report.pk))
        assert offered["answer"][0].title == "井盖先围挡"
        assert "通道已清" not in [one.title for one in offered["resolve"]]
        assert "shizheng单位" in next(one.text for one in offered["answer"] if one.title.startswith("已收到"))

    def test_titles_and_texts_are_in_the_readers_language(self, town):
        report = Report.objects.select_related("unit").get(pk=the(reach(town, "dispatched")).pk)
        with translation.override("en"):
            for offered in (*wordings(report)["answer"], *wordings_for_many("answer")):
                assert not re.search("[一-鿿]", offered.title), offered.title
        rows = [{"step": ["answer"], "title": "只有中文", "zh": "好"}]
        publish("reports.standard_texts", {"rows": rows}, note="试", actor_ref=MAKER)
        with translation.override("en"):
            assert [one.title for one in wordings_for_many("answer")] == ["只有中文"]

    def test_the_rules_editor_shows_both_titles(self, town):
        html = desk(town, "admin").get("/desk/rules/reports.standard_texts").content.decode()
        assert "title: 等材料" in html
        assert "title_en: Waiting for parts" in html

    def test_the_seed_names_classes_and_families_that_exist(self, town):
        classes, families = {row.slug for row in class_rows()}, {row.family for row in class_rows()}
        for row in current("reports.standard_texts").data.rows:
            assert row.cls is None or row.cls in classes
            assert row.family is None or row.family in families

    def test_the_form_stands_on_a_page_of_its_own_without_scripts(self, town):
        public_id = reach(town, "dispatched").public_id
        page = reverse("reports:step", args=[public_id, "answer"])
        html = desk(town, "worker").get(page, {"wording_key": "0", "wording": "1"}).content.decode()
        assert "今天安排人到现场" in html.split("<textarea")[1].split("</textarea>")[0]
        assert desk(town, "worker").get(reverse("reports:step", args=[public_id, "verify"])).status_code == 404

    @pytest.mark.parametrize("bad", [{"step": ["fly"]}, {"zh": "{secret}"}, {"zh": ""}, {"colour": "red"}])
    def test_a_rule_with_a_fault_is_refused(self, town, bad):
        row = {"step": ["answer"], "title": "好", "zh": "好"} | bad
        with pytest.raises(Invalid):
            publish("reports.standard_texts", {"rows": [row]}, note="试", actor_ref=MAKER)

    def test_what_a_place_holds_is_words_and_never_a_place_again(self, town):
        report = the(reach(town, "dispatched"))
        report.place = "{unit}"
        assert fill("{place}", report) == "{unit}"


class TestNotes:
    def test_each_audience_reads_what_is_for_it_and_no_rider_reads_any(self, town):
        public_id = reach(town, "dispatched").public_id
        for actor, audience in (
            (town.worker, "case"),
            (town.worker, "clerks"),
            (town.worker, "own"),
            (town.clerk, "own"),
        ):
            text = f"{actor.display_name}-{audience}"
            services.write_note(actor=actor, public_id=public_id, text=text, audience=audience)
        services.watch(actor=town.clerk, public_id=public_id)
        report = Report.objects.select_related("community").get(public_id=public_id)
        seen = {
            "worker": {"何远-case", "何远-clerks", "何远-own"},
            "colleague": {"何远-case", "何远-own"},
            "clerk": {"何远-case", "何远-clerks", "知秋-own"},
        }
        for who, expected in seen.items():
            assert {note.text for note in papers_of(getattr(town, who), report).notes} == expected, who
        rider = desk(town, "rider")
        for page in (reverse("reports:timeline", args=[public_id]), reverse("reports:mine")):
            assert "何远-" not in rider.get(page).content.decode()
        assert rider.post(reverse("reports:note", args=[public_id]), {"text": "我"}).status_code == 403

    def test_a_note_is_sealed_and_bad_ones_leave_no_row(self, town):
        public_id = reach(town, "dispatched").public_id
        services.write_note(actor=town.worker, public_id=public_id, text="业主张三", audience="case")
        assert "张三".encode() not in bytes(CaseNote.objects.get().sealed_text)
        for actor, text, audience, refusal in (
            (town.worker, "", "case", Invalid),
            (town.worker, "字" * 1001, "case", Invalid),
            (town.worker, "好", "everybody", Invalid),
            (town.cleaner, "好", "case", NotFound),
        ):
            with pytest.raises(refusal):
                services.write_note(actor=actor, public_id=public_id, text=text, audience=audience)
        assert CaseNote.objects.count() == 1


PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def office(main: str = "wordprocessingml.document.main", parts: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    types = f'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.{main}+xml"/></Types>'
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("[Content_Types].xml", types)
        for name, content in (parts or {}).items():
            box.writestr(name, content)
    return out.getvalue()


def packed(inside: bytes) -> bytes:
    body = zlib.compress(inside)
    return PDF.replace(
        b"trailer", b"2 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\n" + body + b"\nendstream endobj\ntrailer"
    )


_LINKED = b'<Relationships><Relationship Type="x/attachedTemplate" Target="http://a/b.dotm" TargetMode="External"/></Relationships>'
_LINK = b'<Relationships><Relationship Type="x/hyperlink" Target="http://a/" TargetMode="External"/></Relationships>'


class TestPapers:
    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (PDF, "pdf"),
            (packed(b"<</Type/Page>>"), "pdf"),
            (office(), "docx"),
            (office("spreadsheetml.sheet.main"), "xlsx"),
            (office("presentationml.presentation.main"), "pptx"),
            (office(parts={"word/_rels/document.xml.rels": _LINK}), "docx"),
            (office(parts={"word/embeddings/a.xlsx": office("spreadsheetml.sheet.main")}), "docx"),
            (jpeg(), "jpeg"),
        ],
    )
    def test_harmless_papers_are_known_by_content(self, content, kind):
        assert papers.examine(content) == kind

    @pytest.mark.parametrize(
        ("content", "refusal"),
        [
            (b"", papers.PaperRefused),
            (b"<svg onload='x'></svg>", papers.PaperRefused),
            (b"<!doctype html><script>1</script>", papers.PaperRefused),
            (b"MZ\x90\0", papers.PaperRefused),
            (b"hello", papers.PaperRefused),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", papers.OldPaper),
            (PDF[:-7], papers.DamagedPaper),
            (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript/JS(x)>>"), papers.ActivePaper),
            (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/J#61vaScript>>"), papers.ActivePaper),
            (PDF.replace(b"/Catalog", b"/Catalog/AA<</S/Launch>>"), papers.ActivePaper),
            (PDF.replace(b"trailer<<", b"trailer<</Encrypt 9 0 R"), papers.LockedPaper),
            (packed(b"<</S/JavaScript/JS(app.alert(1))>>"), papers.ActivePaper),
            (packed(b"x").replace(b"/FlateDecode", b"[/ASCIIHexDecode/FlateDecode]"), papers.LockedPaper),
            (office("macroEnabled.document.main"), papers.ActivePaper),
            (office(parts={"word/vbaProject.bin": b"x"}), papers.ActivePaper),
            (office(parts={"word/activeX/activeX1.xml": b"<x/>"}), papers.ActivePaper),
            (office(parts={"word/embeddings/oleObject1.bin": b"x"}), papers.ActivePaper),
            (office(parts={"word/afchunk.htm": b"x"}), papers.ActivePaper),
            (office(parts={"word/_rels/document.xml.rels": _LINKED}), papers.ActivePaper),
            (office(parts={"word/a.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]>"}), papers.DamagedPaper),
            (office(parts={"word/embeddings/a.docx": office(parts={"vbaProject.bin": b"x"})}), papers.ActivePaper),
            (
                office("spreadsheetml.sheet.main", {"xl/externalLinks/externalLink1.xml": b"<ddeLink/>"}),
                papers.ActivePaper,
            ),
            (office("something.else"), papers.PaperRefused),
            (office()[:-30], papers.DamagedPaper),
        ],
    )
    def test_what_acts_by_itself_or_cannot_be_read_is_refused(self, content, refusal):
        with pytest.raises(papers.PaperRefused) as refused:
            papers.examine(content)
        assert type(refused.value) is refusal

    def test_a_bomb_is_not_unpacked(self, monkeypatch):
        monkeypatch.setattr(papers, "UNPACKED_MAX", 1 << 20)
        with pytest.raises(papers.TooMuchInside):
            papers.examine(office(parts={"word/document.xml": b"<a/>" + b" " * (2 << 20)}))
        with pytest.raises(papers.TooMuchInside):
            papers.examine(packed(b" " * (2 << 20)))

    def attach(self, town, who="worker", content=PDF, name="../../合同 最终.PDF", audience="case", public_id=""):
        public_id = public_id or reach(town, "dispatched").public_id
        upload = SimpleUploadedFile("x", content)
        upload._name = name
        row = services.attach_document(actor=getattr(town, who), public_id=public_id, upload=upload, audience=audience)
        return public_id, row

    def test_a_paper_lies_sealed_and_is_handed_out_on_record(self, town, tmp_path):
        public_id, row = self.attach(town)
        stored = [path for path in (tmp_path / "media").rglob("*") if path.is_file() and "documents" in path.parts]
        assert len(stored) == 1
        assert b"%PDF" not in stored[0].read_bytes()
        answer = desk(town, "clerk").get(reverse("reports:document", args=[public_id, row.public_id]))
        assert b"".join(answer.streaming_content) == PDF
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["Content-Type"] == "application/pdf"
        seen = AccessRecord.objects.get(kind="document")
        assert (seen.actor, seen.subject, seen.data["report"]) == (
            town.clerk.ref,
            f"document:{row.public_id}",
            f"report:{public_id}",
        )

    def test_who_may_not_see_it_gets_nothing_and_leaves_no_record(self, town):
        public_id, row = self.attach(town, audience="clerks", who="clerk")
        page = reverse("reports:document", args=[public_id, row.public_id])
        for who, status in (("worker", 404), ("cleaner", 404), ("rider", 403)):
            assert desk(town, who).get(page).status_code == status
        assert not AccessRecord.objects.filter(kind="document").exists()

    def test_a_paper_taken_away_is_gone_for_everybody(self, town, tmp_path):
        public_id, row = self.attach(town)
        with pytest.raises(NotAllowed):
            services.remove_document(actor=town.colleague, public_id=public_id, document=row.public_id)
        services.remove_document(actor=town.clerk, public_id=public_id, document=row.public_id)
        with pytest.raises(NotFound):
            services.open_document(actor=town.worker, public_id=public_id, document=row.public_id)
        assert CaseDocument.objects.get().wrapped_key is None
        assert not list((tmp_path / "media" / "documents").rglob("?" * 32))

    def test_a_refused_paper_leaves_neither_row_nor_file(self, town, tmp_path):
        public_id = reach(town, "dispatched").public_id
        limits = current("reports.documents").data.model_dump(mode="json")
        publish("reports.documents", limits | {"max_mb": 1, "kinds": ["pdf"], "a_case": 1}, note="试", actor_ref=MAKER)
        for content in (b"<svg/>", jpeg(), PDF + b" " * (1 << 20)):
            with pytest.raises(Exception) as refused:
                self.attach(town, content=content, public_id=public_id)
            assert refused.value.status in (413, 422)
        self.attach(town, public_id=public_id)
        with pytest.raises(TooManyPapers):
            self.attach(town, public_id=public_id)
        assert CaseDocument.objects.count() == 1
        assert len(list((tmp_path / "media" / "documents").rglob("?" * 32))) == 1
        assert not list((get_config().media / "incoming").glob("*"))

    def test_the_name_is_shown_without_its_path_and_with_its_true_ending(self, town):
        public_id, _row = self.attach(town, content=jpeg(), name="C:\\a\\发票.pdf")
        html = desk(town, "worker").get(reverse("reports:case", args=[public_id])).content.decode()
        assert "发票.jpeg" in html


class TestWatching:
    def told(self, actor) -> int:
        return Notice.objects.filter(person_id=actor.person_id, template="case.watched").count()

    def test_who_watches_is_told_of_steps_of_others_and_only_while_he_may_see_it(self, town):
        public_id = reach(town, "dispatched").public_id
        for actor in (town.worker, town.colleague, town.clerk):
            services.watch(actor=actor, public_id=public_id)
            services.watch(actor=actor, public_id=public_id)
        services.accept(actor=town.worker, public_id=public_id)
        assert [self.told(a) for a in (town.worker, town.colleague, town.clerk)] == [0, 1, 1]
        people.revoke_role(grant=RoleGrant.objects.get(person=town.people["colleague"]).public_id, actor=MAKER)
        services.answer(actor=town.worker, public_id=public_id, text="马上到")
        assert [self.told(a) for a in (town.worker, town.colleague, town.clerk)] == [0, 1, 2]
        services.unwatch(actor=town.clerk, public_id=public_id)
        services.answer(actor=town.worker, public_id=public_id, text="在路上")
        assert self.told(town.clerk) == 2

    def test_strangers_and_riders_watch_nothing(self, town):
        public_id = reach(town, "dispatched").public_id
        for actor in (town.cleaner, town.rider, town.other_rider):
            with pytest.raises(NotFound):
                services.watch(actor=actor, public_id=public_id)
        assert desk(town, "rider").post(reverse("reports:watch", args=[public_id]), {"watch": "on"}).status_code == 403
        assert Watch.objects.count() == 0

    def test_ten_who_watch_cost_no_more_than_two(self, town, django_assert_max_num_queries):
        public_id = reach(town, "accepted").public_id
        clerk = next(g.organisation_id for g in town.clerk.grants)
        for number in range(10):
            person = people.create_person(display_name=f"专员{number}", username=f"clerk-{number}", actor=MAKER)
            people.grant_role(person_id=person.pk, role="clerk", organisation_id=clerk, actor=MAKER)
            services.watch(actor=actor_for(person), public_id=public_id)
            if number == 1:
                services.answer(actor=town.worker, public_id=public_id, text="先热身")
                with django_assert_max_num_queries(60) as few:
                    services.answer(actor=town.worker, public_id=public_id, text="两个人")
                most = len(few)
        with django_assert_max_num_queries(most):
            services.answer(actor=town.worker, public_id=public_id, text="十个人")

    def test_the_notice_speaks_both_languages_and_says_nothing_of_the_reporter(self, town):
        public_id = reach(town, "dispatched").public_id
        services.watch(actor=town.clerk, public_id=public_id)
        services.accept(actor=town.worker, public_id=public_id)
        html = desk(town, "clerk").get("/inbox").content.decode()
        assert "你关注的一件" in html
        assert town.rider.display_name not in html


class TestSheet:
    def test_the_sheet_holds_the_filtered_list_and_no_words_of_the_rider(self, town):
        one, two = the(send(town.rider)), the(send(town.rider))
        Report.objects.filter(pk=two.pk).update(severity="low", place="=1+1")
        answer = desk(town, "worker").post(reverse("reports:sheet", args=["queue"]), {"query": "severity=low"})
        page = load_workbook(io.BytesIO(answer.content)).active
        rows = list(page.iter_rows(values_only=True))
        assert len(rows) == 2
        assert rows[1][4] == "=1+1"
        assert page["E2"].data_type == "s"
        said = " ".join(str(cell) for row in rows for cell in row)
        assert one.words not in said
        assert town.rider.display_name not in said
        seen = AccessRecord.objects.get(kind="cases")
        assert (seen.actor, seen.data["rows"], seen.data["narrowed"]) == (town.worker.ref, 1, ["severity"])

    def test_riders_take_no_list_out(self, town):
        send(town.rider)
        assert desk(town, "rider").post(reverse("reports:sheet", args=["queue"])).status_code == 403
        assert desk(town, "worker").post(reverse("reports:sheet", args=["nothing"])).status_code == 404
        assert not AuditEvent.objects.filter(action="access.cases").exists()
