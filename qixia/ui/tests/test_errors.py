"""Every refusal in three forms: a page, an htmx fragment, problem+json."""

import json
import sqlite3
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, HttpResponseNotAllowed
from django.test import Client
from django.urls import path

from qixia.kernel.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, Stale, TooLarge, TooMany
from qixia.ui import errors
from qixia.ui.middleware import ErrorMiddleware, LanguageMiddleware


class NotEnough(Conflict):
    code = "test.not_enough"
    message = "还差 %(needed)s 分，你有 %(have)s 分。"


ERROR = NotEnough(field="points", needed=5, have=3)


def test_json_has_all_members_of_rfc_9457(rf) -> None:
    response = errors.answer(rf.get("/api/v1/x"), ERROR)
    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) == {"type", "title", "status", "detail", "code", "field", "request_id"}
    assert (body["type"], body["status"], body["code"]) == ("/problems/test.not_enough", 409, "test.not_enough")
    assert (body["detail"], body["field"]) == ("还差 5 分，你有 3 分。", "points")


def test_accept_json_gets_json_a_browser_a_page(rf) -> None:
    as_json = errors.answer(rf.get("/x", headers={"Accept": "application/json"}), ERROR)
    as_page = errors.answer(rf.get("/x", headers={"Accept": "text/html,application/json;q=0.9"}), ERROR)
    assert as_json["Content-Type"] == "application/problem+json"
    assert as_page["Content-Type"].startswith("text/html")


def test_htmx_gets_a_toast_and_the_open_page_stays(rf) -> None:
    response = errors.answer(rf.post("/x", headers={"HX-Request": "true"}), ERROR)
    html = response.content.decode()
    assert response.status_code == 409
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#qx-toasts", "beforeend")
    assert "还差 5 分，你有 3 分。" in html
    assert "<html" not in html


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound(), 404), (NotAllowed(), 403), (Stale(), 409), (TooLarge(), 413), (Invalid(), 422), (TooMany(), 429)],
)
def test_page_says_what_happened_and_gives_the_code(rf, error: DomainError, status: int) -> None:
    response = errors.answer(rf.get("/x"), error)
    html = response.content.decode()
    assert response.status_code == status
    assert error.message in html
    assert error.code in html
    assert 'href="/"' in html
    assert response["Cache-Control"] == "no-store"


def test_too_many_says_when_to_come_again(rf) -> None:
    assert errors.answer(rf.get("/api/x"), TooMany(retry_after=90))["Retry-After"] == "90"


def test_text_is_escaped(rf) -> None:
    error = Invalid("“%(name)s”不行", name="<script>alert(1)</script>")
    html = errors.answer(rf.get("/x", headers={"HX-Request": "true"}), error).content.decode()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_text_that_does_not_fit_its_context_still_shows(rf) -> None:
    assert errors.message_of(Invalid("差 %(missing)s", other=1)) == "差 %(missing)s"


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (Http404("x"), 404, "not_found"),
        (PermissionDenied(), 403, "not_allowed"),
        (RequestDataTooBig(), 413, "too_large"),
        (SuspiciousOperation(), 400, "bad_request"),
    ],
)
def test_djangos_own_refusals_are_translated(rf, exception: Exception, status: int, code: str) -> None:
    response = ErrorMiddleware(lambda request: HttpResponse()).process_exception(rf.get("/api/x"), exception)
    assert response is not None
    assert response.status_code == status
    assert json.loads(response.content)["code"] == code


def test_what_nobody_foresaw_is_left_to_django(rf) -> None:
    assert ErrorMiddleware(lambda request: HttpResponse()).process_exception(rf.get("/x"), ValueError()) is None


def test_the_page_for_failures_needs_no_request_and_no_database(rf) -> None:
    # No django_db mark: a query would fail this test.
    response = errors.server_error(rf.get("/x"))
    html = response.content.decode()
    assert response.status_code == 500
    assert "再试一次" in html
    assert "qx-oops" in html


