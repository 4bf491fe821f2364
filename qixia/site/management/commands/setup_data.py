"""`qixia setup-data`: what every city needs: the standards' tables, the first version of every rule table, holidays.

Safe to repeat: what a city has changed stays.
"""

from typing import Any

from django.core.management.base import BaseCommand

from qixia.codes.services import load_reference
from qixia.kernel import clock
from qixia.policy.services import fill_calendar, publish_seeds


class Command(BaseCommand):
    help = "Load reference data and publish the rule tables that have no version yet."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_reference()
        published = publish_seeds()
        years = fill_calendar(clock.city_date(clock.now()))
        rows = ", ".join(f"{name} {count}" for name, count in loaded.items())
        self.stdout.write(f"reference data: {rows}; rule tables published: {len(published)}")
        if years:
            self.stdout.write(f"holidays entered: {', '.join(map(str, years))}")
