"""Everything here needs the policies that ship."""

import pytest

from qixia.people import queries
from qixia.policy.services import publish_seeds


@pytest.fixture(autouse=True)
def _fresh_organisations():
    queries.forget_organisations()
    yield
    queries.forget_organisations()


@pytest.fixture
def seeded(db):
    publish_seeds()


@pytest.fixture
def seeded_for_threads(transactional_db):
    publish_seeds()
