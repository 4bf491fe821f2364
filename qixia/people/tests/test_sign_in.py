"""One-time codes, passwords, second factors and the limits on trying them."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from qixia.audit.models import AuditEvent
from qixia.jobs.models import Event, Job
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, NotFound
from qixia.people import queries, rules, services
from qixia.people.models import Device, Person, SignInCode, Throttle, TotpDevice
from qixia.people.services import retention, sign_in
from qixia.people.tests import build

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def at(seconds: float):
    return clock.at(NOON + timedelta(seconds=seconds))


@pytest.fixture
def noon(seeded):
    with clock.at(NOON):
        yield


# ── codes: every state × every step ─────────────────────────────────────────


def _live():
    return build.challenge()


def _expired():
    with clock.at(NOON - timedelta(seconds=300)):
        return build.challenge()


def _used():
    public_id, code = build.challenge()
    sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)
    return public_id, code


def _worn_out():
    public_id, code = build.challenge()
    for _ in range(5):
        with pytest.raises(DomainError):
            sign_in.verify_sign_in_code(challenge=public_id, code=build.other(code), address=build.ADDRESS)
    return public_id, code


def _unknown():
    return "nosuchchallenge", "123456"


@pytest.mark.parametrize(
    ("state", "right", "error"),
    [
        (_live, True, None),
        (_live, False, rules.WrongCode),
        (_expired, True, rules.CodeDead),
        (_expired, False, rules.CodeDead),
        (_used, True, rules.CodeDead),
        (_used, False, rules.CodeDead),
        (_worn_out, True, rules.CodeDead),
        (_worn_out, False, rules.CodeDead),
        (_unknown, True, rules.CodeDead),
        (_unknown, False, rules.CodeDead),
    ],
)
def test_every_state_of_a_code(noon, state, right, error):
    public_id, code = state()
    typed = code if right else build.other(code)
    before = list(SignInCode.objects.values_list("used_at", "person_id"))
    if error is None:
        found = sign_in.verify_sign_in_code(challenge=public_id, code=typed, address=build.ADDRESS)
        assert found == sign_in.Verified(public_id, None)
        return
    with pytest.raises(error) as caught:
        sign_in.verify_sign_in_code(challenge=public_id, code=typed, address=build.ADDRESS)
    assert caught.value.field == "code"
    assert list(SignInCode.objects.values_list("used_at", "person_id")) == before


def test_the_last_second_counts_and_the_next_does_not(noon):
    public_id, code = build.challenge()
    with at(300), pytest.raises(rules.CodeDead):
        sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)
    with at(299.9):
        assert sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)


def test_a_code_of_another_phone_does_not_open(noon):
    mine, my_code = build.challenge("13800000001")
    _other, other_code = build.challenge("13800000002")
    if my_code == other_code:  # one in a million
        _other, other_code = build.challenge("13800000003")
    with pytest.raises(rules.WrongCode):
        sign_in.verify_sign_in_code(challenge=mine, code=other_code, address=build.ADDRESS)


def test_wrong_tries_count_down_in_words(noon):
    public_id, code = build.challenge()
    said = []
    for _ in range(5):
        with pytest.raises(DomainError) as caught:
            sign_in.verify_sign_in_code(challenge=public_id, code=build.other(code), address=build.ADDRESS)
        said.append(str(caught.value))
    assert [f"还可以再试 {left} 次" in text for left, text in zip((4, 3, 2, 1), said, strict=False)] == [True] * 4
    assert "重新获取" in said[4]


def test_a_known_rider_is_recognised_and_a_code_says_nothing_before(noon):
    person = build.rider()
    public_id, code = build.challenge()
    assert queries.code_message(public_id) == (build.PHONE, code)
    found = sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)
    assert found.person_id == person.pk
    row = SignInCode.objects.get()
    assert (row.sealed_code, row.sealed_phone) == (None, None)


def test_staff_and_closed_accounts_do_not_come_in_by_phone(noon):
    person = build.rider()
    unit = build.organisation("unit-a", "unit")
    grant = services.grant_role(person_id=person.pk, role="clerk", organisation_id=unit.pk, actor=build.ACTOR)
    public_id, code = build.challenge()
    with pytest.raises(rules.NotByPhone):
        sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)
    services.revoke_role(grant=grant.public_id, actor=build.ACTOR)
    services.close_account(person_id=person.pk, actor=build.ACTOR)
    with at(61):
        public_id, code = build.challenge()
        with pytest.raises(rules.AccountClosed):
            sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)


@pytest.mark.django_db(transaction=True)
def test_two_hundred_simultaneous_guesses_are_five(seeded_for_threads):
    public_id, code = build.challenge()
    wrong = build.other(code)

    def guess(number):
        return sign_in.verify_sign_in_code(challenge=public_id, code=wrong, address=f"192.0.2.{number}")

    results = [r for _ in range(10) for r in build.in_threads(20, guess)]
    assert len(results) == 200
    assert sum(isinstance(r, rules.WrongCode) for r in results) == 4
    assert sum(isinstance(r, rules.CodeDead) for r in results) == 196
    assert SignInCode.objects.get().attempts == 5
    with pytest.raises(rules.CodeDead):
        sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_right_codes_one_gets_in(seeded_for_threads):
    public_id, code = build.challenge()
    results = build.in_threads(
        5, lambda n: sign_in.verify_sign_in_code(challenge=public_id, code=code, address=f"192.0.2.{n}")
    )
    assert sum(isinstance(r, sign_in.Verified) for r in results) == 1
    assert sum(isinstance(r, rules.CodeDead) for r in results) == 4


# ── limits ──────────────────────────────────────────────────────────────────


def test_a_phone_waits_a_minute_for_the_next_code(noon):
    build.challenge()
    with at(59), pytest.raises(rules.TooOften) as caught:
        build.challenge()
    assert caught.value.retry_after == 1
    assert caught.value.field == "phone"
    assert SignInCode.objects.count() == 1
    with at(60):
        build.challenge()


def test_a_phone_gets_five_codes_an_hour_and_ten_a_day(noon):
    for number in range(5):
        with at(number * 61):
            build.challenge()
    with at(400), pytest.raises(rules.TooOften) as caught:
        build.challenge()
    assert caught.value.retry_after == 3200
    assert SignInCode.objects.count() == 5
    for number in range(5):
        with at(3600 + number * 61):
            build.challenge()
    with at(7200), pytest.raises(rules.TooOften) as caught:
        build.challenge()
    assert caught.value.retry_after == 12 * 3600 + 8 * 3600 - 7200  # windows of a day begin at midnight UTC
    with at(7200):
        build.challenge("13900000000")  # another phone is not concerned


def test_an_address_gets_thirty_codes_an_hour(noon):
    for number in range(30):
        build.challenge(f"139000000{number:02d}")
    before = Throttle.objects.order_by("pk").values_list("count", flat=True)[:]
    before = list(before)
    with pytest.raises(rules.TooOften):
        build.challenge("13900000099")
    assert list(Throttle.objects.order_by("pk").values_list("count", flat=True)) == before
    assert SignInCode.objects.count() == 30
    build.challenge("13900000099", address="192.0.2.8")


def test_an_address_gets_sixty_guesses_an_hour(noon):
    for _ in range(60):
        with pytest.raises(rules.CodeDead):
            sign_in.verify_sign_in_code(challenge="nobody", code="123456", address=build.ADDRESS)
    with pytest.raises(rules.TooOften) as caught:
        sign_in.verify_sign_in_code(challenge="nobody", code="123456", address=build.ADDRESS)
    assert caught.value.field == "code"


def test_a_name_gets_ten_passwords_in_a_quarter_even_right_ones(noon):
    build.staff()
    for _ in range(10):
        with pytest.raises(rules.WrongPassword):
            sign_in.check_staff_password(username="yangfu", password="no", address=build.ADDRESS)
    with pytest.raises(rules.TooOften):
        sign_in.check_staff_password(username="yangfu", password=build.PASSWORD, address="192.0.2.99")
    with at(900):
        assert sign_in.check_staff_password(username="yangfu", password=build.PASSWORD, address=build.ADDRESS)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_requests_for_one_phone_send_one_code(seeded_for_threads):
    results = build.in_threads(8, lambda n: sign_in.request_sign_in_code(phone=build.PHONE, address=f"192.0.2.{n}"))
    assert sum(isinstance(r, sign_in.Challenge) for r in results) == 1
    assert SignInCode.objects.count() == 1
    assert Job.objects.filter(name="notices.send_code").count() == 1


def test_old_counters_and_codes_are_forgotten(noon):
    build.challenge()
    with clock.at(NOON + timedelta(days=1)):
        retention.run_retention()
    assert SignInCode.objects.count() == 1
    with clock.at(NOON + timedelta(days=4)):
        retention.run_retention()
    assert (SignInCode.objects.count(), Throttle.objects.count()) == (0, 0)


# ── registering ─────────────────────────────────────────────────────────────


def _proven(phone=build.PHONE):
    public_id, code = build.challenge(phone)
    sign_in.verify_sign_in_code(challenge=public_id, code=code, address=build.ADDRESS)
    return public_id


def _register(challenge, **more):
    return sign_in.register_rider(**{"challenge": challenge, "nickname": "一川", "platform": "platform-a", **more})


def test_registering_twice_is_one_person(noon):
    build.organisation()
    challenge = _proven()
    first = _register(challenge, real_name="林某")
    assert _register(challenge, nickname="别的名字") == first
    with at(61):
        assert sign_in.verify_sign_in_code(
            **dict(zip(("challenge", "code"), build.challenge(), strict=True)), address=build.ADDRESS
        ) == sign_in.Verified(SignInCode.objects.latest("pk").public_id, first)
    card = queries.own_card(first)
    assert (card.display_name, card.phone, card.real_name) == ("一川", "138****0001", "林某")
    assert card.platform == "单位 platform-a"
    assert queries.roles_of(first) == {"rider"}


def test_two_proven_codes_of_one_phone_make_one_person(noon):
    build.organisation()
    one = _proven()
    with at(61):
        two = _proven()
        assert _register(one) == _register(two)
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nickname": ""}, "nickname"),
        ({"platform": ""}, "platform"),
        ({"platform": "nobody"}, "platform"),
        ({"platform": "unit-a"}, "platform"),
        ({"real_name": "1"}, "real_name"),
    ],
)
def test_a_refused_registration_leaves_nobody(noon, change, field):
    build.organisation()
    build.organisation("unit-a", "unit")
    challenge = _proven()
    with pytest.raises(DomainError) as caught:
        _register(challenge, **change)
    assert caught.value.field == field
    assert Person.objects.count() == 0
    assert _register(challenge)


def test_registering_needs_a_fresh_proof(noon):
    build.organisation()
    unproven, _code = build.challenge()
    proven = _proven("13800000002")
    with pytest.raises(rules.RegistrationExpired):
        _register(unproven)
    with at(1801), pytest.raises(rules.RegistrationExpired):
        _register(proven)
    assert Person.objects.count() == 0


# ── password and second factor ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("username", "password"),
    [("yangfu", "wrong"), ("nobody", build.PASSWORD), ("", ""), ("yangfu", ""), ("yangfu", "x" * 100_000)],
)
def test_a_wrong_name_and_a_wrong_password_sound_the_same(noon, username, password):
    build.staff()
    with pytest.raises(rules.WrongPassword) as caught:
        sign_in.check_staff_password(username=username, password=password, address=build.ADDRESS)
    assert str(caught.value) == "用户名或密码不对。"


def test_a_closed_account_sounds_like_a_wrong_password(noon):
    person = build.staff()
    services.close_account(person_id=person.pk, actor=build.ACTOR)
    with pytest.raises(rules.WrongPassword):
        sign_in.check_staff_password(username="yangfu", password=build.PASSWORD, address=build.ADDRESS)


def test_an_unknown_name_costs_a_hash_too(noon, monkeypatch):
    build.staff()
    hashed = []
    monkeypatch.setattr(sign_in, "make_password", lambda text: hashed.append(text))
    with pytest.raises(rules.WrongPassword):
        sign_in.check_staff_password(username="nobody", password="guess", address=build.ADDRESS)
    assert hashed == ["guess"]


def test_passwords_are_argon2(noon):
    assert build.staff().password.startswith("argon2$argon2id$")


def _totp(person, seconds=0.0):
    return pyotp.TOTP(sign_in.enrol_totp(person_id=person.pk).secret).at(NOON + timedelta(seconds=seconds))


def test_enrolment_shows_one_secret_until_confirmed_and_none_after(noon):
    person = build.staff()
    first = sign_in.enrol_totp(person_id=person.pk)
    assert sign_in.enrol_totp(person_id=person.pk) == first
    assert first.uri.startswith("otpauth://totp/")
    assert "yangfu" in first.uri
    assert not queries.totp_is_confirmed(person.pk)
    sign_in.confirm_totp(person_id=person.pk, code=_totp(person))
    assert queries.totp_is_confirmed(person.pk)
    with pytest.raises(NotFound):
        sign_in.enrol_totp(person_id=person.pk)


@pytest.mark.parametrize(("drift", "ok"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_one_step_of_drift_is_forgiven(noon, drift, ok):
    person = build.staff()
    code = _totp(person, drift)
    if ok:
        sign_in.confirm_totp(person_id=person.pk, code=code)
    else:
        with pytest.raises(rules.WrongTotp):
            sign_in.confirm_totp(person_id=person.pk, code=code)
    assert queries.totp_is_confirmed(person.pk) is ok


def test_a_totp_code_is_good_once_and_older_ones_are_not(noon):
    person = build.staff()
    earlier, now, later = (_totp(person, s) for s in (-30, 0, 30))
    sign_in.confirm_totp(person_id=person.pk, code=now)
    for replay in (now, earlier):
        with pytest.raises(rules.WrongTotp):
            sign_in.verify_totp(person_id=person.pk, code=replay)
    with at(30):
        sign_in.verify_totp(person_id=person.pk, code=later)
        with pytest.raises(rules.WrongTotp):
            sign_in.verify_totp(person_id=person.pk, code=later)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_equal_totp_codes_one_gets_in(seeded_for_threads):
    person = build.staff()
    totp = pyotp.TOTP(sign_in.enrol_totp(person_id=person.pk).secret)
    step = int(clock.now().timestamp()) // 30
    sign_in.confirm_totp(person_id=person.pk, code=totp.generate_otp(step))
    code = totp.generate_otp(step + 1)
    results = build.in_threads(6, lambda n: sign_in.verify_totp(person_id=person.pk, code=code))
    assert sorted(type(r).__name__ for r in results) == ["NoneType"] + ["WrongTotp"] * 5


def test_an_unconfirmed_second_factor_opens_nothing(noon):
    person = build.staff()
    code = _totp(person)
    with pytest.raises(rules.WrongTotp):
        sign_in.verify_totp(person_id=person.pk, code=code)


def test_totp_is_limited_and_can_be_reset(noon):
    person = build.staff()
    right = _totp(person)
    for _ in range(10):
        with pytest.raises(rules.WrongTotp):
            sign_in.confirm_totp(person_id=person.pk, code=build.other(right))
    with pytest.raises(rules.TooOften):
        sign_in.confirm_totp(person_id=person.pk, code=right)
    secret = sign_in.enrol_totp(person_id=person.pk).secret
    sign_in.reset_totp(person_id=person.pk, actor=build.ACTOR)
    assert TotpDevice.objects.count() == 0
    assert sign_in.enrol_totp(person_id=person.pk).secret != secret


# ── devices, audit ──────────────────────────────────────────────────────────


def test_only_a_further_device_is_told_of(noon):
    person = build.rider()
    for device in ("a" * 32, "a" * 32, "b" * 32, "b" * 32):
        sign_in.note_sign_in(person_id=person.pk, device=device, label="Chrome / Android")
    assert Device.objects.count() == 2
    told = Event.objects.filter(name="people.new_device")
    assert [e.ref for e in told] == [f"person:{person.public_id}"]


def test_history_holds_refs_only(noon):
    build.organisation()
    person_id = _register(_proven(), real_name="林某")
    acts = list(AuditEvent.objects.values_list("action", "subject", "actor", "data"))
    assert {"people.code_requested", "people.code_used", "people.person_created", "people.role_granted"} <= {
        act[0] for act in acts
    }
    text = repr(acts)
    assert not [word for word in (build.PHONE, "林某", "一川") if word in text]
    assert Person.objects.get(pk=person_id).public_id in text
