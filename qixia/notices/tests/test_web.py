"""The inbox in a browser."""

import pytest

from qixia.notices import queries, services
from qixia.notices.models import Notice
from qixia.people import queries as people
from qixia.people import services as people_services
from qixia.people.models import Person
from qixia.people.tests import build
from qixia.policy.services import publish_seeds


@pytest.fixture(autouse=True)
def _plain_static_files(settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def rider(db):
    publish_seeds()
    people.forget_organisations()
    return build.rider()


@pytest.fixture
def browser(client, rider):
    client.force_login(Person.objects.get(pk=rider.pk))
    return client


def _tell(person, key, **more):
    services.tell(person.pk, "report.answered", params={"number": "407188235", "unit": "<b>市政</b>"}, key=key, **more)


def test_a_visitor_is_asked_to_sign_in(client, db):
    assert client.get("/inbox").headers["Location"] == "/sign-in?next=%2Finbox"
    assert client.post("/inbox/read").status_code == 302


def test_an_empty_inbox_says_what_will_be_there(browser):
    page = browser.get("/inbox").content.decode()
    assert "还没有消息" in page
    assert "全部标为已读" not in page


def test_unread_is_said_in_words_and_texts_are_escaped(browser, rider):
    _tell(rider, "k")
    page = browser.get("/inbox").content.decode()
    assert "未读</span>" in page
    assert "&lt;b&gt;市政&lt;/b&gt;有答复" in page
    assert '<span class="qx-nowrap">407-188-235</span>' in page
    browser.post("/inbox/read")
    assert "未读</span>" not in browser.get("/inbox").content.decode()


def test_opening_marks_read_and_goes_on(browser, rider):
    _tell(rider, "k", link="/r/abc/")
    public_id = Notice.objects.get().public_id
    for _ in range(2):
        assert browser.get(f"/inbox/{public_id}").headers["Location"] == "/r/abc/"
    assert queries.unread_count(rider.pk) == 0


def test_a_notice_without_a_link_comes_back_to_the_inbox(browser, rider):
    _tell(rider, "k")
    assert browser.get(f"/inbox/{Notice.objects.get().public_id}").headers["Location"] == "/inbox"


def test_another_persons_notice_is_not_found_and_stays_unread(browser, rider):
    other = people_services.create_person(display_name="别人", phone="13900000000", actor=build.ACTOR)
    _tell(other, "k", link="/r/abc/")
    assert browser.get(f"/inbox/{Notice.objects.get().public_id}").status_code == 404
    browser.post("/inbox/read")
    assert queries.unread_count(other.pk) == 1
    assert browser.get("/inbox/nosuch").status_code == 404


@pytest.mark.parametrize("count", [1, 30])
def test_the_inbox_costs_the_same_however_full(browser, rider, count, django_assert_num_queries):
    for number in range(count):
        _tell(rider, f"k{number}")
    browser.get("/inbox")
    with django_assert_num_queries(4):  # session, actor, notices, how many unread
        browser.get("/inbox")


def test_pages_lead_on_by_key(browser, rider):
    for number in range(31):
        _tell(rider, f"k{number}")
    page = browser.get("/inbox").content.decode()
    assert page.count("qx-mail-t") == 30
    key = page.split("?after=")[1].split('"')[0]
    assert browser.get(f"/inbox?after={key}").content.decode().count("qx-mail-t") == 1
    assert browser.get("/inbox?after=nosuch").content.decode().count("qx-mail-t") == 30


def test_staff_read_theirs_in_the_console(client, db):
    publish_seeds()
    people.forget_organisations()
    person = build.staff()
    client.force_login(Person.objects.get(pk=person.pk))
    page = client.get("/inbox").content.decode()
    assert "qx-console" in page
    assert "qx-tabbar" not in page
