from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('triage', '0003_opinions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Figures',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('data', models.JSONField()),
            ],
        ),
    ]
