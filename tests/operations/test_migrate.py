"""`qixia migrate` does not make everybody wait behind it for a lock."""

from __future__ import annotations

import time
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection


@pytest.fixture
def _back_again():
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_back_again")
def test_a_lock_that_is_not_free_ends_the_try_soon_and_nothing_is_half_done() -> None:
    words = {"lock_timeout": 0.2, "lock_tries": 2, "verbosity": 0, "stderr": StringIO()}
    if connection.vendor != "postgresql":
        call_command("migrate", "audit", "0001", **words)  # the options mean nothing to SQLite, which has one writer
        return
    parameters = {
        k: v for k, v in connection.get_connection_params().items() if k in ("host", "port", "user", "dbname")
    }
    with psycopg.connect(**parameters) as other:
        other.execute("LOCK TABLE audit_accessrecord IN ACCESS SHARE MODE")
        started = time.monotonic()
        with pytest.raises(CommandError, match=r"2 times\. What was done before stands"):
            call_command("migrate", "audit", "0001", **words)
        assert 0.4 <= time.monotonic() - started < 10
        assert "1 more tries" in words["stderr"].getvalue()
        assert other.execute("SELECT count(*) FROM pg_class WHERE relname = 'audit_accessrecord'").fetchone() == (1,)
    call_command("migrate", "audit", "0001", **words)  # free again
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'audit_accessrecord'")
        assert cursor.fetchone() == (0,)
