"""The demo district lives through real acts; its figures are the books' figures."""

from __future__ import annotations

import pytest

from qixia.demo import load as demo
from qixia.demo import story
from qixia.kernel.config import get_config
from qixia.people.models import Person
from qixia.people.queries import forget_organisations
from qixia.people.services import create_person
from qixia.policy.queries import current, is_demo_database
from qixia.policy.services import stamp_installation
from qixia.reports import states
from qixia.reports.models import Report
from qixia.reports.sealing import index_of
from qixia.rewards.queries import balance
from qixia.rewards.services import compare


@pytest.fixture(autouse=True)
def _own_media(tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    forget_organisations()
    yield
    forget_organisations()


SIGN_INS = {"rider", "worker", "clerk", "supervisor", "merchant", "admin", "data_officer", "auditor"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rider_of_the_demo_has_235_points_and_every_state_has_something(db):
    demo.load(days=0)
    accounts = {account.role: account.person for account in current("people.demo_accounts").data.accounts}
    assert set(accounts) == SIGN_INS
    assert balance(f"person:{accounts['rider']}") == story.BALANCE == 235
    mine = Report.objects.filter(reporter_index=index_of(accounts["rider"]))
    assert mine.count() == sum(story.REPORTS.values()) == 22
    assert mine.filter(state="fixed").count() == story.ANSWERED
    found = set(Report.objects.values_list("state", flat=True))
    assert set(states.STATES) - found <= {"received", "closed", "invalid", "aside"}
    assert compare().is_sound
    assert is_demo_database()
    assert not Person.objects.filter(is_demo=False).exists()
    with pytest.raises(demo.NotADemo):
        demo.load(days=0)


def test_a_database_with_people_of_its_own_is_left_alone(db):
    create_person(display_name="某人", actor="system:test")
    with pytest.raises(demo.NotADemo):
        demo.load(days=0, fresh=True)
    assert Person.objects.count() == 1


def test_a_production_database_is_left_alone(db):
    stamp_installation(is_demo=False)
    with pytest.raises(demo.NotADemo):
        demo.load(days=0)
    assert not Person.objects.exists()
