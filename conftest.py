"""What every test gets besides qixia.lab.pytest_plugin: no leftovers in caches, tables that can be emptied."""

import pytest
from django.conf import settings
from django.db import connection

from qixia.places import queries as places_queries
from qixia.policy import queries as policy_queries
from qixia.triage import active as active_model

# Pages name static files by their hash, which only `collectstatic` knows. Tests ask for them by their plain names.
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"


@pytest.fixture(autouse=True)
def _no_leftovers_from_another_test():
    _forget()
    yield
    _forget()


def _forget():
    policy_queries.forget()
    places_queries.forget()
    active_model.forget()


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
