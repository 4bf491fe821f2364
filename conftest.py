"""What every test gets besides qixia.lab.pytest_plugin: no leftovers in caches, grounds to stand on, emptied tables."""

import time

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import TransactionTestCase

from qixia.codes import queries as codes_queries
from qixia.codes.reference import class_rows
from qixia.people import queries as people_queries
from qixia.places import queries as places_queries
from qixia.policy import queries as policy_queries
from qixia.policy.services import publish_seeds
from qixia.reports.tests.town import Town, build_town
from qixia.triage import active as active_model
from tests.emptying import empty_tables
from tests.ordering import arrange, commits, hand_out
from tests.prepared import prepared
from tests.standing import GROUNDS, stands

# Pages name static files by their hash, which only `collectstatic` knows. Tests ask for them by their plain names.
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"

# In earnest a password costs a quarter of a second of CPU; here it is hashed in the same way, with less of everything.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 1024, 1

# What a process keeps for some seconds is kept through a test: read anew in the middle of it, it would count as its queries.
policy_queries.KEEP_S = codes_queries.KEEP_S = places_queries.REFRESH_S = 3600.0
CLASSES = time.monotonic(), {row.slug: row for row in class_rows()}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """In the order of tests/ordering.py, whatever order others wish for; handfuls before pytest-xdist reads them."""
    arrange(items)
    hand_out(items)
    yield
    arrange(items)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """pytest-django's own, which knows the name of this worker's database by now: so it is made here, as a copy."""
    with prepared(settings.DATABASES["default"]):
        yield


@pytest.fixture(scope="session")
def django_db_keepdb():
    """It is there already; tests/prepared.py removes it."""
    return True


@pytest.fixture(autouse=True)
def _no_leftovers_from_another_test():
    _forget()
    yield
    _forget()


def _forget():
    policy_queries.forget()
    places_queries.forget()
    people_queries.forget_organisations()
    active_model.forget()
    codes_queries._kept = CLASSES


@stands
def seeds() -> None:
    """Every rule as it ships."""
    publish_seeds()


@stands(after="seeds")
def standing_town() -> Town:
    """The town of reports; pictures go where the test says."""
    return build_town()


@pytest.fixture
def _ground(request, django_db_setup, django_db_blocker):
    """What the test begins with, see tests/standing.py. Before a test with committed rows everything goes."""
    wanted = GROUNDS.wanted_by(request.node)
    if wanted and commits(request.node):
        raise pytest.UsageError(f"{request.node.nodeid} needs committed rows: {wanted[-1][0]} is none")
    with django_db_blocker.unblock():
        GROUNDS.stand(wanted, _forget)
    _forget()


@pytest.fixture
def _django_db_helper(_ground, _django_db_helper):
    """pytest-django's own, after the ground: the test's transaction begins inside that of the ground."""


@pytest.fixture(scope="session", autouse=True)
def _empty_only_what_has_rows():
    """After a test with committed rows; pytest-django's own way empties all tables and writes permissions anew."""
    TransactionTestCase._fixture_teardown = lambda _case: empty_tables()
