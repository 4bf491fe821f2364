from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0014_clocks'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='mergeproposal',
            name='reports_proposal_state',
        ),
        migrations.AddConstraint(
            model_name='mergeproposal',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('open', 'merged', 'apart', 'moot'))), name='reports_proposal_state'),
        ),
    ]
