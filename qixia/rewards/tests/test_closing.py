"""Shops that are suspended or leave: nothing new, vouchers that wait or come back whole, riders who are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import DomainError
from qixia.notices.models import Notice
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.services import publish, publish_seeds
from qixia.rewards import closing, queries, services
from qixia.rewards.errors import ItemGone, VoucherRefused
from qixia.rewards.models import Closure, Item, Voucher
from qixia.rewards.tests.builders import item, organisation, person, rider_with
from qixia.rewards.tests.conftest import publish_table

pytestmark = pytest.mark.django_db
BY = "system:test"


@pytest.fixture
def held() -> Any:
    """A shop with its seller, a rider with 100 points, and a voucher for 10 of them."""
    publish_seeds()
    publish_table()
    shop = organisation()
    seller, rider, good = person("merchant", shop), rider_with(100), item(shop, price=10)
    voucher = services.reserve(actor=rider, item=good.public_id, client_key="client-key-1")
    return shop, seller, rider, good, voucher


def told() -> list[str]:
    return sorted(Notice.objects.filter(template__startswith="voucher.").values_list("template", flat=True))


def close(shop: Any, **more: Any) -> None:
    services.close_merchant(merchant_id=shop.pk, actor=BY, **more)


class TestPause:
    def test_nothing_new_nothing_taken_and_all_of_it_later(self, held: Any) -> None:
        shop, seller, rider, good, voucher = held
        for _twice in range(2):
            close(shop)
        assert (Closure.objects.count(), told()) == (1, ["voucher.paused"])
        assert queries.goods(rider) == []
        with pytest.raises(ItemGone):
            services.reserve(actor=rider, item=good.public_id, client_key="client-key-2")
        with pytest.raises(VoucherRefused) as refused:
            services.redeem(actor=seller, text=voucher.number, redeem_key="till-key-1")
        assert refused.value.reason == "paused"
        assert Voucher.objects.get().state == "reserved"
        assert queries.ticket(rider, voucher.public_id).waits
        with clock.at(clock.now() + timedelta(days=3, hours=2)):
            for _twice in range(2):
                services.open_merchant(merchant_id=shop.pk, actor=BY)
            assert Voucher.objects.get().expires_at == voucher.expires_at + timedelta(days=4)
            assert told() == ["voucher.goes_on", "voucher.paused"]
            services.redeem(actor=seller, text=voucher.number, redeem_key="till-key-1")
        assert Voucher.objects.get().state == "redeemed"
        assert len(queries.goods(rider)) == 1

    def test_nothing_expires_meanwhile(self, held: Any) -> None:
        shop, _seller, rider, _good, voucher = held
        close(shop)
        with clock.at(voucher.expires_at + timedelta(days=1)):
            assert services.expire_due() == 0
            assert queries.ticket(rider, voucher.public_id).is_open
            services.open_merchant(merchant_id=shop.pk, actor=BY)
            assert services.expire_due() == 0
        assert Voucher.objects.get().state == "reserved"

    def test_its_page_shows_no_code_that_nobody_takes(self, held: Any, client: Any) -> None:
        """With a script that asks for codes, and is told that there are none, it would load itself without end."""
        shop, _seller, rider, _good, voucher = held
        client.force_login(Person.objects.get(pk=rider.person_id), backend=BACKEND)
        address = f"/vouchers/{voucher.public_id}"
        assert "rewards/voucher" in client.get(address).content.decode()
        close(shop)
        for moment in (clock.now(), voucher.expires_at + timedelta(days=1)):
            with clock.at(moment):
                page = client.get(address).content.decode()
                assert 'data-testid="waits"' in page
                for no_more in ('id="qr"', "voucher.js", "rewards/voucher.", 'http-equiv="refresh"', 'id="bright"'):
                    assert no_more not in page
                assert client.get(f"{address}/codes").status_code == 404

    def test_who_cannot_wait_gets_everything_back(self, held: Any) -> None:
        shop, _seller, rider, _good, voucher = held
        publish_table(cancel_returns=50)
        close(shop)
        with clock.at(voucher.expires_at + timedelta(days=1)):
            services.cancel(actor=rider, voucher=voucher.public_id)
        assert (Voucher.objects.get().returned, queries.balance(rider.ref)) == (10, 100)


class TestGone:
    def test_everything_comes_back_once_and_riders_are_told(self, held: Any) -> None:
        shop, _seller, rider, good, _voucher = held
        close(shop, final=True)
        assert (services.end_of_closed(), services.end_of_closed()) == (1, 0)
        row = Voucher.objects.get()
        assert (row.state, row.returned, queries.balance(rider.ref)) == ("cancelled", 10, 100)
        assert Item.objects.get().stock == good.stock
        assert told() == ["voucher.given_back"]
        assert services.compare().is_sound

    def test_gone_after_a_pause_is_gone(self, held: Any) -> None:
        shop, _seller, _rider, _good, _voucher = held
        close(shop)
        close(shop, final=True)
        rows = Closure.objects.order_by("pk")
        assert [(row.is_final, row.ended_at is None) for row in rows] == [(False, False), (True, True)]
        events = AuditEvent.objects.count()
        close(shop)
        assert AuditEvent.objects.count() == events, "what is gone does not pause"
        services.open_merchant(merchant_id=shop.pk, actor=BY)
        assert not Closure.objects.filter(ended_at=None).exists()

    def test_honoured_where_the_policy_says_so(self, held: Any) -> None:
        shop, seller, rider, _good, voucher = held
        publish("rewards.closing", {"paused": "extend", "gone": "honour"}, note="试", actor_ref=BY)
        close(shop, final=True)
        assert (services.end_of_closed(), queries.goods(rider)) == (0, [])
        services.redeem(actor=seller, text=voucher.number, redeem_key="till-key-1")
        assert Voucher.objects.get().state == "redeemed"


def test_another_shop_goes_on(held: Any) -> None:
    _shop, seller, rider, _good, voucher = held
    close(organisation())
    assert len(queries.goods(rider)) == 1
    services.redeem(actor=seller, text=voucher.number, redeem_key="till-key-1")
    assert services.end_of_closed() == 0


def test_a_pause_counts_in_whole_days() -> None:
    assert [closing.longer(timedelta(hours=hours)).days for hours in (-1, 0, 1, 24, 25)] == [0, 0, 1, 1, 2]
    assert closing.longer(timedelta(minutes=59)) == timedelta(), "or one click and back gave a day, again and again"


def test_a_policy_that_nobody_knows_is_refused(held: Any) -> None:
    with pytest.raises(DomainError):
        publish("rewards.closing", {"paused": "honour", "gone": "return"}, note="试", actor_ref=BY)
