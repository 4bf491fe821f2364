"""Production and a database stamped demo never meet: neither server nor worker starts, and the deploy check says why."""

import importlib

import pytest
from django.core.management import CommandError, call_command

from qixia.kernel.config import Config
from qixia.policy import queries
from qixia.policy.services import stamp_installation
from qixia.site import checks, wsgi
from qixia.site.installation import REFUSAL


@pytest.fixture
def mode(monkeypatch):
    """Set QIXIA_MODE for the question."""

    def set_mode(name: str) -> None:
        monkeypatch.setattr(queries, "get_config", lambda: Config(mode=name))

    return set_mode


@pytest.fixture
def demo_database(db):
    stamp_installation(is_demo=True, actor_ref="system:test")


def test_production_refuses_a_demo_database(mode, demo_database):
    mode("production")
    with pytest.raises(SystemExit, match=REFUSAL):
        call_command("may_serve")
    with pytest.raises(SystemExit, match=REFUSAL):
        importlib.reload(wsgi)
    with pytest.raises(CommandError, match="stamped demo"):
        call_command("worker", once=True)
    assert [message.id for message in checks.check_database(None)] == ["qixia.E004"]


@pytest.mark.django_db
def test_production_takes_a_database_that_is_not_stamped(mode):
    mode("production")
    call_command("may_serve")
    assert checks.check_database(None) == []


def test_development_takes_the_demo_database(mode, demo_database):
    mode("development")
    call_command("may_serve")
    assert checks.check_database(None) == []
