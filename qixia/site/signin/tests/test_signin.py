"""Signing in as a browser does it: plain forms, sessions, what pages show and what they never show."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.config import Config
from qixia.kernel.tokens import b64
from qixia.notices import push
from qixia.notices.queries import ways_of
from qixia.notices.services import push_key
from qixia.people import queries, services
from qixia.people.middleware import attach
from qixia.people.models import Device, Person, RoleGrant, SignInCode
from qixia.people.services import sign_in
from qixia.people.sessions import DEVICE_COOKIE
from qixia.people.tests import build
from qixia.policy.services import publish, publish_seeds, stamp_installation

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HOME = "/"
OTHER_PHONE = build.PHONE[:-1] + "7"


@pytest.fixture(autouse=True)
def _seeded(db, settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    publish_seeds()
    queries.forget_organisations()
    build.organisation()


@pytest.fixture
def demo(monkeypatch):
    """As a demonstration is started: asked for, and on a database stamped demo."""
    monkeypatch.setattr(queries, "get_config", lambda: Config(demo=True))
    stamp_installation(is_demo=True)


def _code() -> str:
    return queries.code_message(SignInCode.objects.latest("pk").public_id)[1]


def _sign_in(client: Client, phone: str = build.PHONE, **more):
    assert client.post("/sign-in", {"phone": phone}).headers["Location"] == "/sign-in/code"
    return client.post("/sign-in/code", {"code": _code()}, **more)


def _text(response) -> str:
    return response.content.decode()


def _ref(client: Client) -> str | None:
    """Who the server thinks this client is."""
    return client.get("/sign-in").wsgi_request.actor.ref


# ── phone ───────────────────────────────────────────────────────────────────


def test_a_known_rider_signs_in_and_lands_where_he_wanted(client):
    person = build.rider()
    client.get("/sign-in?next=/mine%3Fpage%3D2")
    response = _sign_in(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/mine?page=2")
    assert _ref(client) == f"person:{person.public_id}"


@pytest.mark.parametrize("evil", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_no_other_host_is_returned_to(client, evil):
    build.rider()
    client.get("/sign-in", {"next": evil})
    assert _sign_in(client).headers["Location"] == HOME


def test_a_new_rider_registers_and_is_asked_each_consent_apart(client):
    client.get("/sign-in?next=/snap")
    assert _sign_in(client).headers["Location"] == "/sign-in/register"
    wrong = client.post("/sign-in/register", {"nickname": ""})
    assert wrong.status_code == 422
    assert "请填写一个称呼" in _text(wrong)
    assert "请从列表里选择平台" in _text(wrong)
    assert not Person.objects.exists()
    response = client.post("/sign-in/register", {"nickname": "小北", "platform": "platform-a", "real_name": ""})
    answers = {"place": "yes", "photo": "yes", "name": "no"}
    for kind, answer in answers.items():
        assert response.headers["Location"] == f"/sign-in/consent/{kind}"
        page = _text(client.get(response.headers["Location"]))
        assert queries.consent_rules().text(kind).zh.if_not in page
        response = client.post(response.headers["Location"], {"answer": answer, "version": "1"})
    assert response.headers["Location"] == "/snap"
    person = Person.objects.get()
    assert {s.text.kind: s.is_given for s in queries.consents_of(person.pk)} == {
        "place": True,
        "photo": True,
        "name": False,
    }


def test_who_keeps_a_shop_reads_how_to_begin_before_registering_as_a_rider(client):
    assert "开店的？请社区替你建店" in _text(client.get("/sign-in"))
    _sign_in(client, "13900007777")
    assert "开店的不用填" in _text(client.get("/sign-in/register"))


def test_registering_cannot_be_reached_without_a_proven_phone(client):
    assert client.get("/sign-in/register").headers["Location"] == "/sign-in"
    client.post("/sign-in", {"phone": build.PHONE})
    response = client.post("/sign-in/register", {"nickname": "小北", "platform": "platform-a"})
    assert response.headers["Location"] == "/sign-in"
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    ("phone", "says"),
    [("", "请填写手机号"), ("1380000", "现在是 7 位"), ("23800000001", "不是大陆手机号"), ("<b>", "只能有数字")],
)
def test_a_bad_phone_is_named_and_kept(client, phone, says):
    response = client.post("/sign-in", {"phone": phone})
    assert response.status_code == 422
    assert says in _text(response)
    assert "<b>" not in _text(response).split("<main")[1].split("id_phone")[1][:200]
    assert not SignInCode.objects.exists()


def test_a_wrong_code_stays_on_the_page_with_what_is_left(client):
    build.rider()
    client.post("/sign-in", {"phone": build.PHONE})
    response = client.post("/sign-in/code", {"code": build.other(_code())})
    assert response.status_code == 422
    assert "还可以再试 4 次" in _text(response)
    assert _ref(client) == "anyone"


def test_two_taps_send_one_code_and_asking_again_waits(client):
    with clock.at(NOON):
        client.post("/sign-in", {"phone": build.PHONE})
        assert client.post("/sign-in", {"phone": "138 0000 0001"}).status_code == 302
        assert SignInCode.objects.count() == 1
        again = client.post("/sign-in/again")
        assert again.status_code == 429
        assert "1 分钟后" in _text(again)
    with clock.at(NOON + timedelta(seconds=60)):
        assert client.post("/sign-in/again").headers["Location"] == "/sign-in/code"
    assert SignInCode.objects.count() == 2


def test_no_session_and_no_page_holds_the_phone(client):
    response = client.post("/sign-in", {"phone": build.PHONE}, follow=True)
    assert "138****0001" in _text(response)
    assert build.PHONE not in _text(response)
    assert all(build.PHONE not in str(s.get_decoded()) for s in Session.objects.all())


def test_whoever_is_in_goes_on(client):
    build.rider()
    _sign_in(client)
    assert client.get("/sign-in?next=/mine").headers["Location"] == "/mine"
    assert client.get("/sign-in/code").headers["Location"] == HOME


def test_htmx_gets_a_whole_new_page_at_the_end(client):
    build.rider()
    response = _sign_in(client, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, HOME)


# ── sessions ────────────────────────────────────────────────────────────────


def test_a_planted_session_is_worthless_after_sign_in(client):
    build.rider()
    client.get("/sign-in?next=/mine")
    planted = client.cookies["sessionid"].value
    _sign_in(client)
    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_cookies_are_closed_and_say_nothing(client, settings):
    build.rider()
    _sign_in(client)
    for name in ("sessionid", DEVICE_COOKIE):
        cookie = client.cookies[name]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
    assert client.cookies[DEVICE_COOKIE].value not in str(list(Device.objects.values()))


@pytest.mark.parametrize("tls", [False, True])
def test_cookies_are_secure_under_tls(client, monkeypatch, settings, tls):
    build.rider()
    settings.SESSION_COOKIE_SECURE = tls
    monkeypatch.setattr("qixia.people.sessions.get_config", lambda: Config(tls=tls))
    _sign_in(client)
    assert bool(client.cookies["sessionid"]["secure"]) is tls
    assert bool(client.cookies[DEVICE_COOKIE]["secure"]) is tls


def test_signing_out_is_a_post_and_ends_the_session(client):
    build.rider()
    _sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert _ref(client) != "anyone"
    assert client.post("/sign-out").headers["Location"] == "/sign-in"
    assert _ref(client) == "anyone"


def _subscribe(client, name: str) -> None:
    """What the page /me/notices sends when pushes are turned on here."""
    point, auth = push.new_key_pair().public, b64(bytes(16))
    given = {"endpoint": f"https://fcm.googleapis.com/{name}", "p256dh": point, "auth": auth, "key": push_key()}
    assert client.post("/me/notices/device", given).status_code == 303


def _sign_in_later(client, minutes: int, phone: str = build.PHONE) -> None:
    """A code can be asked for again after a minute."""
    with clock.at(clock.now() + timedelta(minutes=minutes)):
        _sign_in(client, phone)


def _hear() -> list[str]:
    """Whose devices would be called now."""
    ids = list(Person.objects.values_list("pk", flat=True))
    return [
        Person.objects.get(pk=person).display_name for person, ways in ways_of(ids).items() for _one in ways.devices
    ]


def test_signing_out_leaves_the_pushes_of_this_browser_and_of_no_other(client):
    build.rider()
    other = Client()
    for n, (one, name) in enumerate([(client, "phone"), (other, "tablet")]):
        _sign_in_later(one, n * 2)
        _subscribe(one, name)
    assert len(_hear()) == 2
    assert b" data-mine" in client.get("/me/notices").content
    client.post("/sign-out")
    assert len(_hear()) == 1
    assert b" data-mine" in other.get("/me/notices").content
    _sign_in_later(client, 4)
    assert b" data-mine" not in client.get("/me/notices").content


def test_who_signs_in_on_anothers_phone_never_gets_the_former_ones_pushes(client):
    """The session ended by itself: nobody signed out."""
    build.rider(name="一川")
    build.rider(phone=OTHER_PHONE, name="阿东")
    _sign_in(client)
    _subscribe(client, "phone")
    client.cookies.pop("sessionid")
    _sign_in_later(client, 2)
    assert _hear() == ["一川"]  # the same person again keeps them
    client.cookies.pop("sessionid")
    _sign_in_later(client, 4, OTHER_PHONE)
    assert _hear() == []


def test_forms_need_their_token():
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-in", {"phone": build.PHONE}).status_code == 403
    assert not SignInCode.objects.exists()


def test_a_closed_account_and_a_new_password_end_sessions(client):
    person = build.staff()
    _staff(client)
    services.set_password(person_id=person.pk, password=build.PASSWORD + "x", actor=build.ACTOR)
    assert _ref(client) == "anyone"
    rider = build.rider()
    _sign_in(client)
    assert _ref(client) == f"person:{rider.public_id}"
    services.close_account(person_id=rider.pk, actor=build.ACTOR)
    assert _ref(client) == "anyone"


# ── staff ───────────────────────────────────────────────────────────────────


def _staff(client: Client, username: str = "yangfu"):
    client.post("/staff/sign-in", {"username": username, "password": build.PASSWORD})
    person_id = queries.person_id_by_username(username)
    secret = sign_in.enrol_totp(person_id=person_id).secret
    return client.post("/staff/code", {"code": pyotp.TOTP(secret).at(clock.now())})


def test_staff_need_both_factors(client):
    person = build.staff()
    client.get("/staff/sign-in?next=/desk/")
    response = client.post("/staff/sign-in", {"username": "yangfu", "password": build.PASSWORD})
    assert response.headers["Location"] == "/staff/code"
    assert _ref(client) == "anyone"
    page = _text(client.get("/staff/code"))
    secret = sign_in.enrol_totp(person_id=person.pk).secret
    assert secret in page
    picture = client.get("/staff/code.svg")
    assert picture.headers["Content-Type"] == "image/svg+xml"
    wrong = client.post("/staff/code", {"code": build.other(pyotp.TOTP(secret).at(clock.now()))})
    assert wrong.status_code == 422
    assert _ref(client) == "anyone"
    right = client.post("/staff/code", {"code": pyotp.TOTP(secret).at(clock.now())})
    assert right.headers["Location"] == "/desk/"
    assert _ref(client) == f"person:{person.public_id}"


def test_the_secret_is_never_shown_again(client):
    build.staff()
    _staff(client)
    client.post("/sign-out")
    client.post("/staff/sign-in", {"username": "yangfu", "password": build.PASSWORD})
    assert "code.svg" not in _text(client.get("/staff/code"))
    assert client.get("/staff/code.svg").status_code == 404


def test_the_second_step_cannot_be_reached_alone_and_not_late(client):
    build.staff()
    assert client.get("/staff/code").headers["Location"] == "/staff/sign-in"
    assert client.get("/staff/code.svg").status_code == 404
    with clock.at(NOON):
        client.post("/staff/sign-in", {"username": "yangfu", "password": build.PASSWORD})
    with clock.at(NOON + timedelta(minutes=11)):
        assert client.post("/staff/code", {"code": "000000"}).headers["Location"] == "/staff/sign-in"


def test_a_wrong_password_keeps_the_name_and_not_the_password(client):
    build.staff()
    response = client.post("/staff/sign-in", {"username": "yangfu", "password": "geheim-geheim"})
    assert response.status_code == 422
    assert "用户名或密码不对" in _text(response)
    assert "yangfu" in _text(response)
    assert "geheim" not in _text(response)


def test_the_admin_opens_for_the_administrator_only(client):
    build.staff("chief", "admin")
    _staff(client, "chief")
    assert client.get("/admin/").status_code == 200
    other = Client()
    build.staff("worker1")
    _staff(other, "worker1")
    assert other.get("/admin/").status_code == 302


# ── demonstration ───────────────────────────────────────────────────────────


def _demo_accounts():
    person = services.create_person(display_name="一川", phone=build.PHONE, is_demo=True, actor=build.ACTOR)
    services.enrol_rider(person_id=person.pk, platform="platform-a", actor=build.ACTOR)
    account = {"person": person.public_id, "role": "rider", "name": "一川", "says": "骑手"}
    publish("people.demo_accounts", {"accounts": [account]}, note="", actor_ref=build.ACTOR)


def test_the_demo_shows_code_and_cards(client, demo):
    _demo_accounts()
    page = _text(client.get("/sign-in"))
    assert "演示登录" in page
    assert build.PHONE in page
    assert _code_on_page(client.post("/sign-in", {"phone": build.PHONE}, follow=True)) == _code()


def _code_on_page(response) -> str:
    text = _text(response)
    return text.split('id="demo-code">')[1].split("<")[0] if 'id="demo-code">' in text else ""


@pytest.mark.parametrize(
    ("config", "stamped"),
    [
        (Config(demo=True), None),
        (Config(demo=True), False),
        (Config(demo=False), True),
        (Config(demo=True, mode="production"), True),
    ],
)
def test_without_the_stamp_no_code_and_no_card_is_shown(client, monkeypatch, config, stamped):
    monkeypatch.setattr(queries, "get_config", lambda: config)
    if stamped is not None:
        stamp_installation(is_demo=stamped)
    _demo_accounts()
    assert "演示登录" not in _text(client.get("/sign-in"))
    page = client.post("/sign-in", {"phone": build.PHONE}, follow=True)
    assert _code_on_page(page) == ""
    assert _code() not in _text(page)
    build.staff()
    client.post("/staff/sign-in", {"username": "yangfu", "password": build.PASSWORD})
    staff_page = client.get("/staff/code")
    assert "动态码" in _text(staff_page)
    assert _code_on_page(staff_page) == ""


def test_the_demos_totp_code_works_twice_in_a_row(demo):
    build.staff()
    for _ in range(2):
        client = Client()
        client.post("/staff/sign-in", {"username": "yangfu", "password": build.PASSWORD})
        code = _code_on_page(client.get("/staff/code"))
        assert client.post("/staff/code", {"code": code}).status_code == 302


# ── consent and inbox pages ─────────────────────────────────────────────────


def test_consents_are_given_and_taken_back_on_one_page(client):
    person = build.rider()
    _sign_in(client)
    for answer, expected in (("yes", True), ("no", False)):
        response = client.post("/me/consents", {"kind": "photo", "version": "1", "answer": answer})
        assert response.headers["Location"] == "/me/consents"
        assert queries.has_consent(person.pk, "photo") is expected
    page = _text(client.get("/me/consents"))
    assert page.count("没有同意") == 3
    assert "以前的选择" in page


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "blood", "version": "1", "answer": "yes"},
        {"kind": "photo", "version": "9", "answer": "yes"},
        {"kind": "photo", "version": "", "answer": "yes"},
        {"kind": "photo", "version": "9" * 5000, "answer": "yes"},
        {},
    ],
)
def test_a_forged_consent_changes_nothing(client, data):
    person = build.rider()
    _sign_in(client)
    assert client.post("/me/consents", data).status_code in (409, 422)
    assert queries.consent_history(person.pk) == []


def test_pages_of_one_person_need_that_person(client):
    for path in ("/me/consents", "/sign-in/consent/place"):
        assert client.get(path).headers["Location"].startswith("/sign-in?next=")


def test_two_queries_tell_who_sends_a_request(client, rf, django_assert_num_queries):
    build.rider()
    _sign_in(client)
    request = rf.get("/")
    request.session = SessionStore(client.cookies["sessionid"].value)
    attach(request)
    with django_assert_num_queries(2):
        assert request.actor.roles == {"rider"}
        assert request.user.pk == request.actor.person_id
        assert request.user.is_staff is False


def test_a_visitor_costs_no_query(rf, django_assert_num_queries):
    request = rf.get("/")
    request.session = SessionStore(None)
    attach(request)
    with django_assert_num_queries(0):
        assert not request.actor.is_signed_in


def test_the_admin_has_no_door_of_its_own(client):
    assert client.get("/admin/login/?next=/admin/").headers["Location"] == "/staff/sign-in?next=%2Fadmin%2F"
    build.staff()
    assert not client.login(username="yangfu", password=build.PASSWORD)
    _staff(client)
    assert client.get("/admin/", follow=True).status_code == 403


def test_roles_are_given_and_revoked_in_the_admin_with_a_trace(client):
    chief = build.staff("chief", "admin")
    _staff(client, "chief")
    person = build.rider("13900000000")
    unit = queries.organisation_by_code("unit-a")
    data = {"person": person.pk, "role": "worker", "organisation": unit.id, "division": ""}
    data |= {"valid_from_0": "2026-11-01", "valid_from_1": "08:00:00", "valid_until_0": "", "valid_until_1": ""}
    assert client.post("/admin/people/rolegrant/add/", data).status_code == 302
    assert queries.roles_of(person.pk) == {"rider", "worker"}
    grant = RoleGrant.objects.get(person=person, role="worker")
    client.post("/admin/people/rolegrant/", {"action": "revoke", "_selected_action": [grant.pk]})
    assert queries.roles_of(person.pk) == {"rider"}
    acts = AuditEvent.objects.filter(subject=f"person:{person.public_id}", actor=f"person:{chief.public_id}")
    assert [act.action for act in acts.order_by("pk")] == ["people.role_granted", "people.role_revoked"]


def test_admin_pages_open_and_show_no_phone(client):
    build.staff("chief", "admin")
    _staff(client, "chief")
    person = build.rider()
    for path in ("person/", f"person/{person.pk}/change/", "organisation/", "organisation/add/", "rolegrant/"):
        page = client.get(f"/admin/people/{path}")
        assert page.status_code == 200, path
        assert build.PHONE not in _text(page)
    unit = queries.organisation_by_code("platform-a")
    data = {"name": "新名字", "division": "", "parent": "", "families": "", "duties": "", "is_active": "on"}
    assert client.post(f"/admin/people/organisation/{unit.id}/change/", data).status_code == 302
    assert queries.organisation_by_code("platform-a").name == "新名字"
