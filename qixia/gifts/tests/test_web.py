"""The pages: a campaign from the draft to the kit in the hand by forms alone, what the public sees, and what others must not."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from qixia.gifts import queries, services
from qixia.gifts.models import Allotment, Campaign, Donation, Entry, HandOver, Move, Place, Stock
from qixia.gifts.tests import builders as made
from qixia.kernel import clock
from qixia.people.access import Actor
from qixia.people.models import Person
from qixia.people.sessions import BACKEND

pytestmark = pytest.mark.usefixtures("ground")


def at(name: str, *args: str) -> str:
    return reverse(f"gifts:{name}", args=args)


def phone(who: Actor) -> Client:
    page = Client()
    page.force_login(Person.objects.get(pk=who.person_id), backend=BACKEND)
    return page


def text(page: Client, name: str, *args: str, status: int = 200, query: str = "") -> str:
    answer = page.get(at(name, *args) + query)
    assert answer.status_code == status
    return answer.content.decode()


def local(moment) -> str:
    return f"{clock.city_time(moment):%Y-%m-%dT%H:%M}"


def planned(desk: Client) -> Campaign:
    """A place, a campaign, a donation that has come, and the promise; each form refused once."""
    now = clock.now()
    spot = {
        "name": "东西路驿站",
        "kind": "station",
        "organisation": f"office-{made.COMMUNITY}",
        "address": "东西路 2 号",
    }
    spot |= {"opening": "每天 9:00-18:00", "lat": made.HERE[0], "lng": made.HERE[1]}
    assert desk.post(at("places"), spot | {"opening": "看心情"}).status_code == 422
    assert desk.post(at("places"), spot).status_code == 303
    said = {
        "title": "冬季暖心包",
        "kind": "winter",
        "way": "draw",
        "what": "护膝、围巾",
        "division": made.COMMUNITY,
        "starts_at": local(now - timedelta(hours=1)),
        "ends_at": local(now + timedelta(days=1)),
        "collect_until": local(now + timedelta(days=9)),
    }
    assert desk.post(at("new"), said | {"ends_at": local(now - timedelta(days=1))}).status_code == 422
    assert Campaign.objects.count() == 0
    assert desk.post(at("new"), said).status_code == 303
    row = Campaign.objects.get()
    gift = {"donor": "暖阳公司", "what": "暖心包", "count": 2, "value": "76.00", "given_on": "2026-01-02"}
    assert desk.post(at("donation", row.public_id), gift | {"count": 0}).status_code == 422
    assert desk.post(at("donation", row.public_id), gift).status_code == 303
    place, donation = Place.objects.get(), Donation.objects.get()
    come = {"act": "receive", "donation": donation.public_id, "place": place.public_id, "key": made.new_key()}
    assert desk.post(at("stock", row.public_id), come | {"count": "3"}).status_code == 409
    assert desk.post(at("stock", row.public_id), come | {"count": "2"}).status_code == 303
    promise = {"act": "open", "source": "双色球 2026135 期", "source_at": local(row.ends_at + timedelta(hours=3))}
    assert desk.post(at("do", row.public_id), promise | {"source_at": local(now)}).status_code == 422
    assert desk.post(at("do", row.public_id), promise).status_code == 303
    return row


def drawn(desk: Client, second: Client, row: Campaign) -> None:
    """Closed, frozen, the value entered by one and by another unseen."""
    assert desk.post(at("do", row.public_id), {"act": "close"}).status_code == 409
    with clock.at(row.ends_at + timedelta(minutes=1)):
        assert desk.post(at("do", row.public_id), {"act": "close"}).status_code == 303
        made.carried()
    draw = row.draws.get()
    with clock.at(draw.source_at + timedelta(minutes=5)):
        value = {"draw": draw.public_id, "value": made.VALUE}
        assert 'data-testid="value"' in text(desk, "case", row.public_id)
        assert desk.post(at("do", row.public_id), value | {"act": "value"}).status_code == 303
        seen = text(second, "case", row.public_id)
        assert 'data-testid="confirm"' in seen
        assert made.VALUE not in seen  # the second one types it unseen
        assert desk.post(at("do", row.public_id), value | {"act": "confirm"}).status_code == 409
        assert second.post(at("do", row.public_id), value | {"act": "confirm"}).status_code == 303
        made.carried()


def test_from_the_draft_to_the_hand_by_forms_alone():
    clerk, other, who = made.staff(), made.staff("supervisor"), made.rider()
    desk, second, rider = phone(clerk), phone(other), phone(who)
    row = planned(desk)
    place = Place.objects.get()
    assert "报名中" in text(rider, "home")
    assert rider.post(at("enter", row.public_id), {"place": "nowhere"}).status_code == 422
    assert rider.post(at("enter", row.public_id), {"place": place.public_id, "need": "family"}).status_code == 303
    code = Entry.objects.get().code
    assert code in text(rider, "campaign", row.public_id)
    entrants = text(desk, "entrants", row.public_id, query="?only=said")
    assert code in entrants
    assert who.display_name not in entrants
    desk.post(at("entrants", row.public_id), {"code": code, "yes": "1"})
    assert Entry.objects.get().need_state == "sure"
    drawn(desk, second, row)
    kit = Allotment.objects.get()
    page = text(rider, "gift", kit.public_id)
    assert "按名额摇号" in page  # a tenth of two kits is none: the quota of the community had one
    assert rider.get(at("code", kit.public_id)).headers["Content-Type"] == "image/svg+xml"
    assert rider.post(at("deputy", kit.public_id), {"on": "1"}).status_code == 303
    assert 'data-testid="deputy"' in text(rider, "gift", kit.public_id)
    spots = {"code": kit.number}
    assert "可以发" in desk.post(at("hand_check", place.public_id), spots).content.decode()
    assert "发好了" in desk.post(at("hand_give", place.public_id), spots).content.decode()
    late = desk.post(at("hand_check", place.public_id), spots)
    assert (late.status_code, "已经领过" in late.content.decode()) == (409, True)
    assert (Stock.objects.get().count, HandOver.objects.count()) == (1, 1)
    assert "已领" in text(rider, "gift", kit.public_id)
    done = HandOver.objects.get().public_id
    assert desk.post(at("undo", done), {"reason": "扫错了"}).status_code == 403
    assert second.post(at("undo", done), {"reason": ""}).status_code == 422
    assert second.post(at("undo", done), {"reason": "扫错了"}).status_code == 303
    assert Stock.objects.get().count == 2
    assert "扫错了" in text(second, "handed")


def test_anybody_can_check_a_draw_and_the_command_agrees(tmp_path):
    row = made.drawn(kits=6, riders=9)
    stranger, draw = Client(), row.draw()
    page = text(stranger, "draw", draw.public_id)
    assert draw.seed in page
    assert draw.commitment in page
    answer = stranger.get(at("draw_file", draw.public_id))
    content = b"".join(answer.streaming_content)
    file = tmp_path / "draw.txt"
    file.write_bytes(content)
    said = StringIO()
    call_command("gifts", "verify", str(file), stdout=said)
    assert '"fits": true' in said.getvalue()
    for who in row.riders:
        assert who.display_name.encode() not in content
        assert who.public_id.encode() not in content
    file.write_bytes(content.replace(b"\tnone", b"\trest", 1))
    with pytest.raises(SystemExit):
        call_command("gifts", "verify", str(file), stdout=StringIO())


def test_more_promised_than_there_is_is_said():
    row = made.drawn(kits=6, riders=9)
    desk = phone(row.clerk)
    assert 'data-testid="lacking"' not in text(desk, "case", row.id)
    services.write_off(
        actor=row.clerk,
        donation=row.donation.public_id,
        place=row.place.public_id,
        count=2,
        kind="broken",
        key=made.new_key(),
        note="压坏了",
    )
    assert "答应给的比有的多 2 份" in text(desk, "case", row.id)


def test_no_file_before_the_result():
    row = made.frozen(made.opened(riders=2))
    stranger = Client()
    assert row.draw().list_hash in text(stranger, "draw", row.draw().public_id)
    assert stranger.get(at("draw_file", row.draw().public_id)).status_code == 404
    assert stranger.get(at("draw", "0" * 26)).status_code == 404


def test_a_donors_sheet_from_moves_with_small_numbers_hidden():
    row = made.opened(kits=9, way="joining")
    other = made.point(row.clerk, "另一个点")
    about = {"actor": row.clerk, "donation": row.donation.public_id, "place": row.place.public_id}
    services.move(**about, to=other.public_id, count=3, key=made.new_key())
    services.write_off(**about, count=1, kind="broken", key=made.new_key(), note="压坏了")
    for number in range(6):
        (gift,) = services.allot_joining(person=made.rider().public_id)
        place = other if number == 0 else row.place
        services.hand_over(actor=row.clerk, text=gift.number, place=place.public_id)
    (given,) = queries.sheet_of(row.donation.donor.public_id).donations
    assert (given.handed, given.left, given.broken, given.waiting) == (6, 2, 1, 0)
    assert [line.count for line in given.by_place] == [None, None]  # 5 and 1: the 1 could be told from the sum
    assert [line.count for line in given.by_month] == [6]
    stranger = Client()
    assert "暖阳公司" in text(stranger, "donor", row.donation.donor.public_id)
    answer = stranger.get(at("donor_file", row.donation.donor.public_id))
    sheets = load_workbook(BytesIO(answer.content))
    assert [cell.value for cell in list(sheets.worksheets[0])[1]][5:] == [6, 2, 1, 0, 0, 0]
    assert Move.objects.filter(kind="given").count() == 6


def test_a_donor_whose_name_is_a_formula_stays_text():
    row = made.opened(kits=1, riders=0)
    Campaign.objects.update(title="=1+1")
    answer = Client().get(at("donor_file", row.donation.donor.public_id))
    page = load_workbook(BytesIO(answer.content)).worksheets[0]
    assert list(page)[1][0].value == "'=1+1"


def test_what_others_must_not_see():
    row, who, gift = made.joined()
    stranger = phone(made.rider())
    for name in ("gift", "code"):
        assert stranger.get(at(name, gift.public_id)).status_code == 404
    assert phone(who).get(at("campaigns")).status_code == 403
    hand = text(stranger, "hand")
    assert "你还不能发放" in hand
    assert stranger.post(at("hand_give", row.place.public_id), {"code": gift.number}).status_code == 404
    assert stranger.post(at("deputy", gift.public_id), {"on": "1"}).status_code == 404
    assert Allotment.objects.get().state == "open"


def test_lists_cost_the_same_however_long(django_assert_max_num_queries):
    row = made.opened(kits=3, riders=3)
    about = (row.clerk, row.id)
    made.donated(row.clerk, row.campaign, 5, "第二家")
    for _ in range(3):
        made.point(row.clerk)
    # One more each than the pages say: the policy may have to be read.
    with django_assert_max_num_queries(4):
        queries.campaigns(row.clerk)
    with django_assert_max_num_queries(8):
        queries.stock_of(*about)
    with django_assert_max_num_queries(4):
        queries.entrants(*about)
    with django_assert_max_num_queries(3):
        queries.handed(row.clerk)
    with django_assert_max_num_queries(4):
        queries.home(row.riders[0])
    with django_assert_max_num_queries(7):
        queries.sheet_of(row.donation.donor.public_id)
    with django_assert_max_num_queries(3):
        queries.place_rows(row.clerk)


def test_pages_by_key(monkeypatch):
    monkeypatch.setattr("qixia.gifts.queries.desk.PAGE", 2)
    row = made.opened(kits=1, riders=5)
    seen, after = [], ""
    while after is not None:
        _campaign, page = queries.entrants(row.clerk, row.id, after)
        seen += [line.code for line in page.items]
        after = page.after
    assert seen == list(Entry.objects.order_by("pk").values_list("code", flat=True))
