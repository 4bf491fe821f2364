"""`qixia lab-state`: for drills. What is stored, as one JSON object: reports, payments, jobs, files."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from qixia.jobs.models import Job
from qixia.kernel.config import get_config
from qixia.media import files
from qixia.media.models import Evidence
from qixia.reports.models import Report
from qixia.rewards.models import Posting


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        names = list(Evidence.objects.values_list("storage_name", flat=True))
        originals = {path.name for path in (get_config().media / "originals").rglob("*") if path.is_file()}
        incoming = get_config().media / "incoming"
        jobs = Job.objects.filter(name="reports.settle")
        found = {
            "reports": list(Report.objects.values_list("public_id", flat=True)),
            "unsettled": Report.objects.filter(state="received").count(),
            "waiting": jobs.filter(quarantined_at=None).count(),
            "quarantined": Job.objects.exclude(quarantined_at=None).count(),
            "postings": Posting.objects.filter(act="reports.dispatched").count(),
            "rows_without_file": sum(not files.original_path(name).exists() for name in names),
            "files_without_row": len(originals - set(names)),
            "parts": sum(1 for path in incoming.rglob("*") if path.is_file()) if incoming.is_dir() else 0,
            "sound": self._is_sound(),
        }
        self.stdout.write(json.dumps(found))

    def _is_sound(self) -> bool:
        out = StringIO()
        call_command("rewards", "audit", stdout=out)
        return json.loads(out.getvalue())["sound"] is True
