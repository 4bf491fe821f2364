"""Drop the columns that 0002 sealed. A migration of its own: PostgreSQL alters no table with changes of rows pending."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notices", "0002_seal_facts")]

    operations = [
        migrations.RemoveField("notice", "params"),
        migrations.RemoveField("notice", "link"),
    ]
