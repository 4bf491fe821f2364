"""Staff change their own password; Django's own form is no way around."""

from datetime import timedelta

import pyotp
import pytest
from django.test import Client

from qixia.kernel import clock
from qixia.people import services
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.people.tests import build
from qixia.policy.services import publish_seeds

PAGE, NEW = "/me/password", "a-better-horse-battery-8"


@pytest.fixture
def worker(db):
    publish_seeds()
    person = build.staff(role="admin")
    totp = pyotp.TOTP(services.enrol_totp(person_id=person.pk).secret)
    services.confirm_totp(person_id=person.pk, code=totp.at(clock.now()))
    client = Client()
    client.force_login(person, backend=BACKEND)
    return person, client, totp


def form(totp, **change):
    code = totp.at(clock.now() + timedelta(seconds=30))
    return {"current": build.PASSWORD, "new": NEW, "again": NEW, "code": code} | change


def fits(person, password: str) -> bool:
    return Person.objects.get(pk=person.pk).check_password(password)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current": "wrong-password-1"}, "现在的密码不对"),
        ({"again": "other"}, "两次填的新密码不一样"),
        ({"new": "12345678", "again": "12345678"}, "密码太容易猜"),
        ({"new": build.PASSWORD, "again": build.PASSWORD}, "和现在的一样"),
        ({"code": "000"}, "验证码是 6 位数字"),
    ],
)
def test_a_refused_change_leaves_the_password(worker, change, words):
    person, client, totp = worker
    answer = client.post(PAGE, form(totp, **change))
    assert answer.status_code in (422, 429)
    assert words in answer.content.decode()
    assert fits(person, build.PASSWORD)
    assert client.get(PAGE).status_code == 200


def test_the_change_ends_every_session(worker):
    person, client, totp = worker
    elsewhere = Client()
    elsewhere.force_login(person, backend=BACKEND)
    assert client.post(PAGE, form(totp)).headers["Location"] == "/staff/sign-in"
    assert fits(person, NEW)
    assert [c.get(PAGE).status_code for c in (client, elsewhere)] == [302, 302]


def test_the_admins_own_form_leads_here(worker):
    person, client, _totp = worker
    assert client.get("/admin/password_change/").headers["Location"] == PAGE
    client.post("/admin/password_change/", {"old_password": build.PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert fits(person, build.PASSWORD)


def test_riders_have_no_password_to_change(db):
    publish_seeds()
    client = Client()
    client.force_login(build.rider(), backend=BACKEND)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/me").content.decode()
