"""The desks: who sees which list, what a step does, and that a list costs the same however long it is."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from qixia.people import services as people
from qixia.people.sessions import BACKEND
from qixia.reports.tests.town import Town, reach, send, the

LISTS = ("queue", "returned", "checks", "all", "map")


def desk(town: Town, name: str) -> Client:
    client = Client()
    client.force_login(town.people[name], backend=BACKEND)
    return client


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("who", "unit_pages"), [("worker", ("queue", "all", "map")), ("clerk", LISTS), ("rider", ("map",))]
)
def test_each_role_opens_its_pages(town, name, who, unit_pages):
    send(town.rider)
    expected = 200 if name in unit_pages else 403
    assert desk(town, who).get(reverse(f"reports:{name}")).status_code == expected


@pytest.mark.parametrize(
    "query",
    [
        "after=2026-01-01T00:00:00%2B00:00~%C2%B2",  # a digit to Python's isdigit, not to int()
        "after=2026-01-01T00:00:00%2B00:00~" + "9" * 40,
        "after=0001-01-01T00:00:00%2B14:00~1",  # before the first year in UTC
        "after=%C2%B2~1",
        "severity=%00&cls=%00&state=%00",  # PostgreSQL takes no NUL
        "q=%00",
        "case=%00",
    ],
)
@pytest.mark.parametrize("name", ["queue", "returned", "checks", "all"])
def test_a_forged_address_is_a_list_and_not_a_failure(town, name, query):
    send(town.rider)
    assert desk(town, "clerk").get(f"{reverse(f'reports:{name}')}?{query}").status_code == 200


def test_a_forged_page_of_my_reports_is_refused(town):
    answer = desk(town, "rider").get(reverse("reports:mine"), {"before": "²"})
    assert answer.status_code == 422


def test_a_unit_sees_its_own_cases_only(town):
    receipt = send(town.rider)
    number = the(receipt).place
    assert number in desk(town, "worker").get(reverse("reports:queue")).content.decode()
    assert number not in desk(town, "cleaner").get(reverse("reports:queue")).content.decode()
    assert desk(town, "cleaner").get(reverse("reports:case", args=[receipt.public_id])).status_code == 404


def test_nobody_at_a_desk_learns_who_reported(town):
    receipt = reach(town, "confirming")
    rider = town.people["rider"]
    for who in ("worker", "clerk"):
        for url in (reverse("reports:all"), reverse("reports:case", args=[receipt.public_id])):
            html = desk(town, who).get(url).content.decode()
            assert rider.display_name not in html
            assert rider.public_id not in html


@pytest.mark.parametrize("name", ["queue", "all"])
def test_a_list_of_twenty_costs_as_many_queries_as_one_of_five(town, name, django_assert_max_num_queries):
    client = desk(town, "worker")
    for _ in range(5):
        send(town.rider)
    client.get(reverse(f"reports:{name}"))
    with django_assert_max_num_queries(24) as few:
        client.get(reverse(f"reports:{name}"))
    most = len(few)  # now: the log of queries forgets the oldest
    for _ in range(15):
        send(town.rider)
    client.get(reverse(f"reports:{name}"))
    with django_assert_max_num_queries(most):
        client.get(reverse(f"reports:{name}"))


def test_steps_are_taken_from_the_page(town):
    receipt = send(town.rider)
    client = desk(town, "worker")
    answer = client.post(reverse("reports:step", args=[receipt.public_id, "accept"]), {"back": "/desk/queue?over=1"})
    assert (answer.status_code, answer.url) == (303, f"/desk/queue?over=1&case={receipt.public_id}")
    assert the(receipt).state == "accepted"


def test_a_step_that_is_no_longer_possible_is_told_on_the_page(town):
    receipt = reach(town, "accepted")
    answer = desk(town, "worker").post(reverse("reports:step", args=[receipt.public_id, "accept"]), follow=True)
    assert answer.redirect_chain[-1] == (f"/desk/queue?case={receipt.public_id}", 303)
    assert "不能" in answer.content.decode()
    assert the(receipt).steps.filter(step="accept").count() == 1


def test_a_reporter_who_chose_so_twice_is_named_to_the_clerk_and_never_to_the_unit(town):
    for consents, hidden, shown in (((), False, False), (("name",), True, False), (("name",), False, True)):
        for kind in consents:
            people.give_consent(person_id=town.rider.person_id, kind=kind, version=1, actor=town.rider.ref)
        receipt = send(town.rider, name_hidden=hidden)
        address = reverse("reports:case", args=[receipt.public_id])
        assert (town.rider.display_name in desk(town, "clerk").get(address).content.decode()) is shown
        assert town.rider.display_name not in desk(town, "worker").get(address).content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/desk/\\evil"])
def test_nobody_is_sent_to_another_site(town, back):
    receipt = send(town.rider)
    answer = desk(town, "worker").post(reverse("reports:step", args=[receipt.public_id, "accept"]), {"back": back})
    assert answer.url.startswith("/desk/queue?case=")


def test_a_rider_takes_no_step_of_a_desk(town):
    receipt = send(town.rider)
    assert desk(town, "rider").post(reverse("reports:step", args=[receipt.public_id, "accept"])).status_code == 403
    assert the(receipt).state == "dispatched"


class TestMap:
    def data(self, town: Town, who: str, **query):
        bbox = {"bbox": "118.59,24.89,118.61,24.91", "zoom": "16"} | query
        return desk(town, who).get(reverse("reports:map_data"), bbox)

    def test_many_at_one_spot_are_a_cluster_and_one_alone_a_point(self, town):
        send(town.rider)
        assert len(self.data(town, "rider").json()["points"]) == 1
        send(town.rider)
        found = self.data(town, "rider").json()
        assert found["points"] == []
        assert found["clusters"][0]["count"] == 2
        assert found["clusters"][0]["worst"] == "critical"
        assert sum(weight for _lat, _lng, weight in found["heat"]) == 2

    def test_only_own_points_lead_to_the_report(self, town):
        send(town.rider)
        assert self.data(town, "rider").json()["points"][0]["url"]
        other = self.data(town, "other_rider").json()["points"][0]
        assert (other["url"], other["id"]) == ("", "")

    def test_sensitive_matters_are_not_at_once_on_other_riders_maps(self, town):
        send(town.rider, "有人晕倒了快来人")
        assert len(self.data(town, "rider").json()["points"]) == 1
        assert self.data(town, "other_rider").json()["points"] == []

    @pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "118.61,24.89,118.59,24.91", "nan,0,1,1", "-999,0,999,1"])
    def test_a_view_that_is_none_is_refused(self, town, bbox):
        assert self.data(town, "rider", bbox=bbox).status_code == 422


def test_the_back_room_does_not_say_who_reported(town):
    receipt = reach(town, "fixed")
    rider, staff = town.people["rider"], desk(town, "admin")
    about = f"report:{receipt.public_id}"
    rows = {
        "rewards_posting": apps.get_model("rewards", "Posting").objects.filter(rule="manhole"),
        "audit_auditevent": apps.get_model("audit", "AuditEvent").objects.filter(subject=about),
    }
    for model, found in rows.items():
        address = reverse(f"admin:{model}_changelist")
        pages = [f"{address}?q={about}", *(reverse(f"admin:{model}_change", args=[row.pk]) for row in found)]
        assert len(pages) > 1
        for page in pages:
            answer = staff.get(page)
            assert answer.status_code == 200
            assert rider.public_id not in answer.content.decode()
        assert receipt.public_id not in staff.get(address, {"q": f"person:{rider.public_id}"}).content.decode()


@pytest.mark.parametrize("page", ["/admin/jobs/job/add/", "/admin/auth/group/", "/admin/audit/auditevent/add/"])
def test_the_back_room_makes_no_jobs_groups_or_history(town, page):
    assert desk(town, "admin").get(page).status_code in (403, 404)


class TestWhatTheAddressMayAskTheBackRoom:
    """Columns that a list does not show are no filters either."""

    @pytest.mark.parametrize(
        ("model", "lookup"),
        [
            ("rewards_posting", "beneficiary"),
            ("rewards_posting", "beneficiary__startswith"),
            ("audit_auditevent", "data__beneficiary"),
            ("audit_auditevent", "actor"),
            ("people_person", "password__startswith"),
            ("people_person", "phone_index"),
            ("rewards_voucher", "person_id"),
            ("jobs_job", "args__id"),
            ("media_evidence", "phash"),
        ],
    )
    def test_what_is_not_shown_is_not_asked(self, town, model, lookup):
        send(town.rider)
        answer = desk(town, "admin").get(reverse(f"admin:{model}_changelist"), {lookup: town.rider.ref})
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        ("model", "lookup", "value"),
        [
            ("rewards_posting", "kind__exact", "award"),
            ("audit_auditevent", "action__exact", "reports.settle"),
            ("people_person", "is_active__exact", "1"),
            ("people_rolegrant", "role__exact", "clerk"),
            ("jobs_job", "quarantined_at__isempty", "0"),
            ("media_evidence", "state__exact", "ready"),
        ],
    )
    def test_the_filters_of_the_page_go_on(self, town, model, lookup, value):
        assert desk(town, "admin").get(reverse(f"admin:{model}_changelist"), {lookup: value}).status_code == 200


def test_the_back_room_names_nobody_whom_points_went_to(town):
    """Rule and time of a posting, or a balance that rises with a dispatch, would lead from a report to its reporter."""
    send(town.rider)
    staff, rider = desk(town, "admin"), town.people["rider"].public_id
    events = apps.get_model("audit", "AuditEvent").objects.filter(action="rewards.award", data__rule="manhole")
    accounts = apps.get_model("rewards", "Account").objects.filter(owner_ref=town.rider.ref)
    pages = [reverse("admin:audit_auditevent_change", args=[row.pk]) for row in events]
    pages += [reverse("admin:rewards_account_change", args=[row.pk]) for row in accounts]
    pages += [reverse("admin:rewards_account_changelist"), reverse("admin:rewards_posting_changelist") + "?kind=award"]
    assert events
    assert accounts
    for page in pages:
        assert rider not in staff.get(page, follow=False).content.decode(), page


def test_the_back_room_names_nobody_who_claimed_anonymous_points(town):
    apps.get_model("audit", "AuditEvent").objects.create(
        action="rewards.claimed", subject=town.rider.ref, actor=town.rider.ref, at="2026-11-22T00:00:00Z"
    )
    answer = desk(town, "admin").get(reverse("admin:audit_auditevent_changelist"), {"action__exact": "rewards.claimed"})
    assert town.rider.public_id not in answer.content.decode()
