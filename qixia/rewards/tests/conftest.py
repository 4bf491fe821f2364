from datetime import UTC, datetime

import pytest

from qixia.policy.services import publish, publish_seeds
from qixia.rewards.tests.builders import TABLE


@pytest.fixture
def table(db):
    """A small table of rules without a cap on the day, in force since ever; every other kind as it ships."""
    publish_table()
    publish_seeds()


@pytest.fixture
def table_live(transactional_db):
    """The same for tests with threads, which need committed rows."""
    publish_table()
    publish_seeds()


def publish_table(*, valid_from=datetime(2000, 1, 1, tzinfo=UTC), **changes):
    publish("rewards.points", {**TABLE, **changes}, note="测试", actor_ref="system:test", valid_from=valid_from)
