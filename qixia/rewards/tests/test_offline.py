"""What phones took without network: who comes first has the voucher, whoever bears a loss, and whatever a phone claims."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.apps import apps
from django.db import IntegrityError, transaction

from qixia.kernel import clock, tokens
from qixia.kernel.errors import Invalid
from qixia.notices.queries import inbox
from qixia.people import services as people
from qixia.policy.services import publish
from qixia.rewards import offline, queries, rules, services
from qixia.rewards.errors import NoSuchPhone, NotAMerchant, PhoneRevoked, TooManyPhones
from qixia.rewards.models import Account, Entry, Item, OfflineScan, Posting, TillDevice, Use
from qixia.rewards.services.redemption import offline as booking
from qixia.rewards.tests.builders import give, item, organisation, person, rider_with
from qixia.rewards.tests.phones import Phone, code_of, enrolled, public_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]
ACCEPTED, LOST, REFUSED = offline.ACCEPTED, offline.LOST, offline.REFUSED


def terms(**changes):
    data = offline.OfflinePolicy().model_dump() | changes
    publish("rewards.offline", data, note="测试", actor_ref="system:test")


def bearing(who):
    terms(bears=dict.fromkeys(("used", "returned", "expired"), who))


def money(cap=100_000):
    today = clock.city_date(clock.now())
    services.open_budget(actor=person("admin"), owner_ref="city", unit="fen", starts_on=today, ends_on=today, cap=cap)


@pytest.fixture
def shop():
    return organisation()


@pytest.fixture
def phone(shop):
    return enrolled(person("merchant", shop))


@pytest.fixture
def rider():
    return rider_with(100)


def voucher_of(rider, shop, key="client-key-1", **fields):
    return services.reserve(actor=rider, item=item(shop, **fields).public_id, client_key=key)


def in_settlement(shop, unit=rules.POINTS):
    accounts = Account.objects.filter(owner_ref=f"organisation:{shop.public_id}", kind=rules.SETTLEMENT, unit=unit)
    return sum(Entry.objects.filter(account__in=accounts).values_list("amount", flat=True))


def is_sound():
    return services.prove().sound


def scan():
    return OfflineScan.objects.get()


# ── the good case ─────────────────────────────────────────────────────────────
def test_what_a_phone_took_is_booked_when_it_arrives(shop, phone, rider):
    voucher = voucher_of(rider, shop)
    taken_at = clock.now()
    phone.take(voucher)
    with clock.at(taken_at + timedelta(hours=5)):
        assert phone.told() == [(ACCEPTED, "")]
        assert is_sound()
    use = Use.objects.get()
    assert (use.voucher, use.offline, use.device, use.fen, use.points) == (voucher, True, phone.row, 1500, 10)
    assert abs(use.taken_at - taken_at) < timedelta(seconds=1)
    assert use.at - use.taken_at > timedelta(hours=4)
    row = scan()
    assert (row.state, row.fen, row.booked_fen, row.borne_by, row.tail) == (
        ACCEPTED,
        1500,
        1500,
        "",
        voucher.number[-4:],
    )
    assert in_settlement(shop) == 10
    assert TillDevice.objects.get().last_seq == 1


def test_the_same_batch_again_changes_nothing_and_gets_the_same_answer(shop, phone, rider):
    signed = phone.take(voucher_of(rider, shop))
    first = phone.told([signed])
    before = (Use.objects.count(), Posting.objects.count(), OfflineScan.objects.count())
    assert phone.told([signed, signed]) == first * 2
    assert (Use.objects.count(), Posting.objects.count(), OfflineScan.objects.count()) == before


def test_parts_of_one_voucher_are_booked_one_by_one(shop, phone, rider):
    voucher = voucher_of(rider, shop, parts=3, price=10, face_value_fen=1000)
    for _ in range(3):
        phone.take(voucher)
    assert phone.told() == [(ACCEPTED, "")] * 3
    assert sorted(Use.objects.values_list("fen", flat=True)) == [333, 333, 334]
    assert in_settlement(shop) == 10
    assert is_sound()


def test_a_confirmation_that_did_arrive_is_not_taken_twice(shop, phone, rider):
    """The network broke before the answer: the phone takes it offline, under the key of the confirmation."""
    voucher = voucher_of(rider, shop)
    services.redeem(actor=phone.staff, text=voucher.number, redeem_key="till-key-1")
    phone.take(voucher, key="till-key-1")
    assert phone.told() == [(ACCEPTED, "")]
    assert Use.objects.count() == 1
    assert scan().booked_fen == 1500


def test_a_key_of_another_voucher_is_refused(shop, phone, rider):
    first, second = voucher_of(rider, shop), voucher_of(rider, shop, key="client-key-2")
    services.redeem(actor=phone.staff, text=first.number, redeem_key="till-key-1")
    phone.take(second, key="till-key-1")
    assert phone.told() == [(REFUSED, "reused")]
    assert Use.objects.count() == 1


def test_a_voucher_that_ended_on_the_way_still_counts(shop, phone, rider):
    """Taken before its end, sent after it: the job that lets it expire has not come by."""
    voucher = voucher_of(rider, shop)
    last = voucher.expires_at - timedelta(minutes=30)
    with clock.at(last):
        services.renew_device(actor=phone.staff, device=phone.row.public_id)
        phone.row.refresh_from_db()
        phone.take(voucher)
    with clock.at(last + timedelta(hours=2)):
        assert phone.told() == [(ACCEPTED, "")]


# ── two phones ────────────────────────────────────────────────────────────────
def both_take(shop, rider, units=(1, 1), **fields):
    first, second = enrolled(person("merchant", shop), "一号"), enrolled(person("merchant", shop), "二号")
    voucher = voucher_of(rider, shop, **fields)
    first.take(voucher, units[0])
    second.take(voucher, units[1])
    return first, second, voucher


def test_who_arrives_first_has_it_and_the_city_bears_the_other(shop, rider):
    bearing("city")
    money()
    first, second, _voucher = both_take(shop, rider)
    assert second.told() == [(ACCEPTED, "")]
    assert first.told() == [(LOST, "used")]
    row = OfflineScan.objects.get(device=first.row)
    assert (row.borne_by, row.borne_fen, row.booked_fen, row.fen) == ("city", 1500, 0, 1500)
    assert in_settlement(shop) == 10
    assert in_settlement(shop, rules.FEN) == 1500
    assert queries.balance(rider.ref) == 90
    assert is_sound()


def test_without_a_budget_the_citys_part_waits_and_comes_later(shop, rider):
    bearing("city")
    first, second, _voucher = both_take(shop, rider)
    second.send()
    assert first.told() == [(LOST, "used")]
    row = OfflineScan.objects.get(device=first.row)
    assert (row.borne_by, row.borne_fen, row.settled_at) == ("city", 0, None)
    assert services.settle_losses() == 0
    money()
    assert services.settle_losses() == 1
    assert services.settle_losses() == 0
    row.refresh_from_db()
    assert row.borne_fen == 1500
    assert in_settlement(shop, rules.FEN) == 1500
    assert is_sound()


def test_the_shop_bears_it_where_the_policy_says_so(shop, rider):
    first, second, _voucher = both_take(shop, rider)
    second.send()
    before = Posting.objects.count()
    assert first.told() == [(LOST, "used")]
    assert Posting.objects.count() == before
    row = OfflineScan.objects.get(device=first.row)
    assert (row.borne_by, row.borne_fen, row.borne_points) == ("merchant", 0, 0)
    assert is_sound()


@pytest.mark.parametrize(("points", "debt"), [(100, 0), (14, 6)])
def test_the_rider_bears_it_in_points_and_may_appeal(shop, points, debt):
    bearing("rider")
    rider = rider_with(points)
    first, second, voucher = both_take(shop, rider)
    second.send()
    first.send()
    row = OfflineScan.objects.get(device=first.row)
    assert (row.borne_by, row.borne_fen, row.borne_points) == ("rider", 1500, 10)
    summary = queries.summary_for(rider.ref)
    assert (summary.balance, summary.owed) == (max(points - 20, 0), debt)
    assert in_settlement(shop) == 20
    assert is_sound()
    posting = Posting.objects.get(rule=offline.RULE)
    seen = queries.entry(rider, posting.pk)
    assert seen.may_appeal
    assert (seen.row.points, seen.row.owed, seen.row.title) == (-10, debt, voucher.name)
    assert "离线" in seen.row.reason
    appeal = services.appeal_points(actor=rider, entry=posting.pk, text="我只在一家店用过这张券")
    services.answer_appeal(actor=person("admin"), public_id=appeal.public_id, points=10, answer="查过了，补给你")
    assert queries.summary_for(rider.ref).balance == max(points - 20, 0) + 10 - debt
    assert is_sound()


def test_of_parts_what_is_left_is_booked_and_the_rest_is_lost(shop, rider):
    bearing("city")
    money()
    first, second, voucher = both_take(shop, rider, units=(2, 2), parts=3, price=9, face_value_fen=900)
    assert first.told() == [(ACCEPTED, "")]
    assert second.told() == [(LOST, "used")]
    row = OfflineScan.objects.get(device=second.row)
    assert (row.units, row.booked_units, row.fen, row.booked_fen, row.borne_fen) == (2, 1, 600, 300, 300)
    voucher.refresh_from_db()
    assert voucher.state == "redeemed"
    assert in_settlement(shop) == 9
    assert is_sound()


def test_a_voucher_that_was_given_back_meanwhile_costs_the_rider_its_points(shop, phone, rider):
    voucher = voucher_of(rider, shop)
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    assert queries.balance(rider.ref) == 100
    assert phone.told() == [(LOST, "returned")]
    assert queries.balance(rider.ref) == 90
    assert scan().borne_by == "rider"
    assert is_sound()


def test_an_expired_voucher_that_was_taken_before_costs_the_rider_what_came_back(shop, phone, rider):
    voucher = voucher_of(rider, shop)
    with clock.at(voucher.expires_at - timedelta(minutes=30)):
        services.renew_device(actor=phone.staff, device=phone.row.public_id)
        phone.row.refresh_from_db()
        phone.take(voucher)
    with clock.at(voucher.expires_at + timedelta(hours=1)):
        assert services.expire_due() == 1
        assert phone.told() == [(LOST, "expired")]
        assert queries.balance(rider.ref) == 90
        assert is_sound()


def test_both_sides_are_told_and_the_shop_learns_nothing_about_the_rider(shop, phone, rider):
    voucher = voucher_of(rider, shop)
    phone.take(voucher)
    services.cancel(actor=rider, voucher=voucher.public_id)
    answer = queries.answers([(one.seq, one.state, one.reason, one.scan) for one in phone.send()])
    kept, debit = (inbox(one.person_id, language="zh-hans").days for one in (phone.staff, rider))
    assert "没入账" in str(kept)
    assert "收回 10 分" in str(debit)
    seen = " ".join(map(str, [kept, answer, queries.till(phone.staff), queries.shop_phones(phone.staff)]))
    for secret in (rider.public_id, rider.display_name, voucher.public_id, voucher.number):
        assert secret not in seen
    assert "退了" in answer.answers[0].words


def test_many_losses_of_a_batch_tell_the_shop_once(shop, phone, rider):
    vouchers = [voucher_of(rider, shop, key=f"client-key-{n}") for n in range(3)]
    for voucher in vouchers:
        phone.take(voucher)
        services.redeem(actor=phone.staff, text=voucher.number, redeem_key=f"till-{voucher.number}")
    bearing("merchant")
    assert phone.told() == [(LOST, "used")] * 3
    assert apps.get_model("notices", "Notice").objects.filter(template="shop.not_booked").count() == 1


# ── hostile phones ────────────────────────────────────────────────────────────
def hostile(shop, phone, rider):
    """What a phone, a rider or both might try: name → how, and the answer."""
    now = clock.now()
    voucher = voucher_of(rider, shop)
    other = voucher_of(rider, organisation(), key="client-key-2")
    far = now + timedelta(days=8)
    keeper = rider_with(100)
    own = voucher_of(keeper, shop, key="client-key-3")
    people.grant_role(person_id=keeper.person_id, role="merchant", organisation_id=shop.pk, actor="system:test")
    return {
        "clock ahead": ({"at": now + timedelta(minutes=30)}, voucher, "clock"),
        "older than the policy": ({"at": now - timedelta(hours=49)}, voucher, "certificate"),
        "taken after the certificate": ({"at": far}, voucher, "certificate"),
        "a picture of an hour ago": ({"code": code_of(voucher, now - timedelta(hours=1))}, voucher, "stale"),
        "a typed number": ({"code": voucher.number}, voucher, "bad_code"),
        "no code at all": ({"code": "QX2.abc"}, voucher, "bad_code"),
        "a code of another make": ({"code": code_of(voucher)[:-4] + "AAAA"}, voucher, "bad_code"),
        "another shop's voucher": ({}, other, "elsewhere"),
        "a keeper's own voucher": ({}, own, "own"),
        "more than there is": ({"units": 2}, voucher, "units"),
        "an expired one": ({"code": code_of(voucher, expires_at=int(now.timestamp()) - 5)}, voucher, "over"),
        "one that does not exist": ({"code": code_of(voucher, number="123456789")}, voucher, "unknown"),
    }


CASES = (
    "clock ahead",
    "older than the policy",
    "taken after the certificate",
    "a picture of an hour ago",
    "a typed number",
    "no code at all",
    "a code of another make",
    "another shop's voucher",
    "a keeper's own voucher",
    "more than there is",
    "an expired one",
    "one that does not exist",
)


def test_all_hostile_cases_are_walked(shop, phone, rider):
    assert set(hostile(shop, phone, rider)) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_what_a_hostile_phone_claims_is_refused_and_nothing_moves(shop, phone, rider, case):
    changes, voucher, reason = hostile(shop, phone, rider)[case]
    before = (Use.objects.count(), Posting.objects.count(), queries.balance(rider.ref))
    phone.take(voucher, **changes)
    assert phone.told() == [(REFUSED, reason)]
    assert (Use.objects.count(), Posting.objects.count(), queries.balance(rider.ref)) == before
    row = scan()
    assert (row.state, row.borne_by, row.booked_units) == (REFUSED, "", 0)
    voucher.refresh_from_db()
    assert voucher.state == "reserved"


def test_older_than_the_policy_within_the_certificate(shop, phone, rider):
    voucher = voucher_of(rider, shop)
    phone.take(voucher)
    with clock.at(clock.now() + timedelta(hours=49)):
        assert phone.told() == [(REFUSED, "late")]
    assert not Use.objects.exists()


@pytest.mark.parametrize("case", ["other key", "other text", "other device", "no signature", "no json", "extra words"])
def test_what_the_phone_did_not_sign_leaves_no_row(shop, phone, rider, case):
    signed = phone.take(voucher_of(rider, shop))
    twin = enrolled(phone.staff, "二号")
    broken = {
        "other key": phone.sign({"seq": 1}, key=generate_private_key(SECP256R1())),
        "other text": services.Signed(signed.body.replace('"units": 1', '"units": 2'), signed.signature),
        "other device": twin.take(voucher_of(rider, shop, key="client-key-2")),
        "no signature": services.Signed(signed.body, ""),
        "no json": services.Signed("{", signed.signature),
        "extra words": phone.sign({"hello": 1}),
    }[case]
    answers = phone.send([broken, signed])
    assert [(one.state, one.reason) for one in answers] == [(REFUSED, "forged"), (ACCEPTED, "")]
    assert OfflineScan.objects.count() == 1


def test_the_same_number_with_other_words_is_refused_and_the_first_stands(shop, phone, rider):
    first, second = voucher_of(rider, shop), voucher_of(rider, shop, key="client-key-2")
    phone.take(first)
    phone.send()
    phone.seq = 0
    phone.take(second)
    assert phone.told() == [(REFUSED, "reused")]
    assert (OfflineScan.objects.count(), Use.objects.get().voucher) == (1, first)


def test_a_certificate_of_another_phone_or_of_nobody_is_none(shop, phone, rider):
    twin = enrolled(phone.staff, "二号")
    for number, paper in enumerate((twin.row.certificate, "", "QX", tokens.b64(b"{}" * 40))):
        phone.take(voucher_of(rider, shop, key=f"client-key-{number}"))
        assert phone.told(certificate=paper) == [(REFUSED, "certificate")]
    assert not Use.objects.exists()


def test_one_scan_beyond_the_cap(shop, phone, rider):
    phone.take(voucher_of(rider, shop, face_value_fen=5001))
    assert phone.told() == [(REFUSED, "scan_cap")]


@pytest.mark.parametrize("way", ["in order", "backwards", "one by one"])
def test_more_unsent_than_the_cap_in_whatever_order_it_comes(shop, rider, way):
    terms(unsent_fen=3000)
    phone = enrolled(person("merchant", shop))
    scans = [phone.take(voucher_of(rider, shop, key=f"client-key-{n}")) for n in range(3)]
    with clock.at(clock.now() + timedelta(minutes=1)):
        if way == "one by one":
            told = [phone.told([one])[0] for one in scans]
        else:
            told = phone.told(scans if way == "in order" else scans[::-1])
    assert told == [(ACCEPTED, ""), (ACCEPTED, ""), (REFUSED, "unsent_cap")]


def test_what_was_sent_in_between_makes_room(shop, rider):
    terms(unsent_fen=3000)
    phone = enrolled(person("merchant", shop))
    start = clock.now()
    for minute in (0, 10, 20):
        with clock.at(start + timedelta(minutes=minute)):
            for n in range(2):
                phone.take(voucher_of(rider, shop, key=f"client-key-{minute}-{n}"))
        with clock.at(start + timedelta(minutes=minute + 5)):
            assert phone.told() == [(ACCEPTED, "")] * 2


def test_as_many_unsent_as_the_cap_even_of_little_value(shop, rider):
    terms(unsent_count=2)
    phone = enrolled(person("merchant", shop))
    for n in range(3):
        phone.take(voucher_of(rider, shop, key=f"client-key-{n}", face_value_fen=1))
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert phone.told()[2] == (REFUSED, "unsent_cap")


def test_a_stopped_phone_books_nothing_and_may_not_go_on(shop, phone, rider):
    phone.take(voucher_of(rider, shop))
    services.revoke_device(actor=phone.staff, device=phone.row.public_id)
    assert phone.told() == [(REFUSED, "revoked")]
    assert not Use.objects.exists()
    with pytest.raises(PhoneRevoked):
        services.renew_device(actor=phone.staff, device=phone.row.public_id)
    with pytest.raises(PhoneRevoked):
        services.enrol_device(actor=phone.staff, merchant=shop.pk, public_key=phone.row.public_key, label="前台")


def test_an_old_certificate_carries_what_was_taken_after_a_renewal_that_did_not_arrive(shop, phone, rider):
    old = phone.row.certificate
    with clock.at(clock.now() + timedelta(hours=1)):
        services.renew_device(actor=phone.staff, device=phone.row.public_id)
        phone.take(voucher_of(rider, shop))
        assert phone.told(certificate=old) == [(ACCEPTED, "")]


def test_what_was_taken_before_the_phone_was_last_online_was_sent_then(shop, phone, rider):
    """A code that was seen at 12 leads to that of 10: no window of 10 is open to a phone that was online at 11."""
    start, old = clock.now(), phone.row.certificate
    early, late = (voucher_of(rider, shop, key=f"client-key-{n}") for n in range(2))
    with clock.at(start + timedelta(hours=1)):
        services.renew_device(actor=phone.staff, device=phone.row.public_id)
    with clock.at(start + timedelta(hours=2)):
        phone.take(early, at=start + timedelta(minutes=49))
        phone.take(late, at=start + timedelta(minutes=51))  # a clock may be ten minutes off
        assert phone.told(certificate=old) == [(REFUSED, "order"), (ACCEPTED, "")]
    early.refresh_from_db()
    assert early.state == "reserved"


def test_windows_and_opening_hold_at_the_moment_of_taking(shop, phone, rider):
    from_tomorrow = voucher_of(rider, shop)
    from_tomorrow.opens_at = clock.now() + timedelta(days=1)
    from_tomorrow.save(update_fields=["opens_at"])
    phone.take(from_tomorrow)
    by_night = voucher_of(rider, shop, key="client-key-2", windows="Mo-Su 02:00-02:01")
    Item.objects.update(windows="")  # what is sold later is another matter
    phone.take(by_night)
    assert phone.told() == [(REFUSED, "early"), (REFUSED, "hours")]


# ── who may ───────────────────────────────────────────────────────────────────
def test_strangers_find_no_phone(shop, phone, rider):
    signed = phone.take(voucher_of(rider, shop))
    for stranger in (person("merchant", organisation()), person("admin"), rider):
        with pytest.raises(NoSuchPhone):
            Phone(stranger, phone.row, phone.key).send([signed])
    assert not OfflineScan.objects.exists()


def test_a_batch_has_its_size(shop, phone, rider):
    signed = phone.take(voucher_of(rider, shop))
    for scans in ([], [signed] * 51):
        with pytest.raises(Invalid):
            phone.send(scans)
    assert not OfflineScan.objects.exists()


def test_enrolling(shop):
    staff, key = person("merchant", shop), generate_private_key(SECP256R1())
    made = services.enrol_device(actor=staff, merchant=shop.pk, public_key=public_of(key), label=" 前台  手机 ")
    again = services.enrol_device(actor=staff, merchant=shop.pk, public_key=public_of(key), label="前台手机")
    assert (made.pk, made.label) == (again.pk, "前台 手机")
    assert made.valid_until - clock.now() > timedelta(days=6)
    paper = queries.phone(made)
    assert (paper.limits.device, paper.merchant) == (made.public_id, shop.code)


@pytest.mark.parametrize("key", ["", "AAAA", "B" * 87, "BA" * 44, "é"])
def test_only_a_point_of_the_curve_is_a_key(shop, key):
    with pytest.raises(Invalid):
        services.enrol_device(actor=person("merchant", shop), merchant=shop.pk, public_key=key, label="前台")
    assert not TillDevice.objects.exists()


def test_not_for_another_shop_and_not_too_many(shop):
    terms(phones=1)
    staff = person("merchant", shop)
    with pytest.raises(NotAMerchant):
        enrolled_at(staff, organisation())
    enrolled(staff)
    with pytest.raises(TooManyPhones):
        enrolled(staff)
    assert TillDevice.objects.count() == 1


def enrolled_at(staff, shop):
    key = public_of(generate_private_key(SECP256R1()))
    return services.enrol_device(actor=staff, merchant=shop.pk, public_key=key, label="前台")


def test_who_may_stop_a_phone(shop, phone):
    for stranger in (person("merchant", organisation()), person("rider")):
        with pytest.raises(NoSuchPhone):
            services.revoke_device(actor=stranger, device=phone.row.public_id)
    assert TillDevice.objects.get().revoked_at is None
    first = services.revoke_device(actor=person("admin"), device=phone.row.public_id).revoked_at
    assert services.revoke_device(actor=phone.staff, device=phone.row.public_id).revoked_at == first


# ── lists ─────────────────────────────────────────────────────────────────────
def test_numbers_that_never_came_are_shown(shop, phone, rider, django_assert_num_queries):
    phone.seq = 3
    phone.take(voucher_of(rider, shop))
    phone.send()
    enrolled(phone.staff, "二号")
    admin = person("admin")
    with django_assert_num_queries(1):
        lines, following = queries.all_phones(admin)
    assert ([line.missing for line in lines], following) == ([0, 3], None)
    assert [line.label for line in queries.all_phones(admin, only="hiding")[0]] == ["前台"]
    with django_assert_num_queries(1):
        assert len(queries.shop_phones(phone.staff)) == 2
    assert queries.shop_phones(person("merchant", organisation())) == []


# ── a kill between two steps ──────────────────────────────────────────────────
def test_a_kill_in_mid_batch_loses_nothing_and_books_nothing_twice(shop, phone, rider, monkeypatch):
    for n in range(3):
        phone.take(voucher_of(rider, shop, key=f"client-key-{n}"))
    scans, real, calls = phone.taken, booking._keep, []

    def killed(*args):
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit  # the use is written, the row of the scan is not
        real(*args)

    monkeypatch.setattr(booking, "_keep", killed)
    with pytest.raises(SystemExit):
        phone.send(scans)
    assert (Use.objects.count(), OfflineScan.objects.count()) == (1, 1)
    monkeypatch.setattr(booking, "_keep", real)
    assert phone.told(scans) == [(ACCEPTED, "")] * 3
    assert (Use.objects.count(), OfflineScan.objects.count()) == (3, 3)
    assert is_sound()


def test_the_database_refuses_a_second_row_of_a_number(shop, phone, rider):
    phone.take(voucher_of(rider, shop))
    phone.send()
    row = scan()
    row.pk, row.public_id = None, "x" * 26
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_riders_who_bear_a_loss_pay_once(shop, rider):
    """Debt of one, income of later: the books keep both apart."""
    bearing("rider")
    poor = rider_with(10)
    first, second, _voucher = both_take(shop, poor)
    second.send()
    scans = first.taken
    first.send()
    first.told(scans)
    assert queries.summary_for(poor.ref).owed == 10
    give(poor, 15)
    assert (queries.summary_for(poor.ref).balance, queries.summary_for(poor.ref).owed) == (5, 0)
    assert is_sound()
