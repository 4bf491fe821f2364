"""Rules are versions in time; a demo database stays one."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotConfigured, Stale
from qixia.policy import kinds, queries, services
from qixia.policy.models import RuleVersion

pytestmark = pytest.mark.django_db


class Shape(BaseModel):
    limit: int


@pytest.fixture(autouse=True)
def kind(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "_KINDS", {})
    seed = tmp_path / "seed.yaml"
    seed.write_text("limit: 3")
    kinds.register(kinds.Kind("test.limit", Shape, seed, "测试"))


def test_a_seed_is_published_once_and_holds_since_ever():
    assert services.publish_seeds() == ["test.limit"]
    assert services.publish_seeds() == []
    assert queries.current("test.limit", at=datetime(2020, 1, 1, tzinfo=UTC)).data.limit == 3


def test_a_later_version_holds_from_its_moment():
    services.publish_seeds()
    tomorrow = clock.now() + timedelta(days=1)
    services.publish("test.limit", {"limit": 9}, note="more", actor_ref="person:a", valid_from=tomorrow)
    assert queries.current("test.limit").data.limit == 3
    assert queries.current("test.limit", at=tomorrow).version == 2


def test_asking_again_costs_no_query(django_assert_num_queries):
    services.publish_seeds()
    queries.current("test.limit")
    with django_assert_num_queries(0):
        queries.current("test.limit")


def test_bad_data_names_the_place_and_publishes_nothing():
    with pytest.raises(Invalid, match="limit"):
        services.publish("test.limit", {"limit": "many"}, note="", actor_ref="person:a")
    assert not RuleVersion.objects.exists()
    with pytest.raises(NotConfigured):
        queries.current("test.limit")


def test_two_editors_of_one_version_the_second_is_told():
    services.publish_seeds()
    services.publish("test.limit", {"limit": 4}, note="", actor_ref="person:a", after=1)
    with pytest.raises(Stale):
        services.publish("test.limit", {"limit": 5}, note="", actor_ref="person:b", after=1)
    assert queries.current("test.limit").data.limit == 4


def test_a_stamp_is_for_ever():
    services.stamp_installation(is_demo=True, seed=1)
    services.stamp_installation(is_demo=True, seed=1)
    assert queries.is_demo_database()
    with pytest.raises(services.AlreadyStamped):
        services.stamp_installation(is_demo=False)
