"""Reports that are one matter: merges and their records, proposals for clerks, riders who support a report."""

import django.db.models.deletion
from django.db import migrations, models

import qixia.kernel.ids
from qixia.audit.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0006_history_names_no_reporter"),
    ]

    operations = [
        migrations.CreateModel(
            name="MergeProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=qixia.kernel.ids.new_public_id, max_length=26, unique=True)),
                ("state", models.CharField(default="open", max_length=6)),
                ("score", models.FloatField()),
                ("distance_m", models.FloatField()),
                ("minutes_apart", models.FloatField()),
                ("signs", models.JSONField(default=list)),
                ("at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name="MergeRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=80)),
                ("score", models.FloatField(null=True)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="Support",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=qixia.kernel.ids.new_public_id, max_length=26, unique=True)),
                ("link", models.BinaryField(null=True)),
                ("index", models.CharField(max_length=40, null=True)),
                ("day", models.DateField()),
                ("points", models.IntegerField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="report",
            name="reports_known_state",
        ),
        migrations.AddField(
            model_name="report",
            name="merged_into",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reports.report",
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="recurs",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reports.report",
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)), fields=["merged_into"], name="reports_merged"
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                condition=models.Q(("recurs__isnull", False)), fields=["recurs"], name="reports_recurring"
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "received",
                            "sorting",
                            "dispatched",
                            "accepted",
                            "working",
                            "returned",
                            "resolved",
                            "confirming",
                            "fixed",
                            "closed",
                            "reopened",
                            "invalid",
                            "merged",
                        ),
                    )
                ),
                name="reports_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into__isnull", False), ("state", "merged")),
                    models.Q(models.Q(("state", "merged"), _negated=True), ("merged_into__isnull", True)),
                    _connector="OR",
                ),
                name="reports_merged_has_a_lead",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True), name="reports_not_into_itself"
            ),
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="lead",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reports.report"),
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="report",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="proposals", to="reports.report"
            ),
        ),
        migrations.AddField(
            model_name="mergerecord",
            name="lead",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reports.report"),
        ),
        migrations.AddField(
            model_name="mergerecord",
            name="report",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reports.report"),
        ),
        migrations.AddField(
            model_name="mergerecord",
            name="undoes",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="reports.mergerecord",
            ),
        ),
        migrations.AddField(
            model_name="support",
            name="report",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="supports", to="reports.report"
            ),
        ),
        migrations.AddIndex(
            model_name="mergeproposal",
            index=models.Index(fields=["state", "-id"], name="reports_proposals"),
        ),
        migrations.AddConstraint(
            model_name="mergeproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "merged", "apart"))), name="reports_proposal_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="mergeproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("report", models.F("lead")), _negated=True), name="reports_proposal_of_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="mergeproposal",
            constraint=models.UniqueConstraint(fields=("report", "lead"), name="reports_proposed_once"),
        ),
        migrations.AddIndex(
            model_name="mergerecord",
            index=models.Index(fields=["report", "-id"], name="reports_merge_history"),
        ),
        migrations.AddIndex(
            model_name="support",
            index=models.Index(fields=["index", "-id"], name="reports_own_supports"),
        ),
        migrations.AddConstraint(
            model_name="support",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("index__isnull", False), ("link__isnull", False)),
                    models.Q(("index__isnull", True), ("link__isnull", True)),
                    _connector="OR",
                ),
                name="reports_support_sealed",
            ),
        ),
        migrations.AddConstraint(
            model_name="support",
            constraint=models.UniqueConstraint(fields=("report", "index"), name="reports_support_once"),
        ),
        AppendOnly("reports_mergerecord"),
    ]
