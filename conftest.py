"""What every test gets: a master key of its own, no leftovers in caches."""

import os
import tempfile
from pathlib import Path

_own = Path(tempfile.mkdtemp(prefix="qixia-test-"))
os.environ["QIXIA_VAR_DIR"] = str(_own)
os.environ["QIXIA_MASTER_KEY_FILE"] = str(_own / "keys" / "master.key")

from qixia.kernel.keys import make_key_file  # noqa: E402

make_key_file(_own / "keys" / "master.key")

import pytest  # noqa: E402
from django.db import connection  # noqa: E402

from qixia.policy import queries as policy_queries  # noqa: E402


@pytest.fixture(autouse=True)
def _no_rules_from_another_test():
    policy_queries.forget()
    yield
    policy_queries.forget()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """SQLite empties tables with DELETE, which append-only tables refuse: between tests their triggers step aside."""
    with django_db_blocker.unblock():
        if connection.vendor != "sqlite":
            return
        plain = connection.ops.execute_sql_flush

        def flush(sql_list):
            with connection.cursor() as cursor:
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                triggers = cursor.fetchall()
                for name, _sql in triggers:
                    cursor.execute(f"DROP TRIGGER {name}")
                plain(sql_list)
                for _name, sql in triggers:
                    cursor.execute(sql)

        connection.ops.execute_sql_flush = flush
