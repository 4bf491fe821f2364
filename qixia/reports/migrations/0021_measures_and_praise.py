"""Measures against who caused something, their results, praise for who reported it; facilities by where they are."""

import django.db.models.deletion
from django.db import migrations, models

import qixia.kernel.ids
from qixia.audit.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("codes", "0001_initial"),
        ("people", "0005_deputies"),
        ("places", "0001_initial"),
        ("reports", "0020_queue_in_order"),
    ]

    operations = [
        migrations.CreateModel(
            name="Measure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=qixia.kernel.ids.new_public_id, max_length=26, unique=True)),
                ("kind", models.CharField(max_length=32)),
                ("document", models.CharField(blank=True, max_length=60)),
                ("fen", models.BigIntegerField(null=True)),
                ("day", models.DateField()),
                ("sealed_party", models.BinaryField(null=True)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name="MeasureResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name="Praise",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=200)),
            ],
        ),
        migrations.AddIndex(
            model_name="undertaking",
            index=models.Index(condition=models.Q(("state", "done")), fields=["lat", "lng"], name="reports_facilities"),
        ),
        migrations.AddField(
            model_name="measure",
            name="replaces",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="replaced_by", to="reports.measure"
            ),
        ),
        migrations.AddField(
            model_name="measure",
            name="report",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="measures", to="reports.report"
            ),
        ),
        migrations.AddField(
            model_name="measure",
            name="unit",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AddField(
            model_name="measureresult",
            name="measure",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="results", to="reports.measure"
            ),
        ),
        migrations.AddField(
            model_name="praise",
            name="report",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="praises", to="reports.report"
            ),
        ),
        migrations.AddField(
            model_name="praise",
            name="unit",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="measure",
            constraint=models.CheckConstraint(
                condition=models.Q(("fen__isnull", True), ("fen__gt", 0), _connector="OR"),
                name="reports_measure_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="measureresult",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("complied", "pending", "objected"))), name="reports_measure_result"
            ),
        ),
        migrations.AddConstraint(
            model_name="praise",
            constraint=models.UniqueConstraint(fields=("report", "unit"), name="reports_praised_once"),
        ),
        AppendOnly("reports_measure"),
        AppendOnly("reports_measureresult"),
    ]
