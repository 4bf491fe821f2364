"""A group's export becomes reports: read, looked at row by row, confirmed, made exactly once; and what is refused."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from openpyxl import Workbook, load_workbook

from qixia.audit.models import AuditEvent
from qixia.jobs.models import Job
from qixia.jobs.worker import JobRunner, run_pending
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid, NotFound
from qixia.kernel.geo import Point
from qixia.media.models import Evidence
from qixia.media.tests.made import jpeg
from qixia.people import services as people
from qixia.people.access import actor_for
from qixia.people.sessions import BACKEND
from qixia.reports import errors, retention, services
from qixia.reports.importing.limits import BadFile
from qixia.reports.models import ImportBatch, ImportRow, Report, ReportPhoto
from qixia.reports.queries import imports
from qixia.reports.services import RowDecision
from qixia.reports.services.imports import making, reading
from qixia.reports.tests.town import AT_ESTATE, AT_ROAD, MAKER, OUTSIDE, Town, at, send, the
from qixia.rewards.queries import balance

START = "/desk/import/"
CHAT = """张三 2026-03-01 08:12
云帆路8号井盖没了，人能掉下去 13812345678
李四 2026-03-01 08:15
收到
王五 2026-03-01 08:20
锦澜花园楼道堆满纸箱
赵六 2026-03-01 08:30
路灯不亮，黑了好几天
"""


def batch_of(started: services.Started) -> ImportBatch:
    return ImportBatch.objects.get(public_id=started.public_id)


def paste(town: Town, text: str = CHAT) -> ImportBatch:
    """Bring a paste in and let it be read."""
    found = batch_of(services.import_upload(actor=town.clerk, text=text))
    run_pending()
    found.refresh_from_db()
    return found


def rows(batch: ImportBatch) -> list[imports.RowView]:
    return imports.rows_page(town_clerk_of(batch), batch.public_id).rows


def town_clerk_of(batch: ImportBatch) -> Any:
    return actor_for(batch.by_id)


def decide(town: Town, batch: ImportBatch, number: int, **decision: Any) -> None:
    row = ImportRow.objects.get(batch=batch, ordinal=number)
    services.decide_import_row(
        actor=town.clerk, batch=batch.public_id, row=row.public_id, decision=RowDecision(**decision)
    )


def confirmed(town: Town, batch: ImportBatch) -> list[Report]:
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    run_pending()
    batch.refresh_from_db()
    return list(Report.objects.filter(secrecy="none").order_by("pk"))


def everything() -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
        return found


# ── ★ a group's export with photos ────────────────────────────────────────────
def export_of_thirty() -> bytes:
    """Thirty messages as a phone exports them: ten matters at house numbers, photos, thanks, a system line."""
    lines = []
    for n in range(10):
        minute = 3 * n
        lines += [f"骑手{n} 2026-03-01 09:{minute:02d}", f"[图片: IMG_{n}.jpg]"]
        lines += [f"骑手{n} 2026-03-01 09:{minute + 1:02d}", f"云帆路{14 * n + 1}号井盖没了，人能掉下去"]
        lines += [f"群主 2026-03-01 09:{minute + 2:02d}", "收到，谢谢"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("微信群聊.txt", "\n".join(lines))
        for n in range(10):
            archive.writestr(f"image/IMG_{n}.jpg", jpeg(seed=100 + n))
    return out.getvalue()


def test_the_export_of_a_group_with_thirty_messages_and_photos_becomes_reports(town: Town) -> None:
    data = export_of_thirty()
    started = services.import_upload(actor=town.clerk, file=ContentFile(data), name="群聊.zip")
    run_pending()
    batch = batch_of(started)
    seen = rows(batch)
    assert (batch.state, len(seen)) == ("ready", 20)  # photo and words of one rider are one
    matters = [row for row in seen if row.choice == "new"]
    assert [len(row.pictures) for row in matters] == [1] * 10
    assert {row.choice for row in seen if row.said.sender == "群主"} == {"skip"}
    assert all(row.lat and "云帆路" in row.place and row.cls == "manhole" for row in matters)
    made = confirmed(town, batch)
    assert (batch.state, len(made)) == ("done", 10)
    assert [photo.evidence.owner_ref for photo in ReportPhoto.objects.filter(report__in=made).order_by("report")] == [
        report.ref for report in made
    ]
    for report in made:
        assert report.state in ("dispatched", "merged")
        assert (report.reporter_link, report.reporter_index, report.claim_hash) == (None, None, None)
        assert report.captured_at is not None
        assert report.points is None
    assert made[0].steps.earliest("id").actor == "import"
    # The very file again is the same batch, and makes nothing.
    before = everything()
    again = services.import_upload(actor=town.clerk, file=ContentFile(data), name="again.zip")
    assert (again.public_id, again.repeated) == (batch.public_id, True)
    assert everything() == before


def test_a_batch_that_is_killed_goes_on_where_it_stopped(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = paste(town, "\n".join(f"张{n} 2026-03-01 08:1{n}\n云帆路{10 * n + 1}号井盖坏了" for n in range(5)))
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    left = iter(["import.row_made", "import.row_written"])
    for point in left:
        with pytest.raises(RuntimeError), monkeypatch.context() as patched:
            patched.setattr("qixia.reports.services.imports.making.kill_point", _dies_at(point, after=2))
            services.make_import(public_id=batch.public_id)
    services.make_import(public_id=batch.public_id)
    services.make_import(public_id=batch.public_id)
    assert Report.objects.filter(secrecy="none").count() == 5
    assert ImportRow.objects.filter(batch=batch, state="made").values("report").distinct().count() == 5


def _dies_at(point: str, after: int) -> Any:
    counted = iter(range(1, 100))

    def die(name: str) -> None:
        if name == point and next(counted) == after:
            raise RuntimeError(name)

    return die


def test_a_job_makes_a_piece_and_asks_for_the_next(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PIECE", 2)
    batch = paste(town, "\n".join(f"张{n} 2026-03-01 08:1{n}\n云帆路{10 * n + 1}号井盖坏了" for n in range(5)))
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    seen = []
    while job := Job.objects.filter(name="reports.make_import").first():
        assert Job.objects.filter(name="reports.make_import").count() == 1
        assert job.priority < -1  # behind the notices
        JobRunner().run_due(limit=1)
        seen.append(Report.objects.filter(secrecy="none").count())
    assert sorted(set(seen) - {0}) == [2, 4, 5]
    batch.refresh_from_db()
    assert batch.state == "done"
    assert AuditEvent.objects.get(action="reports.import_done").data["made"] == 5


@pytest.mark.parametrize("point", ["import.row_written", "import.row_made", "import.piece_made"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_piece_that_is_killed_anywhere_makes_nothing_twice_and_loses_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, point: str, after: int
) -> None:
    monkeypatch.setattr(making, "PIECE", 2)
    batch = paste(town, "\n".join(f"张{n} 2026-03-01 08:1{n}\n云帆路{10 * n + 1}号井盖坏了" for n in range(5)))
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    monkeypatch.setattr(making, "kill_point", _dies_at(point, after=after))
    run_pending()
    with clock.at(clock.now() + timedelta(minutes=1)):  # what died falls due again
        run_pending()
    batch.refresh_from_db()
    assert batch.state == "done"
    assert Report.objects.filter(secrecy="none").count() == 5
    assert ImportRow.objects.filter(batch=batch, state="made").values("report").distinct().count() == 5
    assert not Job.objects.filter(name="reports.make_import").exists()


def test_a_row_at_which_the_job_dies_each_time_fails_and_the_others_go_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = paste(town, "\n".join(f"张{n} 2026-03-01 08:1{n}\n云帆路{10 * n + 1}号井盖坏了" for n in range(3)))
    real = making.take_in

    def take_in(group: Any, key: str, *more: Any) -> Any:
        if key.endswith("-2"):
            raise ValueError("no such thing")
        return real(group, key, *more)

    monkeypatch.setattr(making, "take_in", take_in)
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    for minutes in range(4):
        with clock.at(clock.now() + timedelta(minutes=minutes)):
            run_pending()
    batch.refresh_from_db()
    assert batch.state == "done"
    assert [row.state for row in rows(batch)] == ["made", "failed", "made"]
    assert "请告诉管理员" in rows(batch)[1].faults[-1].text
    monkeypatch.setattr(making, "take_in", real)  # mended by then: confirmed again, it is made
    assert len(confirmed(town, batch)) == 3


# ── rows ──────────────────────────────────────────────────────────────────────
def test_each_row_says_who_what_where_and_what_is_missing(town: Town) -> None:
    first, talk, estate, lamp = rows(paste(town))
    assert (first.said.sender, first.choice, first.cls) == ("张三", "new", "manhole")
    assert "云帆路" in first.place
    assert "13812345678" not in first.said.words
    assert (first.said.phone, "138****5678" in first.said.words) == ("138****5678", True)
    assert talk.choice == "skip"
    assert "锦澜花园" in estate.place
    assert lamp.blocks
    assert [(fault.field, fault.blocks) for fault in lamp.faults] == [("place", True)]


def test_a_row_without_a_place_waits_for_a_point_and_is_made_later(town: Town) -> None:
    batch = paste(town)
    assert len(confirmed(town, batch)) == 2
    assert [row.state for row in rows(batch)] == ["made", "skipped", "made", "failed"]
    decide(town, batch, 4, place=Point(*AT_ROAD))
    assert len(confirmed(town, batch)) == 3
    assert [row.state for row in rows(batch)] == ["made", "skipped", "made", "made"]


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        ({"choice": "all"}, "choice"),
        ({"choice": "same", "same_as": "nothing"}, "same_as"),
        ({"choice": "same"}, "same_as"),
        ({"place": Point(*OUTSIDE)}, "place"),
        ({"place": Point(float("nan"), 1.0)}, "place"),
        ({"match": "01234567890123456789012345"}, "match"),
    ],
)
def test_a_decision_that_can_not_be_changes_nothing(town: Town, decision: dict[str, Any], field: str) -> None:
    batch = paste(town)
    before = list(ImportRow.objects.order_by("pk").values())
    with pytest.raises(DomainError) as refused:
        decide(town, batch, 1, **decision)
    assert refused.value.field == field
    assert list(ImportRow.objects.order_by("pk").values()) == before


def test_what_is_there_already_is_offered_and_noted_instead_of_made(town: Town) -> None:
    receipt = send(town.rider, "井盖坏了", place=at(AT_ESTATE))
    batch = paste(town, "张三 2026-03-01 08:12\n锦澜花园井盖坏了")
    (row,) = rows(batch)
    assert [one.public_id for one in row.candidates] == [receipt.public_id]
    decide(town, batch, 1, choice="same", same_as=receipt.public_id)
    assert confirmed(town, batch) == []
    steps = the(receipt).steps.filter(step="mention")
    assert [(step.actor, step.text) for step in steps] == [("system:import", "")]
    assert ImportRow.objects.get().state == "same"


def test_a_rider_is_only_who_a_person_recognises_and_then_earns(town: Town) -> None:
    text = "一川 2026-03-01 08:12\n云帆路8号井盖坏了"
    batch = paste(town, text)
    (row,) = rows(batch)
    assert [rider.name for rider in row.riders] == ["一川"]
    assert ImportRow.objects.get().match is None
    decide(town, batch, 1, match=town.rider.public_id)
    assert confirmed(town, batch) == []
    report = Report.objects.get()
    assert report.secrecy == "sealed"
    assert balance(town.rider.ref) == report.points == 15
    kept = ImportRow.objects.get()
    assert kept.match is None
    assert imports.said_of(kept).sender == ""  # the row knows nobody any more


def test_nobody_recognised_earns_nothing(town: Town) -> None:
    confirmed(town, paste(town, "一川 2026-03-01 08:12\n云帆路8号井盖坏了"))
    assert balance(town.rider.ref) == 0
    assert Report.objects.get().secrecy == "none"


def test_a_broken_photo_is_named_and_the_row_goes_on(town: Town) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "chat.txt", "张三 2026-03-01 08:12\n云帆路8号井盖坏了\n[图片: a.jpg]\n[图片: b.jpg]\n[图片: c.jpg]"
        )
        archive.writestr("a.jpg", b"<script>alert(1)</script>" * 20)
        archive.writestr("b.jpg", jpeg(seed=3))
    started = services.import_upload(actor=town.clerk, file=ContentFile(out.getvalue()), name="x.zip")
    run_pending()
    (row,) = rows(batch_of(started))
    assert (len(row.pictures), row.blocks) == (1, False)
    assert [fault.text.split("：")[0] for fault in row.faults] == ["a.jpg", "c.jpg"]


# ── lists ─────────────────────────────────────────────────────────────────────
def table(*lines: tuple[Any, ...], head: tuple[str, ...] = ("时间", "地点", "内容", "电话", "状态")) -> bytes:
    book = Workbook()
    for line in (head, *lines):
        book.active.append(list(line))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(town: Town, data: bytes, name: str = "台账.xlsx") -> ImportBatch:
    found = batch_of(services.import_upload(actor=town.clerk, file=ContentFile(data), name=name))
    run_pending()
    found.refresh_from_db()
    return found


def test_a_list_of_cases(town: Town) -> None:
    batch = upload(
        town,
        table(
            ("2026-03-01 08:12", "云帆路8号", "井盖坏了", "13812345678", ""),
            ("昨天", "云帆路8号", "路灯不亮", "", "已办结"),
            ("1900-01-01", "不知道哪里", "", "", ""),
        ),
    )
    good, done, bad = rows(batch)
    assert (good.choice, good.faults, good.said.phone) == ("new", [], "138****5678")
    assert done.choice == "skip"
    assert {fault.field for fault in bad.faults} >= {"text", "place", "at"}
    assert len(confirmed(town, batch)) == 1
    assert "云帆路8号" in Report.objects.get().words


def test_columns_are_corrected_and_read_anew(town: Town) -> None:
    batch = upload(town, table(("x", "y", "井盖坏了 云帆路8号"), head=("甲", "时间", "乙")))
    assert batch.mapping["text"] == 2
    with pytest.raises(Invalid):
        services.map_import(actor=town.clerk, batch=batch.public_id, mapping={"at": 1})
    services.map_import(actor=town.clerk, batch=batch.public_id, mapping={"text": 2, "sender": 0})
    run_pending()
    (row,) = rows(batch)
    assert (row.said.text, row.said.sender, row.faults) == ("井盖坏了 云帆路8号", "x", [])


# ── bad input ─────────────────────────────────────────────────────────────────
BAD = {
    "empty": b"",
    "blank": b" \n ",
    "old excel": b"\xd0\xcf\x11\xe0" + bytes(2000),
    "program": b"\x7fELF" + bytes(range(256)) * 9,
    "broken zip": b"PK\x03\x04" + b"x" * 300,
    "photo": jpeg(),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_changes_nothing(town: Town, name: str) -> None:
    before = everything()
    with pytest.raises(BadFile) as refused:
        services.import_upload(actor=town.clerk, file=ContentFile(BAD[name]), name="x")
    assert (refused.value.field, refused.value.status) == ("file", 422)
    assert everything() == before


@pytest.mark.parametrize("text", ["😀😀😀", "没有谁说过话", "a" * 5000])
def test_what_is_no_chat_ends_the_batch_with_a_sentence_and_may_come_again(town: Town, text: str) -> None:
    batch = paste(town, text)
    assert (batch.state, batch.rows.count()) == ("failed", 0)
    assert "没有认出" in batch.fault
    assert not services.import_upload(actor=town.clerk, text=text).repeated


def test_words_with_markup_and_formulas_stay_words(town: Town) -> None:
    evil = '张三 2026-03-01 08:12\n=HYPERLINK("http://x") <script>alert(1)</script> 云帆路井盖坏了'
    batch = paste(town, evil)
    client = desk(town)
    html = client.get(f"{START}{batch.public_id}/").content.decode()
    assert "<script>alert(1)" not in html
    answer = client.get(f"{START}{batch.public_id}/errors.xlsx")
    cells = [cell for line in load_workbook(io.BytesIO(answer.content)).active.iter_rows() for cell in line]
    assert all(cell.data_type != "f" for cell in cells)
    assert any(str(cell.value).startswith("'=HYPERLINK") for cell in cells)


# ── who ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("who", ["worker", "rider"])
def test_only_clerks_bring_in(town: Town, who: str) -> None:
    before = everything()
    with pytest.raises(errors.NotYours):
        services.import_upload(actor=getattr(town, who), text=CHAT)
    assert everything() == before


def test_another_clerks_batch_is_not_found_and_its_file_is_told(town: Town) -> None:
    batch = paste(town)
    person = people.create_person(display_name="别人", username="bieren", actor=MAKER)
    desk_id = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=person.pk, role="clerk", organisation_id=desk_id, actor=MAKER)
    other = actor_for(person)
    with pytest.raises(NotFound):
        imports.batch_view(other, batch.public_id)
    with pytest.raises(NotFound):
        services.confirm_import(actor=other, batch=batch.public_id)
    with pytest.raises(errors.ImportedBefore):
        services.import_upload(actor=other, text=CHAT)
    assert Report.objects.count() == 0


def test_nothing_of_a_person_stands_open_in_the_tables(town: Town) -> None:
    confirmed(town, paste(town))
    for model in (ImportBatch, ImportRow):
        for row in model.objects.values():
            plain = " ".join(str(value) for value in row.values() if not isinstance(value, bytes | memoryview))
            assert "张三" not in plain
            assert "1381234" not in plain


def test_after_the_days_only_counts_are_left(town: Town) -> None:
    batch = paste(town, CHAT)
    made = confirmed(town, batch)
    with clock.at(clock.now() + timedelta(days=31)):
        before = clock.now() - timedelta(days=30)
        assert (retention.purge_imports(before, 10), retention.purge_imports(before, 10)) == (1, 0)
    batch.refresh_from_db()
    assert (batch.head, batch.source, batch.rows.count(), batch.state) == (None, None, 0, "done")
    assert Report.objects.filter(pk__in=[report.pk for report in made]).count() == 2


def test_a_batch_that_is_dropped_leaves_no_photo_and_may_come_again(town: Town) -> None:
    data = export_of_thirty()
    batch = upload(town, data, "x.zip")
    services.drop_import(actor=town.clerk, batch=batch.public_id)
    assert not Evidence.objects.exclude(key_id="gone").exists()
    assert not services.import_upload(actor=town.clerk, file=ContentFile(data), name="x.zip").repeated
    assert AuditEvent.objects.filter(action="reports.import_dropped").count() == 1


# ── pages ─────────────────────────────────────────────────────────────────────
def desk(town: Town, who: str = "clerk") -> Client:
    client = Client()
    client.force_login(town.people[who], backend=BACKEND)
    return client


def test_from_the_paste_to_the_reports_by_plain_forms(town: Town) -> None:
    client = desk(town)
    answer = client.post(START, {"text": CHAT})
    assert answer.status_code == 303
    assert 'data-testid="busy"' in client.get(answer.url).content.decode()
    assert client.get(f"{answer.url}state").status_code == 204
    run_pending()
    assert client.get(f"{answer.url}state").headers["HX-Refresh"] == "true"
    html = client.get(answer.url).content.decode()
    for part in ("张三", "井盖缺失破损移位", "不知道在哪里", "确认，生成上报"):
        assert part in html, part
    assert "style=" not in html
    row = ImportRow.objects.get(ordinal=4)
    place = {"lat": AT_ROAD[0], "lng": AT_ROAD[1], "choice": "new"}
    swapped = client.post(f"{answer.url}rows/{row.public_id}", place, headers={"HX-Request": "true"}).content.decode()
    assert "（你点的）" in swapped
    assert client.post(f"{answer.url}confirm").status_code == 303
    run_pending()
    assert client.get(answer.url).content.decode().count('data-testid="made"') == 3


def test_a_refusal_stands_at_its_field_and_the_text_stays(town: Town) -> None:
    answer = desk(town).post(START, {"text": "  "})
    assert answer.status_code == 422
    assert 'id="err-text"' in answer.content.decode()
    twice = desk(town).post(START, {"file": ContentFile(b"PK\x03\x04broken", "x.zip")})
    assert (twice.status_code, 'id="err-file"' in twice.content.decode()) == (422, True)


def test_a_page_of_forty_rows_costs_as_much_as_one_of_four(town: Town, django_assert_max_num_queries: Any) -> None:
    few = paste(town, "\n".join(f"张{n} 2026-03-01 08:1{n}\n云帆路{10 * n + 1}号井盖坏了" for n in range(4)))
    many = paste(town, "\n".join(f"张{n} 2026-03-01 08:{n}\n云帆路{2 * n + 1}号井盖坏了" for n in range(10, 50)))
    client = desk(town)
    client.get(f"{START}{few.public_id}/")
    with django_assert_max_num_queries(24) as first:
        client.get(f"{START}{few.public_id}/")
    most = len(first)
    client.get(f"{START}{many.public_id}/")
    with django_assert_max_num_queries(most):
        client.get(f"{START}{many.public_id}/")


# ── what must not stop the others ─────────────────────────────────────────────
def test_a_row_that_can_not_be_made_fails_alone(town: Town) -> None:
    """NFC makes some words longer: they pass where they are cut and not where they are kept."""
    batch = paste(
        town, f"张三 2026-03-01 08:12\n云帆路8号井盖坏了{chr(0x958) * 1900}\n李四 2026-03-01 09:12\n云帆路88号井盖坏了"
    )
    decide(town, batch, 1, choice="new")
    assert len(confirmed(town, batch)) == 1
    assert batch.state == "done"
    bad, good = rows(batch)
    assert (bad.state, good.state) == ("failed", "made")
    assert "文字太长" in bad.faults[0].text


def test_a_zero_in_a_name_stops_nothing(town: Town) -> None:
    talk = "".join(f"张三 2026-03-01 08:{n:02d}\n云帆路{n}号井盖坏了，{'很危险' * 40}\n" for n in range(10, 50))
    batch = paste(town, f"{talk}李四 2026-03-01 09:12\n云帆路88号井盖坏了\n[图片: a\0b.jpg]")
    assert batch.state == "ready"
    assert not any("\0" in fault["text"] for row in ImportRow.objects.all() for fault in row.errors)


def test_a_batch_that_is_never_read_can_be_dropped_and_comes_again(town: Town) -> None:
    batch = batch_of(services.import_upload(actor=town.clerk, text=CHAT))
    assert b"/drop" in desk(town).get(f"{START}{batch.public_id}/").content
    services.drop_import(actor=town.clerk, batch=batch.public_id)
    assert services.read_import(public_id=batch.public_id) == 0
    assert not services.import_upload(actor=town.clerk, text=CHAT).repeated


def test_what_nobody_foresaw_ends_the_batch_at_the_last_try(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be read for ever, and the same file could never come again."""
    real = reading.classify_many

    def classify_many(_items: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "classify_many", classify_many)
    batch = batch_of(services.import_upload(actor=town.clerk, text=CHAT))
    for minutes in range(4):
        assert batch_of_now(batch).state == ("reading" if minutes < 3 else "failed")
        with clock.at(clock.now() + timedelta(minutes=minutes)):
            run_pending()
    page = desk(town).get(f"{START}{batch.public_id}/").content.decode()
    assert "请换一种格式或分成几份再导入" in page
    assert not Job.objects.filter(name="reports.read_import").exists()
    monkeypatch.setattr(reading, "classify_many", real)
    services.drop_import(actor=town.clerk, batch=batch.public_id)
    assert not services.import_upload(actor=town.clerk, text=CHAT).repeated


