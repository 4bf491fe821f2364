from django.db import migrations

from qixia.audit.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("policy", "0002_working_calendar"),
        ("audit", "0003_retention_proof"),
    ]

    operations = [
        AppendOnly("policy_ruleversion"),
    ]
