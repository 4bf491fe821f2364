"""Background work of reports."""

from __future__ import annotations

from qixia.jobs.registry import Call, EventView, every, on, task
from qixia.reports import services

_TRIES = 3  # of reading and making what a clerk brought in


@task("reports.settle", batch=50, atomic=True)
def settle(calls: list[Call]) -> None:
    """Settle accepted reports, many in one transaction with the removal of their jobs."""
    services.settle([call.args["id"] for call in calls])


@every("reports.pay_what_was_supported", hours=24)
def pay_supports() -> None:
    """The day's batch of points for supports."""
    services.pay_supports()


@task("reports.catch_up", atomic=True)
def catch_up(after: int = 0) -> None:
    """What a new release wants to know of open reports from before it; asked for by `qixia prepare`, a batch a job."""
    services.catch_up(after=after)


@on("people.erased")
def forget_supporter(event: EventView) -> None:
    """What somebody who left had supported leads to nobody any more."""
    services.forget_supporter(person=event.ref.removeprefix("person:"))


@every("reports.count_lately", hours=1, priority=-5)
def count_lately() -> None:
    services.count_lately()


@every("reports.look_for_opinions", minutes=1)
def look_for_opinions() -> None:
    services.look_for_opinions()


@task("reports.ask_opinion", max_tries=3)
def ask_opinion(public_id: str) -> None:
    """For the slow worker: the other side may take its time."""
    services.seek_opinion(public_id=public_id)


@task("reports.read_import", batch=1, max_tries=_TRIES, timeout_s=300)
def read_import(calls: list[Call]) -> None:
    for call in calls:
        services.read_import(public_id=call.args["public_id"], tries=call.attempt)


@task("reports.make_import", batch=1, max_tries=_TRIES, timeout_s=60)
def make_import(calls: list[Call]) -> None:
    """A piece of a batch; it asks for the next one itself."""
    for call in calls:
        services.make_import(public_id=call.args["public_id"], last_try=call.attempt >= _TRIES)


@task("reports.look_at_imported", max_tries=3)
def look_at_imported(evidence: str) -> None:
    """Its copies may have been made before it was a report's: for the slow worker."""
    services.look_at_photo(evidence=evidence)


@every("reports.call_next", minutes=1)
def call_next() -> None:
    """Whoever is next is called for an alarm that nobody answered."""
    services.call_next()


@every("reports.close_silent", hours=1)
def close_silent() -> None:
    services.close_silent()


@on("media.ready", atomic=False, priority=-20)
def look_at_ready(event: EventView) -> None:
    """Where it seems to come from, and whether after shows the same place: seconds of pixels, for the slow worker."""
    _look(event)


@on("media.held", atomic=False, priority=-20)
def look_at_held(event: EventView) -> None:
    """A clerk may know of a photo that nobody may see yet."""
    _look(event)


def _look(event: EventView) -> None:
    if doubted := services.look_at_photo(evidence=event.payload["evidence"]):
        services.offer_look(public_id=doubted, why="unsure")


@on("reports.resolved")
def offer_look(event: EventView) -> None:
    """Whether a rider nearby is asked to look, is the policy's."""
    services.offer_look(public_id=event.ref.removeprefix("report:"), why="resolved")


@on("reports.gathered")
def offer_look_at_the_whole(event: EventView) -> None:
    services.offer_look(public_id=event.ref.removeprefix("report:"), why="resolved")


@on("reports.closed")
def offer_look_where_nobody_answered(event: EventView) -> None:
    services.offer_look(public_id=event.ref.removeprefix("report:"), why="silent")


@on("reports.fixed")
@on("reports.reopened")
@on("reports.sent_back")
@on("reports.rejected")
@on("reports.set_aside")
def withdraw_look(event: EventView) -> None:
    """There is nothing left to look at."""
    services.withdraw_look(public_id=event.ref.removeprefix("report:"))


@every("reports.restore_supports", hours=24)
def restore_supports() -> None:
    """What supporters lost by a decision that was found wrong, a batch a day."""
    services.restore_supports()


@every("reports.pay_witnesses", hours=24)
def pay_witnesses() -> None:
    """The day's batch of points for looks."""
    services.pay_witnesses()


@on("people.erased")
def forget_witness(event: EventView) -> None:
    services.forget_witness(person=event.ref.removeprefix("person:"))


@on("media.filmed")
def show_frames(event: EventView) -> None:
    """What a clip shows stands among the photos of its report."""
    services.attach_frames(owner_ref=event.payload["owner_ref"], frames=event.payload["frames"])


@on("people.erased")
def forget_learnt_words(event: EventView) -> None:
    """What an erased rider wrote is no longer learnt from; the reports stay, as the city's record."""
    services.forget_learnt_words(public_id=event.ref.removeprefix("person:"))


@on("media.original_opened")
def tell_of_original(event: EventView) -> None:
    """The reporter learns that a picture was opened as it came. The event's id makes it once."""
    services.tell_of_original(
        owner_ref=event.payload["owner_ref"],
        evidence=event.payload["evidence"],
        basis=event.payload["basis"],
        key=event.id,
    )


@every("reports.sweep_documents", hours=24)
def sweep_documents() -> None:
    services.sweep_documents()


@every("reports.remind", minutes=1)
def remind() -> None:
    """Reminders, marks and escalation. A full batch is followed by another at once, as long as the run may last."""
    for _round in range(10):
        if services.remind() == 0:
            return


@every("reports.recalculate", minutes=5)
def recalculate() -> None:
    """Open reports follow a changed working calendar."""
    for _round in range(20):
        if services.recalculate() == 0:
            return


@every("reports.watch_calendar", hours=12)
def watch_calendar() -> None:
    """Holidays that are known by now are entered; a year that is missing is warned of."""
    services.watch_calendar()
