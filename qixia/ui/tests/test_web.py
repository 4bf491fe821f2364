"""The style guide and the language switch."""

import pytest
from django.test import Client

from qixia.kernel.config import get_config


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.setattr(get_config(), "demo", True)


@pytest.mark.django_db
def test_style_guide_is_there_in_demo_only(client: Client, demo) -> None:
    response = client.get("/styleguide")
    assert response.status_code == 200
    for part in ("qx-sev-critical", "qx-st-back", "qx-compare", "qx-alarm", "qx-rowbar", "qx-bsheet", "演示数据"):
        assert part in response.content.decode(), part


@pytest.mark.django_db
def test_style_guide_is_hidden_otherwise(client: Client) -> None:
    assert client.get("/styleguide").status_code == 404


@pytest.mark.django_db
def test_language_is_remembered(client: Client, settings) -> None:
    response = client.post("/language", {"language": "en", "next": "/me?a=1"})
    assert (response.status_code, response["Location"]) == (302, "/me?a=1")
    assert response.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_language_leads_to_no_other_site(client: Client, target: str) -> None:
    assert client.post("/language", {"language": "en", "next": target})["Location"] == "/"


@pytest.mark.django_db
def test_unknown_language_changes_nothing(client: Client) -> None:
    assert not client.post("/language", {"language": "xx"}).cookies


@pytest.mark.django_db
def test_a_page_for_a_session_is_kept_by_no_cache(client: Client) -> None:
    address = "/api/v1/openapi.json"  # says nothing itself about caching
    assert "Cache-Control" not in client.get(address)
    client.cookies["sessionid"] = "a" * 32
    assert "no-store" in client.get(address)["Cache-Control"]
