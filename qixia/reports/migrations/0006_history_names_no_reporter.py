"""What the history says of reports from before they were sealed: "reporter" instead of a person. There is no way back.

The history refuses changes by trigger; the triggers step aside for this one statement and come back. Done twice it
changes nothing.
"""

from django.db import migrations

_HISTORY = "audit_auditevent"
_VERBS = ("update", "delete")
_ACTS = ("reports.received", "reports.confirm", "reports.dispute")


def forget(apps, schema_editor):
    """As audit.append_only puts the triggers, written out: a migration must not change with the code."""
    postgresql = schema_editor.connection.vendor == "postgresql"
    for verb in _VERBS:
        schema_editor.execute(f"DROP TRIGGER {_HISTORY}_no_{verb}" + (f" ON {_HISTORY}" if postgresql else ""))
    acts = ", ".join(f"'{act}'" for act in _ACTS)
    schema_editor.execute(
        f"UPDATE {_HISTORY} SET actor = 'reporter' WHERE action IN ({acts}) AND actor LIKE 'person:%%'", params=()
    )
    for verb in _VERBS:
        does = (
            "FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
            if postgresql
            else f"BEGIN SELECT RAISE(ABORT, '{_HISTORY} is append-only'); END"
        )
        schema_editor.execute(f"CREATE TRIGGER {_HISTORY}_no_{verb} BEFORE {verb} ON {_HISTORY} {does}", params=None)


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_copied_photos"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
