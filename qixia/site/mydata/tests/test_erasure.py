"""A busy life, then erasure: nothing that the installation stores names the person any more.

Looked through: every row of every table as text, every sealed column opened with the master key, every file of the media
directory, and the originals opened with the keys that are left.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.keys import BadSeal, keys
from qixia.kernel.sealed import sealed_columns
from qixia.notices.services import tell
from qixia.people import queries as people
from qixia.people import services
from qixia.people.access import actor_for
from qixia.people.models import Person, PersonKey, Rider
from qixia.people.services import sign_in
from qixia.people.sessions import BACKEND
from qixia.reports.models import Report, ReportPhoto
from qixia.reports.sealing import open_link
from qixia.reports.tests.town import reach, send

PHONE, NEW_PHONE = "13812345678", "13987654321"
NICKNAME, REAL_NAME, RIDER_NO = "阿飞侠客", "欧阳小满", "RX-900817"
DEVICE, TOLD = "Firefox / HarmonyOS", "只有阿飞侠客知道的一句话"
SENTINELS = (PHONE, NEW_PHONE, NICKNAME, REAL_NAME, RIDER_NO, DEVICE, TOLD, "139****4321", "138****5678")


@pytest.fixture
def town(standing_town, tmp_path, monkeypatch):
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def live_busily(town: Any) -> Person:
    """Signs in, consents, reports, is told things, changes the phone, takes the data along, is looked at."""
    person = services.create_person(display_name=NICKNAME, phone=PHONE, real_name=REAL_NAME, actor="system:test")
    services.enrol_rider(person_id=person.pk, platform="yunpao", actor="system:test", rider_no=RIDER_NO)
    ref = f"person:{person.public_id}"
    for consent in people.consent_rules().texts:
        services.give_consent(person_id=person.pk, kind=consent.kind, version=consent.version, actor=ref)
    client = Client(headers={"user-agent": "Mozilla/5.0 (HarmonyOS) Firefox/130"})
    client.force_login(person, backend=BACKEND)
    for device in ("a" * 24, "b" * 24):
        services.note_sign_in(person_id=person.pk, device=device, label=DEVICE)
    actor = actor_for(person)
    for _ in range(2):
        reach(replace(town, rider=actor), "fixed")
    tell(person.pk, "report.fixed", params={"number": TOLD, "title": NICKNAME}, link="/mine", key="told")
    asked = services.request_phone_change(person_id=person.pk, phone=NEW_PHONE, address="192.0.2.7")
    message = people.code_message(asked.public_id)
    assert message is not None
    client.get("/me/data/")
    services.change_phone(
        person_id=person.pk, challenge=asked.public_id, code=message[1], address="192.0.2.7", actor=ref
    )
    sign_in.request_sign_in_code(phone=NEW_PHONE, address="192.0.2.8")
    services.request_export(person_id=person.pk, actor=ref)
    run_pending()
    return person


def everything(folder: Path) -> str:
    """All that is stored, as one text: rows, what sealed columns say, files."""
    parts = [json.dumps(_rows(), ensure_ascii=False, default=_shown)]
    parts += [_opened(model, column, purpose) for model, column, purpose in _sealed_columns()]
    parts += [path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]
    parts += [path.name for path in folder.rglob("*")]
    return "\n".join(parts)


def _rows() -> dict[str, list[Any]]:
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = [list(row) for row in cursor.fetchall()]
    return found


def _shown(value: Any) -> str:
    if isinstance(value, memoryview | bytes):
        return base64.b64encode(bytes(value)).decode() + " " + bytes(value).decode("utf-8", "replace")
    return str(value)


def _sealed_columns() -> list[tuple[Any, str, str | None]]:
    return [(apps.get_model(column.model), column.column, column.purpose) for column in sealed_columns()]


def _opened(model: Any, column: str, purpose: str | None) -> str:
    """What the master key reads in one sealed column. A wrapped key is opened too: it must not be a way around."""
    texts = []
    for row in model._default_manager.exclude(**{column: None}):
        sealed = bytes(getattr(row, column))
        try:
            plain = keys().unwrap(sealed) if purpose is None else keys().open(sealed, purpose=_filled(purpose, row))
        except BadSeal:
            pytest.fail(f"{model.__name__}.{column} does not open")
        texts.append(plain.decode("utf-8", "replace"))
    return "\n".join(texts)


def _filled(purpose: str, row: Any) -> str:
    return purpose.format_map({field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})


def test_after_erasure_nothing_names_the_person(town, tmp_path, django_capture_on_commit_callbacks):
    person = live_busily(town)
    media = tmp_path / "media"
    before = everything(media)
    # The search can find: what is not sealed under the person's own key is there before.
    for sentinel in (NICKNAME, RIDER_NO, DEVICE, TOLD, NEW_PHONE):
        assert sentinel in before
    services.request_erasure(person_id=person.pk, actor=f"person:{person.public_id}")
    with clock.at(clock.now() + timedelta(days=7, minutes=1)), django_capture_on_commit_callbacks(execute=True):
        assert services.carry_out_erasures() == 1
        run_pending()
    after = everything(media)
    assert [sentinel for sentinel in SENTINELS if sentinel in after] == []
    assert not PersonKey.objects.filter(person=person).exists()
    assert not Rider.objects.filter(person=person).exists()


def test_the_link_of_an_old_report_opens_to_a_pseudonym_without_a_name(town, django_capture_on_commit_callbacks):
    person = live_busily(town)
    report = Report.objects.exclude(reporter_link=None).latest("pk")
    with django_capture_on_commit_callbacks(execute=True):
        services.erase_person(person_id=person.pk, actor="system:test")
        run_pending()
    public_id = open_link(report.reporter_link, report=report.public_id)
    assert public_id == person.public_id
    assert people.display_name_for(public_id) == "已注销"
    assert people.phone_for_message(person.pk) == ""


def test_the_originals_are_destroyed_and_the_redacted_copies_stay(town, tmp_path, django_capture_on_commit_callbacks):
    person = live_busily(town)
    media = tmp_path / "media"
    copies = {path for path in (media / "copies").rglob("*") if path.is_file()}
    others = send(town.other_rider)
    run_pending()
    with django_capture_on_commit_callbacks(execute=True):
        services.erase_person(person_id=person.pk, actor="system:test")
        run_pending()
    assert copies <= set((media / "copies").rglob("*"))
    left = [path for path in (media / "originals").rglob("*") if path.is_file()]
    of_units = ReportPhoto.objects.filter(by_reporter=False).count()
    assert len(left) == Report.objects.get(number=others.number).photos.count() + of_units


def test_the_same_phone_may_come_again_as_somebody_new(town, django_capture_on_commit_callbacks):
    person = live_busily(town)
    with django_capture_on_commit_callbacks(execute=True):
        services.erase_person(person_id=person.pk, actor="system:test")
        run_pending()
    new = services.create_person(display_name=NICKNAME, phone=NEW_PHONE, actor="system:test")
    assert new.public_id != person.public_id
