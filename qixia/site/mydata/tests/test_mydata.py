"""The pages of the own data: complete, for the owner only, and what they promise is what happens."""

import io
import json
from datetime import timedelta
from zipfile import ZipFile

import pytest
from django.test import Client

from qixia.audit.models import AccessRecord
from qixia.audit.services import record_access
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.people import queries as people
from qixia.people import services
from qixia.people.models import ErasureRequest, Person
from qixia.people.sessions import BACKEND
from qixia.reports.tests.town import send

HOME = "/me/data/"


@pytest.fixture
def town(standing_town, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def client_of(person) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def code_in(client: Client, name: str) -> str:
    message = people.code_message(client.session[name]["id"])
    assert message is not None
    return message[1]


def test_the_page_says_what_is_kept_and_who_looked(town):
    receipt = send(town.rider)
    clerk = town.people["clerk"]
    record_access(
        kind="reporter",
        subject=f"report:{receipt.public_id}",
        actor=f"person:{clerk.public_id}",
        basis="law",
        reason="派出所来函调取上报人",
    )
    html = client_of(town.people["rider"]).get(HOME).content.decode()
    for words in ("账号", "登录设备", "照片和视频", "积分和券", "上报人身份", "依法调取", "个人信息保护法第十三条"):
        assert words in html
    assert "派出所来函调取上报人" not in html
    assert clerk.display_name not in html
    other = client_of(town.people["other_rider"]).get(HOME).content.decode()
    assert "上报人身份" not in other


def test_staff_have_the_page_too(town):
    html = client_of(town.people["clerk"]).get(HOME).content.decode()
    assert "账号" in html
    assert "积分和券" not in html


def test_an_export_holds_everything_and_only_the_own(town):
    receipt = send(town.rider)
    send(town.other_rider)
    run_pending()
    client, other = client_of(town.people["rider"]), client_of(town.people["other_rider"])
    assert client.post("/me/data/export").status_code == 303
    run_pending()
    state = people.latest_export(town.people["rider"].pk)
    address = f"/me/data/export/{state.public_id}"
    assert address in client.get(HOME).content.decode()
    assert other.get(address).status_code == 404
    assert Client().get(address).status_code == 302
    assert AccessRecord.objects.count() == 0
    answer = client.get(address)
    with ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        data = json.loads(archive.read("data.json"))
        original = archive.read(next(name for name in names if name.endswith(".jpg")))
    assert original[:2] == b"\xff\xd8"
    assert data["person"]["nickname"] == "一川"
    assert [report["number"] for report in data["reports"]] == [receipt.number]
    assert len(data["person"]["phone"]) == 11
    assert data["points"]["balance"] == sum(entry["points"] for entry in data["points"]["entries"])
    ref = f"person:{town.people['rider'].public_id}"
    assert list(AccessRecord.objects.values_list("subject", "actor", "basis")) == [(ref, ref, "self")]
    with clock.at(clock.now() + timedelta(hours=25)):
        assert client.get(address).status_code == 404


def test_an_export_that_fails_says_so_and_can_be_asked_for_again(town, monkeypatch):
    def broken(actor):
        raise OSError("disk full")

    client = client_of(town.people["rider"])
    with monkeypatch.context() as patch:
        patch.setattr("qixia.site.tasks.write_export", broken)
        client.post("/me/data/export")
        run_pending()
    assert "上次没打成" in client.get(HOME).content.decode()
    client.post("/me/data/export")
    run_pending()
    assert people.latest_export(town.people["rider"].pk).ready_at is not None


def test_the_real_name_is_set_and_refused(town):
    client = client_of(town.people["rider"])
    assert client.post("/me/data/real-name", {"real_name": "7"}).status_code == 422
    assert client.post("/me/data/real-name", {"real_name": "林小满"}).status_code == 303
    assert "林小满" in client.get(HOME).content.decode()


def test_the_phone_changes_with_the_code_to_the_new_one(town):
    rider = town.people["rider"]
    client = client_of(rider)
    assert client.post("/me/data/phone", {"phone": "12"}).status_code == 422
    assert client.post("/me/data/phone", {"phone": "13900000077"}).headers["Location"].endswith("?code")
    assert client.post("/me/data/phone", {"code": "00"}).status_code == 422
    assert client.post("/me/data/phone", {"code": code_in(client, "new_phone")}).status_code == 303
    assert people.phone_for_message(rider.pk) == "13900000077"


def test_deletion_needs_the_code_and_waits(town):
    rider = town.people["rider"]
    client = client_of(rider)
    assert client.post("/me/data/delete", {"code": "123456"}).status_code == 422
    client.post("/me/data/delete")
    right = code_in(client, "step_up")
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert client.post("/me/data/delete", {"code": wrong}).status_code == 422
    assert not ErasureRequest.objects.exists()
    assert client.post("/me/data/delete", {"code": right}).status_code == 303
    assert "取消注销" in client.get(HOME).content.decode()
    client.post("/me/data/keep")
    assert people.erasure_due(rider.pk) is None
    assert Person.objects.get(pk=rider.pk).is_active


def test_an_open_report_holds_and_the_page_says_so(town):
    send(town.rider)
    rider = town.people["rider"]
    client = client_of(rider)
    html = client.get("/me/data/delete").content.decode()
    assert "还有 1 件上报没办完" in html
    client.post("/me/data/delete")
    assert "step_up" not in client.session
    with pytest.raises(Exception, match="还有 1 件上报没办完"):
        services.request_erasure(person_id=rider.pk, actor=f"person:{rider.public_id}")
    assert not ErasureRequest.objects.exists()


def test_staff_hand_over_first(town):
    assert "工作角色" in client_of(town.people["clerk"]).get("/me/data/delete").content.decode()


def test_the_page_costs_the_same_with_many_reports(town, django_assert_max_num_queries):
    client = client_of(town.people["rider"])
    send(town.rider)
    client.get(HOME)
    with django_assert_max_num_queries(22) as few:
        client.get(HOME)
    for _ in range(4):
        send(town.rider)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(HOME)
