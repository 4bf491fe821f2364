import json
import logging
import os
import subprocess
import sys

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve

from qixia.people.middleware import attach
from qixia.people.sessions import BACKEND
from qixia.reports.tests.town import accepted
from qixia.site.logs import Line, RequestLogMiddleware, black_out


def line(message: str, *args: object, **extra: object) -> dict[str, object]:
    record = logging.getLogger("qixia.test").makeRecord(
        "qixia.test", logging.INFO, __file__, 1, message, args, None, extra=extra
    )
    return json.loads(Line().format(record))


class TestPersonalData:
    @pytest.mark.parametrize(
        "text",
        [
            "13812345678",
            "+8613812345678",
            "86 138 1234 5678",
            "138-1234-5678",
            "电话13812345678。",
            "11010519900307123X",
            "号110105199003071234吗",
        ],
    )
    def test_is_blacked_out(self, text: str):
        assert not any(letter.isdigit() for letter in black_out(text))

    @pytest.mark.parametrize(
        "text",
        ["407188235", "2026-11-20T08:15:30.123456+00:00", "0a13812345678zzzz", "12345678901234567890123", "1234.5"],
    )
    def test_other_numbers_stay(self, text: str):
        assert black_out(text) == text

    def test_neither_in_arguments_nor_in_fields_nor_in_tracebacks(self):
        written = json.dumps(line("sent to %s", "13812345678", target="13912345678"))
        assert "13812345678" not in written
        assert "13912345678" not in written
        try:
            raise ValueError("no such phone 13812345678")
        except ValueError as error:
            record = logging.getLogger("qixia").makeRecord(
                "qixia", logging.ERROR, __file__, 1, "broke", (), (type(error), error, error.__traceback__)
            )
        broken = Line().format(record)
        assert "no such phone" in broken
        assert "13812345678" not in broken


def test_a_line_is_one_json_object():
    written = line("first\nsecond", count=3)
    assert (written["level"], written["logger"], written["message"]) == ("INFO", "qixia.test", "first\nsecond")
    assert written["count"] == 3


@pytest.fixture
def records():
    """What the access log is given, whatever handlers there are."""
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append
    access = logging.getLogger("qixia.access")
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    yield seen
    access.removeHandler(handler)


@pytest.mark.django_db
class TestAccessLine:
    def test_says_what_was_asked_without_query(self, client: Client, records):
        answer = client.get("/no-such-page?phone=13812345678", headers={"X-Request-ID": "from-the-proxy-1"})
        (record,) = records
        assert (record.path, record.status, record.method, record.actor) == ("(no such address)", 404, "GET", "anyone")
        assert record.ms >= 0
        assert record.queries >= 0
        assert answer["X-Request-ID"] == "from-the-proxy-1"

    @pytest.mark.parametrize("given", ["", "short", "with space inside", "x" * 65, "quote'\"<script>"])
    def test_a_strange_id_is_replaced(self, client: Client, given: str):
        answer = client.get("/healthz", headers={"X-Request-ID": given})
        assert answer["X-Request-ID"] != given
        assert len(answer["X-Request-ID"]) == 26

    def test_probes_leave_no_line(self, client: Client, records):
        client.get("/healthz")
        assert records == []


@pytest.mark.django_db
class TestWho:
    """A line of a rider joins nothing; what staff looked at can be told."""

    def of(self, records, town, name, path):
        client = Client()
        client.force_login(town.people[name], backend=BACKEND)
        client.get(path)
        (record,) = records
        return record.path, record.actor, json.loads(Line().format(record))

    @pytest.fixture
    def town(self, standing_town):
        return standing_town

    def test_a_rider_is_a_rider_at_a_pattern(self, town, records):
        report = accepted(town.rider).public_id
        path, actor, whole = self.of(records, town, "rider", f"/r/{report}/")
        assert actor == "rider"
        assert path.startswith("/r/<")
        written = json.dumps(whole)
        for name in (report, town.people["rider"].public_id, town.rider.ref):
            assert name not in written

    def test_staff_are_named_with_what_they_looked_at(self, town, records):
        report = accepted(town.rider).public_id
        path, actor, _whole = self.of(records, town, "clerk", f"/desk/case/{report}/")
        assert (path, actor) == (f"/desk/case/{report}/", town.clerk.ref)

    def test_an_error_names_the_pattern_too(self, town, rf):
        request = rf.get("/r/secret-of-a-report/")
        request.resolver_match = resolve("/r/secret-of-a-report/")
        record = logging.getLogger("django.request").makeRecord(
            "django.request",
            logging.ERROR,
            __file__,
            1,
            "%s: %s",
            ("Internal Server Error", request.path),
            None,
            extra={"request": request, "status_code": 500},
        )
        written = Line().format(record)
        assert "secret-of-a-report" not in written
        assert "Internal Server Error: /r/<" in written


def test_a_row_that_the_database_refused_is_not_quoted():
    refused = 'duplicate key "x"\nDETAIL:  Key (source)=(report:secret) already exists.\nmore'
    try:
        raise ValueError(refused)
    except ValueError as error:
        record = logging.getLogger("qixia").makeRecord(
            "qixia", logging.ERROR, __file__, 1, "broke", (), (type(error), error, error.__traceback__)
        )
    written = Line().format(record)
    assert "duplicate key" in written
    assert "more" in written
    assert "report:secret" not in written


@pytest.mark.django_db
def test_a_failure_that_nobody_foresaw_is_logged_with_its_traceback(tmp_path):
    """In a process of its own, set up as production is: Django skips our function when LOGGING is empty."""
    script = tmp_path / "fail.py"
    script.write_text(
        "import django\n"
        "django.setup()\n"
        "from django.test import Client\n"
        "from qixia.site import pwa\n"
        "pwa.static = lambda *_: 1 / 0\n"
        "print(Client(raise_request_exception=False).get('/sw.js').status_code)\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "qixia.site.settings"}
    ran = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "500"
    assert any("ZeroDivisionError" in row and json.loads(row)["level"] == "ERROR" for row in ran.stderr.splitlines())


@pytest.mark.django_db
def test_a_line_asks_the_database_nothing(rf, records, django_assert_num_queries):
    """Else a request that fails because the database is gone would fail again, outside of all that answers decently."""

    def respond(request):
        request.session = SessionStore("x" * 32)
        attach(request)
        return HttpResponse()

    with django_assert_num_queries(0):
        RequestLogMiddleware(respond)(rf.get("/x"))
    assert records[-1].actor == "anyone"
