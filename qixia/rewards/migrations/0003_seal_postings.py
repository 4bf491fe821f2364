"""Postings stop naming reports: sources, keys and hashes of content become keyed hashes, words are sealed.

The books refuse changes by trigger. The triggers step aside inside this one transaction (PostgreSQL holds the table's
lock until its end) and come back so that `words` alone may be changed: sealed anew under another key, or emptied.
No figure, beneficiary, time or order is touched: `qixia rewards audit` finds before and after the same.

History (audit) of the same payments and what is left of their events lose the report as well.
"""

import json

from django.db import migrations, models

from qixia.kernel.keys import keys

PIECE = 1000
OPEN = ("voucher", "person", "anonymous")
KEPT = (
    "id, key, content_hash, kind, rule, rule_version, act, source, beneficiary, points, nominal, available_after,"
    " reverses_id, actor, at, day, created_at, request_id"
)
BOOKS, HISTORY = "rewards_posting", "audit_auditevent"


def lift(schema_editor, table):
    on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
    for verb in ("update", "delete"):
        schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}{on}", params=None)


def put_back(schema_editor, table, update="update"):
    """As audit.append_only puts them; `update` may name columns."""
    does = (
        "FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
        if schema_editor.connection.vendor == "postgresql"
        else f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
    for name, event in (("update", update), ("delete", "delete")):
        schema_editor.execute(f"CREATE TRIGGER {table}_no_{name} BEFORE {event} ON {table} {does}", params=None)


def lift_books(apps, schema_editor):
    lift(schema_editor, BOOKS)


def put_books_back(apps, schema_editor):
    put_back(schema_editor, BOOKS)


def keep_all_but_words(apps, schema_editor):
    put_back(schema_editor, BOOKS, update=f"update of {KEPT}")


def hidden(source):
    kind = source.partition(":")[0]
    if kind in OPEN or not source:
        return source
    return f"{kind}~{keys().blind_index(source, purpose='ledger-source')}"


def seal(apps, schema_editor):
    posting, ours, last = apps.get_model("rewards", "Posting"), keys(), 0
    while rows := list(posting.objects.filter(pk__gt=last).order_by("pk")[:PIECE]):
        for row in rows:
            row.key = ours.blind_index(row.key, purpose="ledger-key")
            row.content_hash = ours.blind_index(row.content_hash, purpose="ledger-content")
            packed = json.dumps(row.params, ensure_ascii=False, separators=(",", ":"))
            row.words = ours.seal(packed.encode(), purpose="ledger-words")
            row.source = hidden(row.source)
            row.request_id = "" if "~" in row.source else row.request_id
        posting.objects.bulk_update(rows, ["key", "content_hash", "words", "source", "request_id"], batch_size=100)
        last = rows[-1].pk


def open_again(apps, schema_editor):
    """Backwards: words in plain once more. Sources and keys stay hashed: what they hashed is not kept."""
    posting, ours, last = apps.get_model("rewards", "Posting"), keys(), 0
    while rows := list(posting.objects.filter(pk__gt=last).order_by("pk")[:PIECE]):
        for row in rows:
            row.params = json.loads(ours.open(bytes(row.words), purpose="ledger-words")) if row.words else {}
        posting.objects.bulk_update(rows, ["params"], batch_size=100)
        last = rows[-1].pk


def hide_in_history(apps, schema_editor):
    """What the history and the events say of payments for reports."""
    event = apps.get_model("audit", "AuditEvent")
    lift(schema_editor, HISTORY)
    ours, last = event.objects.filter(action__startswith="rewards.", subject__startswith="report:"), 0
    while rows := list(ours.filter(pk__gt=last).order_by("pk")[:PIECE]):
        for row in rows:
            row.subject, row.request_id = hidden(row.subject), ""
        event.objects.bulk_update(rows, ["subject", "request_id"], batch_size=100)
        last = rows[-1].pk
    put_back(schema_editor, HISTORY)
    apps.get_model("jobs", "Event").objects.filter(name="rewards.posted").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0002_anonymous_points"),
        ("audit", "0001_initial"),
        ("jobs", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(lift_books, put_books_back),
        migrations.AddField("posting", "words", models.BinaryField(default=b"", verbose_name="说明")),
        migrations.RunPython(seal, open_again),
        migrations.RemoveField("posting", "params"),
        migrations.RunPython(keep_all_but_words, lift_books),
        migrations.RunPython(hide_in_history, migrations.RunPython.noop),
    ]