def test_a_broken_template_still_gives_an_answer(rf, monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(errors, "render_to_string", fail)
    response = errors.server_error(rf.get("/x"))
    assert response.status_code == 500
    assert "出错了" in response.content.decode()


# ── through the whole stack ──────────────────────────────────────────────────


def _stale(request) -> HttpResponse:
    raise Stale()


def _fail(request) -> HttpResponse:
    raise RuntimeError("secret detail")


def _post(request) -> HttpResponse:
    return HttpResponse("posted")


urlpatterns = [path("api/stale", _stale), path("api/fail", _fail), path("api/post", _post)]
handler404 = errors.not_found
handler500 = errors.server_error


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_through_the_stack() -> None:
    client = Client(raise_request_exception=False)
    stale = client.get("/api/stale")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    missing = client.get("/api/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    failed = client.get("/api/fail")
    assert (failed.status_code, failed.json()["code"]) == (500, "internal")
    assert "secret detail" not in failed.content.decode()


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_csrf_failure_is_ours() -> None:
    response = Client(enforce_csrf_checks=True).post("/api/post")
    assert (response.status_code, response.json()["code"]) == (403, "csrf")


def test_an_empty_405_becomes_an_answer_and_keeps_what_is_allowed(rf) -> None:
    response = ErrorMiddleware(lambda request: HttpResponseNotAllowed(["POST"]))(rf.get("/api/x"))
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert json.loads(response.content)["code"] == "method_not_allowed"


# ── language ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cookie", "language"), [("en", "en"), ("zh-hans", "zh-hans"), ("", "zh-hans"), ("xx", "zh-hans")]
)
def test_language_is_the_persons_choice_never_the_browsers(rf, settings, cookie: str, language: str) -> None:
    request = rf.get("/", headers={"Accept-Language": "en-GB,en"})
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = cookie
    response = LanguageMiddleware(lambda request: HttpResponse())(request)
    assert response["Content-Language"] == language


class TestTheMachinesOwnTroubles:
    """Real failures of real devices and databases, not made-up ones."""

    def test_a_full_disk(self, rf) -> None:
        with pytest.raises(OSError) as full, open("/dev/full", "wb", buffering=0) as device:
            device.write(b"x")
        error = errors.as_domain_error(full.value)
        assert error is not None
        assert (error.code, error.status) == ("storage_full", 507)
        assert errors.answer(rf.get("/"), error).headers["Retry-After"] == "300"

    def test_other_errors_of_files_are_ours(self) -> None:
        with pytest.raises(OSError) as missing:
            Path("/no/such/file").read_bytes()
        assert errors.as_domain_error(missing.value) is None

    def test_a_locked_database_is_busy_a_missing_table_is_a_mistake(self, tmp_path) -> None:
        def ask(sql: str) -> Exception:
            other = sqlite3.connect(tmp_path / "x.sqlite3", timeout=0)
            try:
                other.execute(sql)
            except sqlite3.OperationalError as cause:
                error = OperationalError(str(cause))
                error.__cause__ = cause
                return error
            raise AssertionError("it worked")

        holder = sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)
        holder.execute("CREATE TABLE t (a)")
        holder.execute("BEGIN EXCLUSIVE")
        busy = errors.as_domain_error(ask("INSERT INTO t VALUES (1)"))
        holder.execute("COMMIT")
        assert busy is not None
        assert (busy.code, busy.status) == ("unavailable", 503)
        assert errors.as_domain_error(ask("SELECT * FROM missing")) is None

    def test_a_server_that_is_not_there(self, rf) -> None:
        with pytest.raises(psycopg.OperationalError) as gone:
            psycopg.connect("host=127.0.0.1 port=1 connect_timeout=2")
        error = OperationalError("gone")
        error.__cause__ = gone.value
        found = errors.as_domain_error(error)
        assert found is not None
        assert found.status == 503
        assert "填好的内容还在" in errors.answer(rf.get("/"), found).content.decode()

    def test_a_failure_before_the_view_is_found_too(self, rf) -> None:
        try:
            raise InterfaceError("connection already closed")
        except InterfaceError:
            assert errors.server_error(rf.get("/")).status_code == 503
        try:
            raise KeyError("x")
        except KeyError:
            assert errors.server_error(rf.get("/")).status_code == 500
