"""Phones that come back at the same moment: the same batch twice, and two with the same voucher, on real connections."""

from collections import Counter

import pytest

from qixia.rewards import services
from qixia.rewards.models import OfflineScan, TillDevice, Use
from qixia.rewards.tests.builders import item, organisation, person, rider_with
from qixia.rewards.tests.phones import Phone, enrolled
from qixia.rewards.tests.test_races import at_once

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
