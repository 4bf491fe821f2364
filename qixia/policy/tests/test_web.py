"""The rules' pages, for administrators only. Who is signed in is made here: people stand above this package."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.http import HttpResponse, QueryDict
from django.test import RequestFactory
from pydantic import BaseModel

from qixia.kernel.errors import NotAllowed
from qixia.policy import kinds, queries, services
from qixia.policy.models import RuleVersion
from qixia.policy.web import views

pytestmark = pytest.mark.django_db


class Shape(BaseModel):
    limit: int


@pytest.fixture(autouse=True)
def kind(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "_KINDS", {})
    seed = tmp_path / "seed.yaml"
    seed.write_text("limit: 3")
    kinds.register(kinds.Kind("test.limit", Shape, seed, "测试"))
    services.publish_seeds()


def ask(method: str, role: str = "admin", **body: str):
    request = getattr(RequestFactory(), method)("/desk/rules/test.limit")
    request.actor = SimpleNamespace(
        is_signed_in=True,
        ref="person:a",
        roles=frozenset({role}),
        grants=(),
        display_name="管",
        person_id=1,
        public_id="a",
    )
    if body:
        request.method, request._post = "POST", QueryDict(mutable=True)
        request._post.update(body)
        request._files = {}
    return views.kind(request, "test.limit")


def test_publishing_makes_the_next_version():
    answer = ask("post", data="limit: 9", note="试试", after="1")
    assert answer.status_code == 303
    assert queries.current("test.limit").data.limit == 9
    assert RuleVersion.objects.get(version=2).published_by == "person:a"


@pytest.mark.parametrize(
    "body",
    [
        {"data": "limit: many", "note": "x", "after": "1"},
        {"data": "limit: [", "note": "x", "after": "1"},
        {"data": "limit: 4", "note": " ", "after": "1"},
        {"data": "limit: 4", "note": "x", "after": "0"},
        {"data": "limit: 4", "note": "x", "after": "1", "valid_from": "2001-01-01T00:00"},
        {"data": "limit: 4", "note": "x", "after": "1", "valid_from": "soon"},
    ],
)
def test_a_fault_publishes_nothing(body, monkeypatch):
    seen = {}

    def render(request, name, context, status):
        seen.update(context)
        return HttpResponse(status=status)

    monkeypatch.setattr(views, "render", render)
    assert ask("post", **body).status_code in (409, 422)
    assert seen["draft"]["error"]
    assert RuleVersion.objects.count() == 1


def test_others_do_not_get_in():
    with pytest.raises(NotAllowed):
        ask("get", role="clerk")