def test_a_file_at_which_the_reader_is_killed_each_time_is_not_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_of(services.import_upload(actor=town.clerk, text=CHAT))
    monkeypatch.setattr(reading, "_drafts", lambda *_more: pytest.fail("read again"))
    Job.objects.filter(name="reports.read_import").update(attempts=reading.TRIES)
    run_pending()
    assert batch_of_now(batch).state == "failed"


def batch_of_now(batch: ImportBatch) -> ImportBatch:
    batch.refresh_from_db()
    return batch


def test_reading_waits_behind_what_riders_send_and_holds_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(services.import_upload(actor=town.clerk, text=CHAT))
    assert Job.objects.get(name="reports.read_import").priority < 0
    depth = len(connection.savepoint_ids)
    seen: list[int] = []
    real = reading.classify_many
    monkeypatch.setattr(
        reading, "classify_many", lambda items: (seen.append(len(connection.savepoint_ids)), real(items))[1]
    )
    services.read_import(public_id=batch.public_id)
    assert seen == [depth]
    services.confirm_import(actor=town.clerk, batch=batch.public_id)
    assert Job.objects.get(name="reports.make_import").priority < 0


def test_a_batch_that_is_never_made_ends_with_the_days(town: Town) -> None:
    batch = paste(town)
    ImportBatch.objects.filter(pk=batch.pk).update(state="making")
    assert retention.purge_imports(clock.now(), 10) == 0  # somebody may be at it
    with clock.at(clock.now() + timedelta(days=32)):
        assert retention.purge_imports(clock.now() - timedelta(days=30), 10) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.head) == ("dropped", None)


