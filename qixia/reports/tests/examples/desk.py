"""What clerks do with cases and with lists of them."""

import os
from datetime import timedelta

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.media.models import Evidence
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.policy.queries import current
from qixia.reports import services
from qixia.reports.models import (
    Report,
)
from qixia.reports.queries.listing import Filter
from qixia.reports.services.desk.bulk import Params
from qixia.reports.services.desk.noting import document_path
from qixia.reports.tests.examples.grounds import a_town
from qixia.reports.tests.town import (
    MAKER,
    Town,
    photo,
    reach,
    the,
)
from tests.examples import example, exempt

exempt("reports.services.look_ahead", "a preview: it writes nothing")


@example("reports.services.sort")
def sort_by_hand() -> None:
    town = a_town()
    report = the(reach(town, "sorting"))
    services.sort(actor=town.clerk, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng")


@example("reports.services.publish_routing")
def publish_a_catalogue() -> None:
    town = a_town()
    version = current("reports.routing").version
    services.publish_routing(actor=town.admin, rows=[{"unit": "zhihui"}], note="试一试", after=version)


@example("reports.services.validate")
def call_it_valid() -> None:
    town = a_town()
    services.validate(actor=town.clerk, public_id=reach(town, "dispatched").public_id)


@example("reports.services.redirect")
def send_it_to_another_unit() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.redirect(actor=town.clerk, public_id=report.public_id, unit_code="huanwei", reason="归环卫")


@example("reports.services.reject")
def call_it_invalid() -> None:
    town = a_town()
    services.reject(actor=town.clerk, public_id=reach(town, "dispatched").public_id, reason="现场没有这回事")


@example("reports.services.verify")
def find_it_mended() -> None:
    town = a_town()
    services.verify(actor=town.clerk, public_id=reach(town, "resolved").public_id)


@example("reports.services.send_back")
def find_it_not_mended() -> None:
    town = a_town()
    services.send_back(actor=town.clerk, public_id=reach(town, "resolved").public_id, text="还是松的")


@example("reports.services.close_silent")
def file_what_nobody_answered() -> None:
    reach(a_town(), "confirming")
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.close_silent() == 1


def data_officer(town: Town) -> Actor:
    person = people.create_person(display_name="数安", username="shuan", actor=MAKER)
    organisation = next(grant.organisation_id for grant in town.clerk.grants)
    people.grant_role(person_id=person.pk, role="data_officer", organisation_id=organisation, actor=MAKER)
    return actor_for(person)


@example("reports.services.reveal_reporter")
def open_who_reported() -> None:
    town = a_town()
    number = reach(town, "dispatched").number
    opened = services.reveal_reporter(
        actor=data_officer(town), number=number, basis="law", reason="公安局调证通知书第 18 号"
    )
    assert opened.nickname == town.rider.display_name


@example("reports.services.open_picture")
def open_a_picture_as_it_came() -> None:
    town = a_town()
    receipt = reach(town, "dispatched")
    picture = Evidence.objects.get(owner_ref=the(receipt).ref).public_id
    services.open_picture(
        actor=town.clerk, public_id=receipt.public_id, picture=picture, basis="check", reason="看清井盖上的编号"
    )


@example("reports.services.tell_of_original")
def tell_the_reporter_of_an_opened_picture() -> None:
    report = the(reach(a_town(), "dispatched"))
    picture = Evidence.objects.get(owner_ref=report.ref).public_id
    services.tell_of_original(owner_ref=report.ref, evidence=picture, basis="check", key="event-1")


@example("reports.services.cover_picture")
def cover_a_number_plate() -> None:
    town = a_town()
    report = the(reach(town, "dispatched"))
    picture = Evidence.objects.get(owner_ref=report.ref)
    run_pending()
    picture.refresh_from_db()
    box = {"kind": "plate", "x": 4, "y": 4, "w": 20, "h": 10}
    services.cover_picture(
        actor=town.clerk,
        public_id=report.public_id,
        picture=picture.public_id,
        boxes=[*picture.boxes, box],
        revision=picture.revision,
    )


@example("reports.services.open_for_covering")
def open_a_held_picture_to_place_boxes() -> None:
    town = a_town()
    report = the(reach(town, "dispatched"))
    picture = Evidence.objects.get(owner_ref=report.ref).public_id
    services.open_for_covering(
        actor=town.clerk, public_id=report.public_id, picture=picture, reason="检测失败，人工框出人脸"
    )


@example("reports.services.save_filter")
def keep_a_filter_under_a_name() -> None:
    wanted = Filter.of("queue", {"severity": "critical"})
    services.save_filter(actor=a_town().worker, name="特急", wanted=wanted, shared=True)


@example("reports.services.prefer_filter")
def open_the_queue_with_a_filter() -> None:
    worker = a_town().worker
    row = services.save_filter(actor=worker, name="特急", wanted=Filter.of("queue", {"severity": "critical"}))
    services.prefer_filter(actor=worker, public_id=row.public_id)


@example("reports.services.drop_filter")
def forget_a_filter() -> None:
    worker = a_town().worker
    row = services.save_filter(actor=worker, name="特急", wanted=Filter.of("queue", {"severity": "critical"}))
    services.drop_filter(actor=worker, public_id=row.public_id)


@example("reports.services.run_bulk")
def accept_two_at_once() -> None:
    town = a_town()
    ids = [reach(town, "dispatched").public_id for _ in range(2)]
    services.run_bulk(actor=town.worker, act="accept", public_ids=ids, given=Params(), key="page-key-0001")
    assert set(Report.objects.filter(public_id__in=ids).values_list("state", flat=True)) == {"accepted"}


@example("reports.services.export_cases")
def take_the_queue_out_as_a_list() -> None:
    town = a_town()
    reach(town, "dispatched")
    assert len(services.export_cases(actor=town.worker, wanted=Filter.of("queue", {}))) == 1


@example("reports.services.write_note")
def leave_a_note_for_colleagues() -> None:
    town = a_town()
    public_id = reach(town, "dispatched").public_id
    services.write_note(actor=town.worker, public_id=public_id, text="业主说周三在家", audience="own")


@example("reports.services.attach_document")
def put_a_paper_to_a_case() -> None:
    town = a_town()
    public_id = reach(town, "dispatched").public_id
    services.attach_document(actor=town.worker, public_id=public_id, upload=photo(1), audience="case")


@example("reports.services.open_document")
def take_a_paper_out() -> None:
    town = a_town()
    public_id = reach(town, "dispatched").public_id
    row = services.attach_document(actor=town.worker, public_id=public_id, upload=photo(1), audience="case")
    services.open_document(actor=town.clerk, public_id=public_id, document=row.public_id).content.close()


@example("reports.services.remove_document")
def take_a_paper_away() -> None:
    town = a_town()
    public_id = reach(town, "dispatched").public_id
    row = services.attach_document(actor=town.worker, public_id=public_id, upload=photo(1), audience="case")
    services.remove_document(actor=town.worker, public_id=public_id, document=row.public_id)


@example("reports.services.sweep_documents")
def sweep_what_no_row_names() -> None:
    path = document_path("0123456789abcdef0123456789abcdef")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"left by a killed process")
    os.utime(path, (0, 0))
    assert services.sweep_documents() == 1


@example("reports.services.watch")
def watch_a_case() -> None:
    town = a_town()
    services.watch(actor=town.clerk, public_id=reach(town, "dispatched").public_id)


@example("reports.services.unwatch")
def watch_it_no_longer() -> None:
    town = a_town()
    public_id = reach(town, "dispatched").public_id
    services.watch(actor=town.clerk, public_id=public_id)
    services.unwatch(actor=town.clerk, public_id=public_id)
