"""Work that needs every room at once: a person's export, and forgetting the originals of somebody who was erased."""

from __future__ import annotations

import logging

from qixia.jobs.registry import EventView, on, task
from qixia.media.services import destroy_originals
from qixia.people import queries as people
from qixia.people import services
from qixia.people.access import Actor, actor_for
from qixia.reports.queries.export import own_pictures
from qixia.site.mydata.collect import write_export

log = logging.getLogger("qixia.mydata")


@task("site.build_export", max_tries=2, timeout_s=600)
def build_export(export: str) -> None:
    """Make the copy that somebody asked for. What fails is said on the page, and may be asked for again."""
    owner = people.export_owner(export)
    if owner is None:
        return  # made, failed or forgotten meanwhile
    try:
        written = write_export(actor_for(owner))
    except Exception:
        log.exception("export failed", extra={"export": export})
        services.fail_export(export=export)
        return
    services.keep_export(export=export, written=written)


@on("people.erased")
def destroy_own_originals(event: EventView) -> None:
    """The redacted copies stay with the reports; the originals are nobody's business any more."""
    public_id = event.ref.removeprefix("person:")
    gone = Actor(ref=event.ref, person_id=people.person_id_for(public_id), public_id=public_id)
    destroy_originals([picture.evidence for picture in own_pictures(gone)], actor="system:erasure", reason="erasure")