def test_what_was_wrong_with_the_same_one_is_not_with_a_new_one(town: Town) -> None:
    receipt = send(town.rider, "井盖坏了", place=at(AT_ESTATE))
    batch = paste(town, "张三 2026-03-01 08:12\n锦澜花园井盖坏了")
    decide(town, batch, 1, choice="same", same_as=receipt.public_id)
    Report.objects.filter(public_id=receipt.public_id).update(state="closed")
    assert confirmed(town, batch) == []
    assert [fault.field for fault in rows(batch)[0].faults] == ["same_as"]
    decide(town, batch, 1, choice="new")
    assert len(confirmed(town, batch)) == 1


def test_tomorrows_export_of_the_same_group_brings_only_what_is_new(town: Town) -> None:
    confirmed(town, paste(town))
    longer = CHAT + "孙七 2026-03-02 07:30\n云帆路88号井盖坏了\n"
    later = rows(paste(town, longer))
    assert [row.choice for row in later] == ["skip", "skip", "skip", "new", "new"]  # the lamp had no place: not made
    assert any("以前导入过" in fault.text for fault in later[0].faults)


def test_what_surely_is_the_same_is_chosen_beforehand(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = send(town.rider, "井盖坏了", place=at(AT_ESTATE))
    real = reading.similar_many
    monkeypatch.setattr(
        reading, "similar_many", lambda *a, **k: [[replace(c, verdict="same") for c in row] for row in real(*a, **k)]
    )
    (row,) = rows(paste(town, "张三 2026-03-01 08:12\n锦澜花园井盖坏了"))
    assert (row.choice, row.same_as) == ("same", receipt.public_id)
