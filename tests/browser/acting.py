"""What others did before a story begins: reports and steps made by the services of the site, in one short program.

The programs run beside the site with its database; each prints what the story goes on with. Pictures are drawings.
"""

from __future__ import annotations

import json
from typing import Any

from tests.browser.site import LAT, LNG, Site

# Away from where other tests report: two that end at one spot are one pin on the map.
HERE = (LAT + 0.0015, LNG)
THERE: dict[str, Any] = {"geolocation": {"latitude": HERE[0], "longitude": HERE[1], "accuracy": 12}}

_BEFORE = f"""
import json, time
from django.core.files.base import ContentFile
from qixia.media.tests.made import jpeg
from qixia.people.access import actor_for
from qixia.people.models import Person
from qixia.people.queries import person_id_by_phone
from qixia.reports import services
from qixia.reports.models import Report
def staff(name): return actor_for(Person.objects.get(username=name))
def rider(phone): return actor_for(Person.objects.get(pk=person_id_by_phone(phone)))
def photo(seed): return ContentFile(jpeg(seed=seed), "a.jpg")
def settled(words):
    until = time.monotonic() + 60
    while (report := Report.objects.get(words=words)).state == "received" and time.monotonic() < until:
        time.sleep(0.1)  # the site's worker settles it
    return report
def send(phone, words, hint, seed, lat={HERE[0]}, lng={HERE[1]}):
    receipt = services.submit(
        actor=rider(phone), client_key=f"story-{{seed}}", place=services.Whereabouts(lat=lat, lng=lng, source="map"),
        photos=[photo(seed)], words=words, hint=hint)
    report = settled(words)
    if report.state == "sorting":
        services.sort(
            actor=staff("yezhiqiu"), public_id=report.public_id, cls=hint, severity="normal", unit_code="shizheng")
    return Report.objects.get(pk=report.pk)
def lead(report): return staff(f"{{report.unit.code}}-1")
def resolve(report, seed):
    services.accept(actor=lead(report), public_id=report.public_id)
    services.resolve(actor=lead(report), public_id=report.public_id, text="修好了", photos=[photo(seed)])
def say(**found): print("\\n" + json.dumps(found))
"""


def act(site: Site, program: str) -> dict[str, Any]:
    """Run the program after the helpers above; what it gave to `say`."""
    lines = site.run(_BEFORE + program).strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found
