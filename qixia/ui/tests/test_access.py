"""allow(): who gets in, where the others go, and that the view did not run for them."""

from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.urls import path

from qixia.kernel.errors import NotAllowed, NotSignedIn
from qixia.ui import nav
from qixia.ui.access import admits, allow

NOBODY = SimpleNamespace(is_signed_in=False, roles=frozenset())
RIDER = SimpleNamespace(is_signed_in=True, roles=frozenset({"rider"}))
CLERK = SimpleNamespace(is_signed_in=True, roles=frozenset({"clerk"}))

urlpatterns = [
    path("sign-in", lambda request: HttpResponse(), name="sign-in"),
    path("staff", lambda request: HttpResponse(), name="staff-sign-in"),
    path("queue", lambda request: HttpResponse(), name="queue"),
    path("map", lambda request: HttpResponse(), name="map"),
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def ran() -> list[str]:
    return []


def _call(ran: list[str], request, actor, *roles: str) -> HttpResponse:
    @allow(*roles)
    def view(request) -> HttpResponse:
        ran.append("ran")
        return HttpResponse("in")

    request.actor = actor
    return view(request)


@pytest.mark.parametrize(
    ("actor", "roles"),
    [(NOBODY, ("anyone",)), (RIDER, ("signed-in",)), (RIDER, ("rider", "clerk")), (CLERK, ("clerk",))],
)
def test_lets_in(ran, rf, actor, roles) -> None:
    assert _call(ran, rf.get("/x"), actor, *roles).content == b"in"
    assert ran == ["ran"]


def test_anyone_needs_no_actor_at_all(ran, rf) -> None:
    request = rf.get("/x")

    @allow("anyone")
    def view(request) -> HttpResponse:
        return HttpResponse("in")

    assert view(request).content == b"in"


def test_nobody_goes_to_sign_in_and_comes_back(ran, rf) -> None:
    response = _call(ran, rf.get("/mine?a=1"), NOBODY, "rider")
    assert (response.status_code, response["Location"]) == (302, "/sign-in?next=%2Fmine%3Fa%3D1")
    assert ran == []


def test_staff_pages_lead_to_the_staffs_sign_in(ran, rf) -> None:
    assert _call(ran, rf.get("/desk"), NOBODY, "clerk", "admin")["Location"] == "/staff?next=%2Fdesk"
    assert ran == []


def test_a_post_comes_back_to_its_page_never_to_another_site(ran, rf) -> None:
    own = rf.post("/x", headers={"Referer": "http://testserver/snap?b=2"})
    assert _call(ran, own, NOBODY, "rider")["Location"] == "/sign-in?next=%2Fsnap%3Fb%3D2"
    other = rf.post("/x", headers={"Referer": "http://evil.example/snap"})
    assert _call(ran, other, NOBODY, "rider")["Location"] == "/sign-in?next=%2F"
    assert ran == []


def test_htmx_is_redirected_as_a_whole_page(ran, rf) -> None:
    request = rf.get("/x", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/mine"})
    response = _call(ran, request, NOBODY, "rider")
    assert (response.status_code, response["HX-Redirect"]) == (401, "/sign-in?next=%2Fmine")
    assert ran == []


def test_the_api_gets_an_error_not_a_page(ran, rf) -> None:
    with pytest.raises(NotSignedIn):
        _call(ran, rf.get("/api/v1/x"), NOBODY, "rider")
    assert ran == []


def test_the_wrong_role_is_refused(ran, rf) -> None:
    with pytest.raises(NotAllowed):
        _call(ran, rf.get("/x"), RIDER, "clerk")
    assert ran == []


def test_a_request_without_actor_is_nobody(ran, rf) -> None:
    assert _call(ran, rf.get("/x"), None, "signed-in").status_code == 302
    assert ran == []


def test_the_declaration_is_readable_and_required() -> None:
    @allow("rider", "clerk")
    def view(request) -> HttpResponse:
        return HttpResponse()

    assert vars(view)["qx_allow"] == {"rider", "clerk"}
    with pytest.raises(ValueError):
        allow()


def test_no_actor_means_no() -> None:
    assert not admits(None, frozenset({"signed-in"}))
    assert not admits(NOBODY, frozenset({"rider"}))
    assert admits(None, frozenset({"anyone"}))


@pytest.fixture
def items(monkeypatch):
    monkeypatch.setattr(nav, "_items", {})
    nav.register(nav.Item("处置队列", "list-check", "queue", ("worker", "clerk"), count=lambda actor: 23, hot=True))
    nav.register(nav.Item("地图", "map-2", "map", ("signed-in",), section="查看", active=("queue",)))
    nav.register(nav.Item("还没建", "help", "not-built", ("signed-in",)))


def test_navigation_shows_what_a_role_may_use(items) -> None:
    assert [name for name, _ in nav.sections_for(RIDER, "")] == ["查看"]
    assert nav.sections_for(NOBODY, "") == []
    work, look = nav.sections_for(CLERK, "queue")
    assert work[0] == "工作"
    assert [(link.label, link.url, link.current, link.count, link.hot) for link in work[1]] == [
        ("处置队列", "/queue", True, 23, True)
    ]
    assert look[1][0].current  # `active` marks it on the queue's page too
