"""What a city brings in from chats and lists."""

from django.core.files.base import ContentFile

from qixia.jobs.worker import run_pending
from qixia.reports import services
from qixia.reports.models import (
    ImportBatch,
    ImportRow,
)
from qixia.reports.tests.examples.grounds import a_town
from qixia.reports.tests.town import (
    Town,
)
from tests.examples import example


def brought_in(town: Town) -> ImportBatch:
    started = services.import_upload(actor=town.clerk, text="张三 2026-03-01 08:12\n云帆路8号井盖没了，人能掉下去")
    return ImportBatch.objects.get(public_id=started.public_id)


@example("reports.services.import_upload")
def bring_in_a_group() -> None:
    assert brought_in(a_town()).state == "reading"


@example("reports.services.read_import")
def read_what_was_brought_in() -> None:
    assert services.read_import(public_id=brought_in(a_town()).public_id) == 1


@example("reports.services.map_import")
def say_which_column_is_what() -> None:
    town = a_town()
    started = services.import_upload(
        actor=town.clerk, file=ContentFile("内容,谁\n井盖没了,张三".encode()), name="a.csv"
    )
    run_pending()
    services.map_import(actor=town.clerk, batch=started.public_id, mapping={"text": 0, "sender": 1})


@example("reports.services.decide_import_row")
def leave_a_message_out() -> None:
    town = a_town()
    batch = brought_in(town)
    run_pending()
    row = ImportRow.objects.get(batch=batch).public_id
    decision = services.RowDecision(choice="skip")
    services.decide_import_row(actor=town.clerk, batch=batch.public_id, row=row, decision=decision)


@example("reports.services.confirm_import")
def confirm_what_was_brought_in() -> None:
    town = a_town()
    batch = brought_in(town)
    run_pending()
    services.confirm_import(actor=town.clerk, batch=batch.public_id)


@example("reports.services.make_import")
def make_reports_of_it() -> None:
    town = a_town()
    batch = brought_in(town)
    run_pending()
    ImportBatch.objects.update(state="making")
    assert services.make_import(public_id=batch.public_id) == 1


@example("reports.services.drop_import")
def throw_away_what_was_brought_in() -> None:
    town = a_town()
    batch = brought_in(town)
    run_pending()
    services.drop_import(actor=town.clerk, batch=batch.public_id)
