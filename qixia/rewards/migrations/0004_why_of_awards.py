"""An award keeps the facts that rules may weigh and what a campaign gave. The books refuse changes of these columns too.

The columns may be empty, so that no row is written and SQLite does not make the table anew (its triggers would go).
"""

from django.db import migrations, models

TABLE = "rewards_posting"
KEPT_BEFORE = (
    "id, key, content_hash, kind, rule, rule_version, act, source, beneficiary, points, nominal, available_after,"
    " reverses_id, actor, at, day, created_at, request_id"
)
KEPT = f"{KEPT_BEFORE}, quality, campaign, bonus"


def keep(schema_editor, columns):
    postgres = schema_editor.connection.vendor == "postgresql"
    does = (
        "FOR EACH STATEMENT EXECUTE FUNCTION qixia_append_only()"
        if postgres
        else f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    )
    schema_editor.execute(f"DROP TRIGGER {TABLE}_no_update{f' ON {TABLE}' if postgres else ''}", params=None)
    schema_editor.execute(
        f"CREATE TRIGGER {TABLE}_no_update BEFORE update of {columns} ON {TABLE} {does}", params=None
    )


def keep_new(apps, schema_editor):
    keep(schema_editor, KEPT)


def keep_old(apps, schema_editor):
    keep(schema_editor, KEPT_BEFORE)


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0003_seal_postings"),
    ]

    operations = [
        migrations.AddField("posting", "bonus", models.BigIntegerField(null=True, verbose_name="活动加分")),
        migrations.AddField(
            "posting", "campaign", models.CharField(max_length=40, null=True, verbose_name="活动")
        ),
        migrations.AddField(
            "posting", "quality", models.CharField(max_length=60, null=True, verbose_name="情形")
        ),
        migrations.AddIndex(
            "posting",
            models.Index(
                condition=models.Q(("campaign__isnull", False)),
                fields=["campaign", "beneficiary"],
                name="rewards_posting_of_campaign",
            ),
        ),
        migrations.RunPython(keep_new, keep_old),
    ]
