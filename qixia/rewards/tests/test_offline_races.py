"""Phones that come back at the same moment: the same batch twice, and two with the same voucher, on real connections.

What a lock keeps is tested by waiting for one another between the look and the write (`meeting`): with the lock the second
never comes, and the first goes on alone after a moment; without it both have looked, and the cap is broken for certain.
"""

import threading
from collections import Counter

import pytest

from qixia.rewards import services
from qixia.rewards.models import OfflineScan, TillDevice, Use
from qixia.rewards.services.redemption import devices
from qixia.rewards.services.redemption import offline as booking
from qixia.rewards.tests.builders import item, organisation, person, rider_with
from qixia.rewards.tests.phones import Phone, enrolled
from qixia.rewards.tests.test_offline import enrolled_at, terms
from qixia.rewards.tests.test_races import at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("table_live")]


def test_the_same_batch_from_two_windows_at_once():
    shop, rider = organisation(), rider_with(60)
    phone = enrolled(person("merchant", shop))
    goods = item(shop, stock=9)
    scans = []
    for number in range(5):
        voucher = services.reserve(actor=rider, item=goods.public_id, client_key=f"client-key-{number}")
        scans.append(phone.take(voucher))
    told = at_once([lambda: phone.told(scans)] * 4, threads=4)
    assert told == [[("accepted", "")] * 5] * 4
    assert (Use.objects.count(), OfflineScan.objects.count(), TillDevice.objects.get().last_seq) == (5, 5, 5)
    assert services.prove().sound


def test_one_voucher_from_many_phones_at_once_has_one_winner():
    shop, rider = organisation(), rider_with(30)
    voucher = services.reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1")
    phones: list[Phone] = [enrolled(person("merchant", shop), f"{number} 号") for number in range(6)]
    for phone in phones:
        phone.take(voucher)
    told = at_once([phone.told for phone in phones], threads=6)
    assert Counter(answer for answers in told for answer in answers) == {("accepted", ""): 1, ("lost", "used"): 5}
    assert Use.objects.count() == 1
    assert services.prove().sound


def meeting(monkeypatch, module, name, *, seconds=0.5):
    """Whoever comes to this function waits there for a second one, or for a moment."""
    gate, real = threading.Barrier(2), getattr(module, name)

    def slow(*args, **more):
        try:
            gate.wait(seconds)
        except threading.BrokenBarrierError:
            pass
        return real(*args, **more)

    monkeypatch.setattr(module, name, slow)


def test_two_phones_at_once_for_the_last_place_of_a_shop(monkeypatch):
    terms(phones=1)
    shop = organisation()
    staff = [person("merchant", shop) for _ in range(2)]
    meeting(monkeypatch, devices, "_certify")
    told = at_once([lambda who=who: enrolled_at(who, shop) for who in staff])
    assert kinds(told) == {"TillDevice": 1, "TooManyPhones": 1}
    assert TillDevice.objects.count() == 1


def test_losses_of_two_phones_at_once_stay_below_the_shops_cap_of_the_day(monkeypatch):
    terms(borne_fen=1500)
    shop = organisation()
    phones = [enrolled(person("merchant", shop), f"{number} 号") for number in range(2)]
    for number, phone in enumerate(phones):
        rider = rider_with(10)
        voucher = services.reserve(actor=rider, item=item(shop).public_id, client_key=f"client-key-{number}")
        phone.take(voucher)
        services.cancel(actor=rider, voucher=voucher.public_id)
    meeting(monkeypatch, booking, "_keep")
    assert at_once([phone.told for phone in phones]) == [[("lost", "returned")]] * 2
    assert sorted(OfflineScan.objects.values_list("borne_by", "borne_fen")) == [("merchant", 0), ("rider", 1500)]
    assert services.prove().sound


def test_two_windows_of_one_phone_share_the_cap_of_what_is_unsent(monkeypatch):
    terms(unsent_fen=1500)
    shop, rider = organisation(), rider_with(20)
    phone = enrolled(person("merchant", shop))
    for number in range(2):
        phone.take(services.reserve(actor=rider, item=item(shop).public_id, client_key=f"client-key-{number}"))
    meeting(monkeypatch, booking, "_keep")
    told = at_once([lambda one=one: phone.told([one]) for one in phone.taken])
    assert Counter(answer for (answer,) in told) == {("accepted", ""): 1, ("refused", "unsent_cap"): 1}
    assert Use.objects.count() == 1
