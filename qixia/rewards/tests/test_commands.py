"""`qixia rewards audit|rebuild`: one JSON object on stdout, exit 1 on drift; the expiry job."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from qixia.kernel import clock
from qixia.rewards import queries
from qixia.rewards.models import Account, Voucher
from qixia.rewards.services import reserve
from qixia.rewards.tasks import expire_vouchers
from qixia.rewards.tests.builders import item, rider_with

pytestmark = pytest.mark.usefixtures("table")


def run(capsys, what):
    call_command("rewards", what)
    return json.loads(capsys.readouterr().out)


def test_the_audit_prints_one_line_about_sound_books(capsys):
    rider_with(17)
    line = run(capsys, "audit")
    assert (line["command"], line["sound"], line["postings"], line["entries"]) == ("rewards audit", True, 2, 4)
    assert (line["drifted"], line["unbalanced_postings"]) == ([], [])


def test_the_audit_exits_1_on_drift_and_rebuild_mends_it(capsys):
    rider = rider_with(17)
    Account.objects.filter(owner_ref=rider.ref, kind="available").update(balance=1000)
    with pytest.raises(SystemExit) as stopped:
        call_command("rewards", "audit")
    assert stopped.value.code == 1
    *found, line = (json.loads(one) for one in capsys.readouterr().out.splitlines())
    assert [one["finding"] for one in found] == ["drifted", "wrong_lots"]
    assert (line["sound"], len(line["drifted"])) == (False, 1)
    assert run(capsys, "rebuild")["changed"] == 1
    assert queries.balance(rider.ref) == 17


def test_the_job_expires_all_that_is_due_and_nothing_else():
    rider = rider_with(30)
    for n in range(2):
        reserve(actor=rider, item=item(valid_days=1).public_id, client_key=f"client-key-{n}")
    reserve(actor=rider, item=item(valid_days=30).public_id, client_key="client-key-9")
    with clock.at(clock.now() + timedelta(days=3)):
        expire_vouchers()
        expire_vouchers()
    assert sorted(Voucher.objects.values_list("state", flat=True)) == ["expired", "expired", "reserved"]
    assert queries.balance(rider.ref) == 20
