import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from qixia.kernel import clock
from qixia.kernel.config import Config
from qixia.kernel.keys import make_key_file
from qixia.policy import holidays
from qixia.policy.services import fill_calendar, publish_seeds
from qixia.site import checks
from qixia.site.backup import mark as backup_mark

ALL = (
    checks.check_mode,
    checks.check_key,
    checks.check_addresses,
    checks.check_storage,
    checks.check_monitoring,
)


@pytest.fixture
def good(tmp_path: Path) -> dict[str, object]:
    """Settings with which nothing is to be said."""
    make_key_file(tmp_path / "secrets" / "master.key")
    config = Config(var_dir=tmp_path / "var")
    mark = backup_mark.path_of(config)
    mark.parent.mkdir(parents=True)
    mark.touch()
    (tmp_path / "var" / "media").mkdir(mode=0o700)
    return {
        "mode": "production",
        "var_dir": tmp_path / "var",
        "database_url": "postgresql://qixia@db/qixia",
        "master_key_file": tmp_path / "secrets" / "master.key",
        "allowed_hosts": ["qixia.example.org"],
        "base_url": "https://qixia.example.org",
        "tls": True,
        "trusted_proxy": True,
        "metrics_token": "f00d" * 12,
    }


def findings(monkeypatch, settings: dict[str, object]) -> set[str]:
    config = Config(**settings)
    monkeypatch.setattr(checks, "get_config", lambda: config)
    return {message.id for check in ALL for message in check(None)}


def test_a_good_installation_is_left_alone(good, monkeypatch):
    assert findings(monkeypatch, good) == set()


@pytest.mark.parametrize(
    ("change", "ident"),
    [
        ({"mode": "development"}, "qixia.E001"),
        ({"debug": True}, "qixia.E002"),
        ({"demo": True}, "qixia.E003"),
        ({"master_key_file": Path("/no/such/key")}, "qixia.E010"),
        ({"allowed_hosts": ["*"]}, "qixia.E020"),
        ({"allowed_hosts": []}, "qixia.E020"),
        ({"base_url": "http://qixia.example.org"}, "qixia.E021"),
        ({"tls": False}, "qixia.E022"),
        ({"trusted_proxy": False}, "qixia.W023"),
        ({"metrics_token": ""}, "qixia.W040"),
        ({"metrics_token": "short"}, "qixia.E041"),
        ({"database_url": "sqlite:////srv/qixia/db.sqlite3"}, "qixia.W030"),
    ],
)
def test_each_fault_is_named_alone(good, monkeypatch, change, ident):
    assert findings(monkeypatch, good | change) == {ident}


def test_a_key_that_others_can_read(good, monkeypatch):
    os.chmod(good["master_key_file"], 0o640)
    assert findings(monkeypatch, good) == {"qixia.E011"}


@pytest.mark.parametrize("place", ["media", "static"])
def test_a_key_in_a_folder_that_is_copied(good, monkeypatch, place):
    key = good["var_dir"] / place / "keys" / "master.key"
    make_key_file(key)
    assert findings(monkeypatch, good | {"master_key_file": key}) == {"qixia.E012"}


def test_a_key_beside_the_sqlite_file(good, monkeypatch, tmp_path):
    settings = good | {"database_url": f"sqlite:///{tmp_path}/secrets/qixia.sqlite3"}
    assert findings(monkeypatch, settings) == {"qixia.E012", "qixia.W030"}


def test_an_old_backup(good, monkeypatch):
    mark = backup_mark.path_of(Config(**good))
    yesterday = time.time() - 27 * 3600
    os.utime(mark, (yesterday, yesterday))
    assert findings(monkeypatch, good) == {"qixia.W031"}
    mark.unlink()
    assert findings(monkeypatch, good) == {"qixia.W031"}


def test_old_keys_that_others_can_read(good, monkeypatch):
    old = good["master_key_file"].parent / "old" / "0a1b2c3d.key"
    make_key_file(old)
    assert findings(monkeypatch, good) == set()
    old.chmod(0o644)
    assert findings(monkeypatch, good) == {"qixia.E011"}


def test_old_keys_that_nobody_removed(good, monkeypatch):
    old = good["master_key_file"].parent / "old" / "0a1b2c3d.key"
    make_key_file(old)
    month = time.time() - 31 * 86_400
    os.utime(old, (month, month))
    assert findings(monkeypatch, good) == {"qixia.W013"}


def test_pictures_that_others_can_look_at(good, monkeypatch):
    (good["var_dir"] / "media").chmod(0o755)
    assert findings(monkeypatch, good) == {"qixia.E032"}


def test_pictures_that_cannot_be_written(good, monkeypatch):
    monkeypatch.setattr(checks.os, "access", lambda *_: False)
    assert findings(monkeypatch, good) == {"qixia.E033"}


@pytest.mark.django_db
def test_a_year_whose_holidays_are_not_known(monkeypatch):
    monkeypatch.setattr(holidays, "noticed", lambda year: [] if year < 2027 else None)
    last, first = (datetime(2026, month, day, 12, tzinfo=clock.CITY_TZ) for month, day in ((9, 30), (10, 1)))
    publish_seeds()
    fill_calendar(last.date())
    with clock.at(last):
        assert checks.check_calendar(None) == []
    with clock.at(first):  # three months ahead, as the rule says
        (found,) = checks.check_calendar(None)
    assert found.id == "qixia.W050"
    assert "2027" in found.msg


@pytest.mark.django_db
def test_of_an_installation_that_is_not_prepared_no_year_is_asked():
    assert checks.check_calendar(None) == []
