"""The nightly proof: it continues from what was found sound, tells who must know, and an auditor has a word on late postings."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from qixia.audit.models import AuditEvent
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotAllowed
from qixia.notices.models import Notice
from qixia.people.sessions import BACKEND
from qixia.rewards import queries
from qixia.rewards.errors import NoLatePosting
from qixia.rewards.models import Acknowledgement, Batch, Digest, Link, Posting, Replay
from qixia.rewards.services import acknowledge, chain, compare, digests, prove, seal_postings
from qixia.rewards.tests.builders import give, person, rider_with
from qixia.rewards.tests.test_chain import past_the_triggers

pytestmark = pytest.mark.usefixtures("table")
CONTINUES = connection.vendor == "postgresql"  # digests are PostgreSQL's: on SQLite every proof is whole


def sealed(count=4):
    rider = rider_with(15 * count)
    while seal_postings(limit=2):
        pass
    return rider


def read_out(monkeypatch):
    """Which postings a proof reads out."""
    seen: list[int] = []
    look_at = chain.look_at
    monkeypatch.setattr(chain, "look_at", lambda postings: seen.extend(postings) or look_at(postings))
    return seen


def test_a_night_reads_out_only_what_is_new_and_a_week_everything(monkeypatch):
    rider = sealed()
    first = prove()
    assert (first.sound, first.whole, first.through, Digest.objects.count()) == (True, True, 2, 2 * CONTINUES)
    give(rider, 15)
    seal_postings()
    seen = read_out(monkeypatch)
    second = prove()
    newest = Posting.objects.latest("pk").pk
    assert (second.sound, second.whole, second.through, second.sealed) == (True, not CONTINUES, 3, 5)
    assert (seen[-1], len(seen), Digest.objects.count()) == ((newest, 1, 3) if CONTINUES else (newest, 5, 0))
    seen.clear()
    assert (prove(whole=True).whole, len(seen)) == (True, 5)
    seen.clear()
    with clock.at(clock.now() + timedelta(days=7)):
        assert (prove().whole, len(seen)) == (True, 5)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE rewards_posting SET actor = 'x' WHERE id = %s",
        "UPDATE rewards_posting SET created_at = '2020-01-01' WHERE id = %s",
        "UPDATE rewards_entry SET expires_on = '2030-01-01' WHERE posting_id = %s AND expires_on IS NOT NULL",
        "UPDATE rewards_entry SET account_id = account_id WHERE posting_id < %s",
    ],
)
def test_a_night_that_continues_finds_an_edit_in_an_old_batch(edit):
    sealed()
    assert prove().sound
    old = Posting.objects.order_by("pk")[1].pk
    past_the_triggers((edit, old))
    changes_nothing = "account_id = account_id" in edit
    found = prove()
    assert found.sound == changes_nothing
    assert changes_nothing or found.findings["edited_postings"] == [old]
    assert found.whole != CONTINUES


def test_who_rewrites_a_digest_too_is_found_by_the_whole_proof():
    sealed()
    prove()
    old = Posting.objects.order_by("pk")[1].pk
    past_the_triggers(("UPDATE rewards_posting SET actor = 'x' WHERE id = %s", old))
    if CONTINUES:
        Digest.objects.filter(number=1).update(value=digests.made(0, 2)[1])
    assert prove().sound == CONTINUES
    assert prove(whole=True).findings == {"edited_postings": [old]}


def test_what_does_not_fit_is_told_once_a_night_to_who_keeps_and_who_audits():
    sealed()
    people = {person("admin").person_id, person("auditor").person_id}
    person("clerk")
    prove()
    assert not Notice.objects.filter(template="books.unsound").exists()
    past_the_triggers(("UPDATE rewards_posting SET actor = 'x'",))
    assert (prove().sound, queries.latest_is_sound()) == (False, False)
    assert set(Notice.objects.filter(template="books.unsound").values_list("person_id", flat=True)) == people


def late_posting(monkeypatch):
    sealed(3)
    monkeypatch.setattr(chain, "WINDOW", 0)
    first = Posting.objects.order_by("pk")[0]
    late = Posting.objects.get(pk=first.pk)
    late.pk, late.key, late.points, late.nominal = first.pk - 1000, "late", 0, 0
    late.save(force_insert=True)
    return late.pk


def test_an_auditor_lets_a_late_posting_stand_and_the_next_batch_takes_it(monkeypatch, capsys):
    late = late_posting(monkeypatch)
    auditor = person("auditor")
    prove()
    assert queries.replays()[0].late == [late]
    for actor, reason, refusal in (
        (person("admin"), "查过了", NotAllowed),
        (auditor, " ", Invalid),
    ):
        with pytest.raises(refusal):
            acknowledge(actor=actor, posting=late, reason=reason)
    with pytest.raises(NoLatePosting):
        acknowledge(actor=auditor, posting=Posting.objects.latest("pk").pk, reason="查过了")
    assert (Acknowledgement.objects.count(), seal_postings()) == (0, 0)
    acknowledge(actor=auditor, posting=late, reason="停电时的一笔")
    acknowledge(actor=auditor, posting=late, reason="再说一次")
    assert AuditEvent.objects.filter(action="rewards.acknowledged", subject=f"posting:{late}").count() == 1
    found = compare()
    assert (found.is_sound, found.acknowledged, queries.replays()[0].late) == (True, [late], [])
    assert (seal_postings(), Link.objects.filter(posting=late).exists()) == (1, True)
    call_command("rewards", "audit", "--full")
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["sound"], line["whole"], line["acknowledged"], line["through"]) == (
        True,
        True,
        [late],
        Batch.objects.count(),
    )


def test_a_word_that_the_audit_log_does_not_know_counts_for_nothing(monkeypatch):
    late = late_posting(monkeypatch)
    Acknowledgement.objects.create(posting_id=late, reason="自己写的", by="person:x")
    assert compare().findings == {"smuggled_postings": [late]}


def test_the_page_of_proofs_asks_the_auditor_alone(client, monkeypatch, django_user_model):
    late = late_posting(monkeypatch)
    prove()
    admin, auditor = person("admin"), person("auditor")
    where = "/desk/rewards/audit/"
    client.force_login(django_user_model.objects.get(pk=admin.person_id), backend=BACKEND)
    assert 'data-testid="late"' not in client.get(where).content.decode()
    assert client.post(f"{where}late", {"posting": late, "reason": "查过了"}).status_code == 403
    client.force_login(django_user_model.objects.get(pk=auditor.person_id), backend=BACKEND)
    assert client.get(where).content.decode().count('data-testid="late"') == 1
    assert client.post(f"{where}late", {"posting": late, "reason": " "}).status_code == 422
    assert client.post(f"{where}late", {"posting": "x", "reason": "查过了"}).status_code == 404
    assert client.post(f"{where}late", {"posting": late, "reason": "查过了"}).status_code == 303
    page = client.get(where).content.decode()
    assert ('data-testid="late"' in page, "查过了" in page, Replay.objects.count()) == (False, True, 1)
