"""Seal who reported what was raised before, and let its history say "reporter" instead of a person.

Retries  rows that are sealed already are passed over, so a migration that was killed goes on where it stood.
History  ReportStep refuses changes by trigger; the triggers step aside for this one statement and come back.
"""

import hashlib
import os

from django.db import migrations

from qixia.kernel.keys import keys

BATCH = 500
_VERBS = ("update", "delete")
_STEPS = "reports_reportstep"


def seal(apps, schema_editor):
    Report = apps.get_model("reports", "Report")
    unsealed = Report.objects.using(schema_editor.connection.alias).filter(
        secrecy="sealed", reporter_link=None, claim_hash=None
    )
    after = 0
    while rows := list(unsealed.filter(pk__gt=after).order_by("pk").select_related("reporter")[:BATCH]):
        for report in rows:
            _seal_one(report)
        Report.objects.bulk_update(
            rows, ["secrecy", "reporter_link", "reporter_index", "claim_hash"], batch_size=100
        )
        after = rows[-1].pk


def _seal_one(report):
    if report.reporter is None:  # nobody was known: a claim that nobody holds
        report.secrecy = "anonymous"
        report.claim_hash = hashlib.sha256(os.urandom(32)).hexdigest()
        return
    person = report.reporter.public_id
    report.reporter_link = keys().seal(person.encode(), purpose=f"report-link:{report.public_id}")
    report.reporter_index = keys().blind_index(person, purpose="reporter")


def forget_in_history(apps, schema_editor):
    """As audit.append_only puts them, written out: a migration must not change with the code."""
    postgresql = schema_editor.connection.vendor == "postgresql"
    for verb in _VERBS:
        schema_editor.execute(f"DROP TRIGGER {_STEPS}_no_{verb}" + (f" ON {_STEPS}" if postgresql else ""))
    schema_editor.execute(
        f"UPDATE {_STEPS} SET actor = 'reporter' WHERE step IN ('confirm', 'dispute') AND actor LIKE 'person:%%'",
        params=(),
    )
    for verb in _VERBS:
        schema_editor.execute(
            f"CREATE TRIGGER {_STEPS}_no_{verb} BEFORE {verb} ON {_STEPS}"
            + (
                " FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
                if postgresql
                else f" BEGIN SELECT RAISE(ABORT, '{_STEPS} is append-only'); END"
            ),
            params=None,
        )


def unseal(apps, schema_editor):
    """Back again, for a migration that is taken back: the link opens with the key of this installation."""
    Report, Person = apps.get_model("reports", "Report"), apps.get_model("people", "Person")
    for report in Report.objects.exclude(reporter_link=None).iterator(BATCH):
        person = keys().open(bytes(report.reporter_link), purpose=f"report-link:{report.public_id}").decode()
        report.reporter_id = Person.objects.filter(public_id=person).values_list("pk", flat=True).first()
        report.save(update_fields=["reporter_id"])


class Migration(migrations.Migration):
    dependencies = [("reports", "0002_make_room_for_secrecy"), ("people", "0001_initial")]

    operations = [
        migrations.RunPython(seal, unseal),
        migrations.RunPython(forget_in_history, migrations.RunPython.noop),
    ]
