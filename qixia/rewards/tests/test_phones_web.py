"""Phones over HTTP: enrol, renew, send, the shop's list, the administrators' list."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.apps import apps
from django.test import Client

from qixia.people.access import Actor
from qixia.people.sessions import BACKEND
from qixia.rewards import queries, services
from qixia.rewards.models import OfflineScan, TillDevice
from qixia.rewards.tests.builders import item, organisation, person, rider_with
from qixia.rewards.tests.phones import enrolled, public_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table")]


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(apps.get_model("people", "Person").objects.get(pk=actor.person_id), backend=BACKEND)
    return client


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/till/{path}", json.dumps(body), content_type="application/json")


def test_a_phone_enrols_sends_and_renews():
    shop = organisation()
    staff, rider = person("merchant", shop), rider_with(20)
    client, key = browser(staff), generate_private_key(SECP256R1())
    made = post(client, "devices", {"shop": shop.public_id, "public_key": public_of(key), "label": "前台"})
    assert made.status_code == 201
    given = made.json()
    assert (given["merchant"], given["limits"]["scan_fen"]) == (shop.code, 5000)

    phone = enrolled(staff, "二号")
    phone.take(services.reserve(actor=rider, item=item(shop).public_id, client_key="client-key-1"))
    scans = [{"body": one.body, "signature": one.signature} for one in phone.taken]
    batch = {"device": phone.row.public_id, "certificate": phone.row.certificate, "scans": scans * 2}
    told = post(client, "scans", batch).json()["answers"]
    assert [(one["state"], one["fen"], one["booked_fen"], one["words"]) for one in told] == [
        ("accepted", 1500, 1500, "")
    ] * 2
    page = client.get("/m").content.decode()
    assert "离线收" in page
    assert rider.public_id not in page

    services.revoke_device(actor=staff, device=given["device"])
    refused = post(client, f"devices/{given['device']}/renew", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "rewards.phone_revoked")
    assert "停用" in refused.json()["detail"]


def test_what_others_get():
    shop = organisation()
    phone = enrolled(person("merchant", shop))
    batch = {"device": phone.row.public_id, "certificate": "", "scans": [{"body": "{}", "signature": ""}]}
    other = browser(person("merchant", organisation()))
    assert post(other, "scans", batch).status_code == 404
    assert post(other, f"devices/{phone.row.public_id}/renew", {}).status_code == 404
    body = {"shop": shop.public_id, "public_key": phone.row.public_key, "label": "前台"}
    assert post(other, "devices", body).status_code == 403
    assert post(browser(person()), "scans", batch).status_code == 403
    assert post(Client(), "scans", batch).status_code == 401
    assert post(browser(phone.staff), "scans", batch | {"scans": []}).status_code == 422
    assert TillDevice.objects.count() == 1
    assert not OfflineScan.objects.exists()


def test_the_shops_list_stops_a_phone():
    phone = enrolled(person("merchant", organisation()), "前台手机")
    client = browser(phone.staff)
    assert "前台手机" in client.get("/m/phones").content.decode()
    stranger = browser(person("merchant", organisation()))
    assert "前台手机" not in stranger.get("/m/phones").content.decode()
    assert stranger.post(f"/m/phones/{phone.row.public_id}/revoke").status_code == 404
    assert TillDevice.objects.get().revoked_at is None
    assert client.post(f"/m/phones/{phone.row.public_id}/revoke").status_code == 303
    assert "已停用" in client.get("/m/phones").content.decode()


def test_administrators_see_which_phones_hide_scans():
    shop = organisation()
    honest, hiding = (enrolled(person("merchant", shop), label) for label in ("老实的", "藏着的"))
    hiding.seq = 4
    rider = rider_with(20)
    for number, phone in enumerate((honest, hiding)):
        phone.take(services.reserve(actor=rider, item=item(shop).public_id, client_key=f"client-key-{number}"))
        phone.send()
    client = browser(person("admin"))
    assert 'data-testid="missing">4<' in client.get("/desk/rewards/tills/").content.decode()
    seen = client.get("/desk/rewards/tills/?only=hiding").content.decode()
    assert "藏着的" in seen
    assert "老实的" not in seen
    assert client.get("/desk/rewards/tills/?before=x").status_code == 200
    assert browser(honest.staff).get("/desk/rewards/tills/").status_code == 403
    assert client.post(f"/desk/rewards/tills/{hiding.row.public_id}/stop").status_code == 303
    assert TillDevice.objects.get(pk=hiding.row.pk).revoked_at


def test_the_list_is_cut_by_key(monkeypatch):
    monkeypatch.setattr("qixia.rewards.queries.phones.PAGE", 2)
    staff = person("merchant", organisation())
    for number in range(3):
        enrolled(staff, f"{number} 号")
    admin = person("admin")
    first, following = queries.all_phones(admin)
    rest, end = queries.all_phones(admin, before=following)
    assert ([line.label for line in [*first, *rest]], end) == (["2 号", "1 号", "0 号"], None)


def test_the_page_carries_what_a_phone_needs_and_no_rider():
    shop = organisation()
    item(shop, name="夜里充电", windows="Mo-Su 22:00-06:00")
    kit = json.loads(queries.offline_kit(person("merchant", shop)))
    (goods,) = kit["items"].values()
    assert goods["name"] == "夜里充电"
    assert 3 <= len(goods["open"]) <= 4
    assert all(start < end for start, end in goods["open"])
    assert set(kit) == {"key", "shops", "items", "words", "now"}


def test_the_worker_of_the_site_carries_the_till_and_drops_it():
    text = Client().get("/sw.js").content.decode()
    for name in ("till.js", "till-take", "till-store", "till-send", "till-key", "jsqr", 'const TILL = "/m"'):
        assert name in text
    assert 'name.startsWith("qx-pages-")).map((name) => caches.delete(name))' in text
