"""Lists from paper: what a row says, what is known, that nothing is noted before somebody says so and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from qixia.gifts import queries, retention, services, states
from qixia.gifts.models import Allotment, Campaign, HandOver, Move, PaperList, Stock
from qixia.gifts.rules import papers as rules
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from qixia.people.models import Person
from qixia.people.sessions import BACKEND

TODAY = "2026-11-20"


def workbook(kind: str, *rows: dict[str, Any], heads: list[str] | None = None) -> BytesIO:
    book = Workbook()
    page = book.active
    columns = rules.COLUMNS[kind]
    page.append(heads if heads is not None else [column.title for column in columns])
    for row in rows:
        page.append([row.get(column.name) for column in columns])
    out = BytesIO()
    book.save(out)
    out.seek(0)
    return out


def day_of(row: made.Round) -> str:
    return clock.city_date(clock.now()).isoformat()


def brought(row: made.Round, kind: str, *rows: dict[str, Any]) -> str:
    return services.bring_in(actor=row.clerk, campaign=row.id, kind=kind, file=workbook(kind, *rows)).public_id


def verdicts(row: made.Round, paper: str) -> list[tuple[int, str, list[str]]]:
    _campaign, view = queries.paper_of(row.clerk, row.id, paper)
    return [(one.line, one.verdict, [why.field or "" for _title, why in one.why]) for one in view.rows.items]


def note(row: made.Round, paper: str, good: int) -> int:
    return services.note_paper(actor=row.clerk, campaign=row.id, paper=paper, good=good)


class TestRows:
    """What a row says, without a database."""

    @pytest.mark.parametrize(
        ("said", "day"),
        [
            ("2026-11-20", TODAY),
            ("2026/11/20", TODAY),
            ("2026年11月20日", TODAY),
            ("20261120", TODAY),
            ("２０２６．１１．２０", TODAY),
            ("2026-11-20 08:30:00", TODAY),
            ("11-20", None),
            ("2026-02-30", None),
            ("2026-11-21", None),
            ("2026-10-31", None),
        ],
    )
    def test_days(self, said, day):
        row = rules.Row(2, {"day": said, "place": "点", "number": "407188235"})
        first, today = rules.date(2026, 11, 1), rules.date(2026, 11, 20)
        found = rules.read(states.PAPER_HANDED, row, first=first, today=today)
        assert (found.day.isoformat() if found.day else None) == day
        assert ("day" in {fault.field for fault in found.faults}) is (day is None)

    def test_excel_drops_noughts_and_a_phone_is_folded(self):
        first = today = rules.date(2026, 11, 20)
        said = {"day": TODAY, "place": "点", "number": "12345673", "phone": "+86 138-0000-0000"}
        found = rules.read(states.PAPER_HANDED, rules.Row(2, said), first=first, today=today)
        good = rules.parse_number("012345673") is not None
        assert (found.number == "012345673") is good
        assert found.phone == "13800000000"

    def test_headings_are_found_below_a_title_and_hints_are_no_row(self):
        class Line:
            def __init__(self, number: int, *cells: str) -> None:
                self.number, self.cells = number, cells

        hints = [column.hint for column in rules.COLUMNS[states.PAPER_HANDED]]
        lines = [
            Line(1, "签领单"),
            Line(2, "领取号", "手机号", "发放点 *", "领取日期＊"),
            Line(3, *hints),
            Line(4, "'407188235"),
        ]
        (row,) = rules.rows_of(states.PAPER_HANDED, lines)
        assert (row.line, row.said["number"]) == (4, "407188235")
        with pytest.raises(Invalid, match="领取日期"):
            rules.rows_of(states.PAPER_HANDED, [Line(1, "领取号", "发放点"), Line(2, "1", "2")])


pytestmark = pytest.mark.usefixtures("ground")


def came(row: made.Round, count: object = 4, slip: str = "SH-001", **more: Any) -> dict[str, Any]:
    said = {"donor": "暖阳公司", "place": row.place.name, "count": count, "day": day_of(row), "slip": slip}
    return said | more


def test_what_came_is_noted_once_whatever_file_says_so():
    row = made.opened(kits=0, way="joining")
    Campaign.objects.update(usable=0)
    row.donation.count = 10
    row.donation.save()
    paper = brought(row, "received", came(row), came(row, 3, "SH-002"), came(row, 1, "SH-001"))
    assert (Move.objects.count(), row.now().usable) == (0, 0)
    assert verdicts(row, paper) == [(2, "good", []), (3, "good", []), (4, "wrong", ["slip"])]
    with pytest.raises(Conflict):
        note(row, paper, 3)
    assert Move.objects.count() == 0
    assert note(row, paper, 2) == note(row, paper, 2) == 2
    assert (Move.objects.count(), row.now().usable, Stock.objects.get().count) == (2, 7, 7)
    # The same rows saved anew, with one that is new and one that says another count.
    again = brought(row, "received", came(row), came(row, 2, "SH-003"), came(row, 9, "SH-002"))
    assert again != paper
    assert [one[1] for one in verdicts(row, again)] == ["known", "good", "wrong"]
    note(row, again, 1)
    assert (Move.objects.count(), row.now().usable, Stock.objects.get().count) == (3, 9, 9)


def test_the_same_file_is_the_same_list():
    row = made.opened(kits=0, way="joining")
    data = workbook("received", came(row, 1)).getvalue()
    first, second = (
        services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=BytesIO(data)) for _ in range(2)
    )
    assert (first.public_id, first.repeated, second.repeated) == (second.public_id, False, True)
    services.drop_paper(actor=row.clerk, campaign=row.id, paper=first.public_id)
    assert PaperList.objects.get().sealed is None
    third = services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=BytesIO(data))
    assert (third.repeated, PaperList.objects.count()) == (False, 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"donor": "没有这家"}, "donor"),
        ({"donor": None}, "donor"),
        ({"place": "没有这里"}, "place"),
        ({"place": None}, "place"),
        ({"count": "两份"}, "count"),
        ({"count": 0}, "count"),
        ({"count": 4}, "count"),
        ({"day": "昨天"}, "day"),
        ({"slip": None}, "slip"),
        ({"slip": "长" * 61}, "slip"),
    ],
)
def test_a_fault_names_its_field(change, field):
    row = made.opened(kits=3, way="joining")
    Move.objects.filter(kind="none")
    paper = brought(row, "received", came(row, 1, "other") | change)
    assert verdicts(row, paper) == [(2, "wrong", [field])]
    with pytest.raises(Conflict):
        note(row, paper, 0)
    assert Move.objects.count() == 1  # what the builder received


def took(row: made.Round, gift: Allotment | None = None, **more: Any) -> dict[str, Any]:
    said = {"number": gift.number if gift else None, "place": row.place.name, "day": day_of(row)}
    return said | more


def gifts_of(row: made.Round, count: int) -> list[Allotment]:
    return [services.allot_joining(person=made.rider().public_id)[0] for _ in range(count)]


def phone_of(gift: Allotment) -> str:
    return f"139{int(Person.objects.get(pk=gift.person_id).display_name[1:]):08d}"


def test_who_took_one_by_number_or_phone_and_nobody_twice():
    row = made.opened(kits=4, way="joining")
    one, two, three, four = gifts_of(row, 4)
    services.hand_over(actor=row.clerk, text=four.number, place=row.place.public_id)
    paper = brought(
        row,
        "handed",
        took(row, one),
        took(row, phone=phone_of(two)),
        took(row, one, phone=phone_of(two)),
        took(row, phone=phone_of(one)),
        took(row, four),
        took(row, phone="13900000000"),
    )
    assert verdicts(row, paper) == [
        (2, "good", []),
        (3, "good", []),
        (4, "wrong", ["phone"]),
        (5, "wrong", ["phone"]),
        (6, "known", ["number"]),
        (7, "wrong", ["phone"]),
    ]
    assert HandOver.objects.count() == 1
    assert note(row, paper, 2) == 2
    handed = HandOver.objects.filter(paper__public_id=paper)
    assert set(handed.values_list("allotment_id", flat=True)) == {one.pk, two.pk}
    assert (Stock.objects.get().count, Move.objects.filter(kind="given").count()) == (1, 3)
    three.refresh_from_db()
    assert three.state == "open"
    again = brought(row, "handed", took(row, two, phone=phone_of(two)))
    assert [one[1] for one in verdicts(row, again)] == ["known"]


def test_a_list_can_be_undone_a_day_long_from_when_it_was_noted():
    row = made.opened(kits=2, way="joining", starts_at=clock.now() - timedelta(days=9))
    (gift,) = gifts_of(row, 1)
    long_ago = clock.city_date(clock.now() - timedelta(days=5)).isoformat()
    note(row, brought(row, "handed", took(row, gift, day=long_ago)), 1)
    done = HandOver.objects.get()
    assert clock.city_date(done.at).isoformat() == long_ago
    (line,) = queries.handed(row.second).items
    assert (line.is_paper, line.may_undo) == (True, True)
    services.undo(actor=row.second, hand_over=done.public_id, reason="名单写错人")
    gift.refresh_from_db()
    assert (gift.state, Stock.objects.get().count) == ("open", 2)


def test_a_place_gives_no_more_than_its_books_say():
    row = made.opened(kits=1, way="joining")
    spare = made.point(row.clerk)
    Campaign.objects.update(usable=2)
    one, two = gifts_of(row, 2)
    paper = brought(row, "handed", took(row, one), took(row, two), took(row, two, place=spare.name))
    assert verdicts(row, paper) == [(2, "good", []), (3, "wrong", ["place"]), (4, "wrong", ["number"])]
    note(row, paper, 1)
    assert Stock.objects.get().count == 0


def test_what_went_over_the_counter_in_between_stops_the_noting():
    row = made.opened(kits=2, way="joining")
    one, two = gifts_of(row, 2)
    paper = brought(row, "handed", took(row, one), took(row, two))
    services.hand_over(actor=row.clerk, text=two.number, place=row.place.public_id)
    with pytest.raises(Conflict):
        note(row, paper, 2)
    one.refresh_from_db()
    assert (one.state, HandOver.objects.count(), PaperList.objects.get().state) == ("open", 1, "ready")
    assert note(row, paper, 1) == 1


def test_who_may_bring_lists():
    row = made.opened(kits=1, way="joining")
    file = workbook("received", came(row, 1))
    with pytest.raises(NotAllowed):
        services.bring_in(actor=row.second, campaign=row.id, kind="received", file=file)
    with pytest.raises(NotFound):
        services.bring_in(actor=made.rider(), campaign=row.id, kind="received", file=file)
    for data in (b"", b"PK\x03\x04 nothing", b"a,b"):
        with pytest.raises(Invalid):
            services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=BytesIO(data))
    assert PaperList.objects.count() == 0


def test_what_was_typed_goes_and_the_file_stays_known():
    row = made.opened(kits=1, way="joining")
    data = workbook("received", came(row, 1)).getvalue()
    paper = services.bring_in(actor=row.clerk, campaign=row.id, kind="received", file=BytesIO(data))
    with clock.at(clock.now() + timedelta(days=61)):
        assert retention.purge_papers(clock.now() - timedelta(days=60), 10) == 1
        assert retention.oldest_paper() is None
    _campaign, view = queries.paper_of(row.clerk, row.id, paper.public_id)
    assert (view.is_kept, list(view.rows.items)) == (False, [])


# ── the pages ───────────────────────────────────────────────────────────────


def desk_of(row: made.Round) -> Client:
    page = Client()
    page.force_login(Person.objects.get(pk=row.clerk.person_id), backend=BACKEND)
    return page


def at(name: str, *args: str) -> str:
    return reverse(f"gifts:{name}", args=args)


def test_from_the_template_to_the_noted_list_by_pages_alone():
    row = made.opened(kits=2, way="joining")
    (gift,) = gifts_of(row, 1)
    desk = desk_of(row)
    form = load_workbook(BytesIO(desk.get(at("paper_template", row.id, "handed")).content))
    page = form["填在这里"]
    assert [cell.value for cell in page[1]] == ["领取号", "手机号", "发放点*", "领取日期*"]
    assert form["可以填的"]["A2"].value == row.place.name
    page.append([gift.number, None, row.place.name, day_of(row)])
    page.append(["=1+1", None, '=HYPERLINK("http://x")', day_of(row)])
    out = BytesIO()
    form.save(out)
    file = SimpleUploadedFile("名单.xlsx", out.getvalue())
    assert desk.post(at("papers", row.id), {"kind": "handed"}).status_code == 422
    answer = desk.post(at("papers", row.id), {"kind": "handed", "file": file})
    assert answer.status_code == 303
    seen = desk.get(answer["Location"]).content.decode()
    assert 'data-verdict="good"' in seen
    paper = PaperList.objects.get().public_id
    assert desk.post(at("paper_do", row.id, paper), {"act": "note", "good": "9"}).status_code == 409
    assert HandOver.objects.count() == 0
    assert desk.post(at("paper_do", row.id, paper), {"act": "note", "good": "1"}).status_code == 303
    assert HandOver.objects.count() == 1
    assert "签领单" in desk.get(at("handed")).content.decode()


def test_faults_go_back_as_excel_without_formulas():
    row = made.opened(kits=1, way="joining")
    paper = brought(row, "handed", took(row, place="-2+3|cmd", number="'=1+1"))
    answer = desk_of(row).get(at("paper_faults", row.id, paper))
    cells = [cell for line in load_workbook(BytesIO(answer.content)).worksheets[0].iter_rows() for cell in line]
    assert "'-2+3|cmd" in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}


def test_templates_hold_no_formula_either():
    row = made.opened(kits=1, way="joining")
    row.donation.what = "=1+1"
    row.donation.save()
    answer = desk_of(row).get(at("paper_template", row.id, "received"))
    book = load_workbook(BytesIO(answer.content))
    assert {cell.data_type for page in book for line in page.iter_rows() for cell in line} <= {"s", "n"}


def test_a_list_costs_the_same_however_long(django_assert_max_num_queries):
    row = made.opened(kits=9, way="joining")
    gifts = gifts_of(row, 9)
    paper = brought(row, "handed", *[took(row, gift, phone=phone_of(gift)) for gift in gifts])
    with django_assert_max_num_queries(7):
        _campaign, view = queries.paper_of(row.clerk, row.id, paper)
    assert view.tally == {"good": 9, "known": 0, "wrong": 0}
    with django_assert_max_num_queries(45):
        note(row, paper, 9)


def test_a_long_list_by_pages(monkeypatch):
    monkeypatch.setattr("qixia.gifts.queries.papers.PAGE", 2)
    row = made.opened(kits=9, way="joining")
    paper = brought(row, "received", *[came(row, 1, f"S{n}") for n in range(5)])
    seen, after = [], ""
    while after is not None:
        _campaign, view = queries.paper_of(row.clerk, row.id, paper, "", after)
        seen += [one.line for one in view.rows.items]
        after = view.rows.after
    assert seen == [2, 3, 4, 5, 6]
