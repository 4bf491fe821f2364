"""How the services of reports are called: each step on a report that got where it is through the real steps."""

import hashlib
import os
from datetime import date, timedelta

from django.core.files.base import ContentFile

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.media.models import Evidence
from qixia.media.tests.filming import clip
from qixia.offers import services as offers
from qixia.offers.queries import offers_near
from qixia.people import services as people
from qixia.people.access import Actor, actor_for
from qixia.people.passes import rider_pass
from qixia.people.queries import organisation_by_code
from qixia.places import queries as places
from qixia.policy.queries import current
from qixia.policy.services import publish, set_day
from qixia.reports import services
from qixia.reports.models import (
    Alarm,
    ImportBatch,
    ImportRow,
    MergeProposal,
    Report,
    ReportPhoto,
    Support,
    Undertaking,
)
from qixia.reports.queries.listing import Filter
from qixia.reports.queries.similar import similar_reports
from qixia.reports.services.desk.bulk import Params
from qixia.reports.services.desk.noting import document_path
from qixia.reports.tests.town import (
    AT_ROAD,
    MAKER,
    Town,
    accepted,
    at,
    build_town,
    photo,
    photo_after,
    reach,
    send,
    the,
)
from qixia.triage.tests.opining import answering
from tests.examples import example, exempt

exempt("reports.services.look_for_opinions", "lines up jobs; each request that comes of it is history")
exempt("reports.services.ask_to_catch_up", "lines up a job that makes derived rows anew")
exempt("reports.services.count_lately", "counts what is there; a figure is no change")
exempt("reports.services.catch_up", "makes derived rows anew; what it closes, nobody could have decided")
exempt("reports.services.watch_calendar", "the calendar keeps its own history (policy.services.fill_calendar)")
exempt("reports.services.look_at_photo", "advice that the rows of the photos hold; only a copied photo is history")


def a_town() -> Town:
    places.forget()
    return build_town()


@example("reports.services.submit")
def report_a_missing_manhole_cover() -> None:
    town = a_town()
    receipt = services.submit(
        actor=town.rider, client_key="phone-key-0001", place=at(), photos=[photo()], words="井盖没了"
    )
    assert the(receipt).state == "received"


@example("reports.services.settle")
def give_class_place_and_unit() -> None:
    receipt = accepted(a_town().rider)
    (settlement,) = services.settle([the(receipt).pk])
    assert the(receipt).state == "dispatched", settlement


@example("reports.services.seek_opinion")
def ask_another_model_about_a_report() -> None:
    report = the(reach(a_town(), "sorting"))
    with answering('{"class": "manhole", "severity": "high", "words": "井盖"}'):
        assert services.seek_opinion(public_id=report.public_id) == "ok"


@example("reports.services.sort")
def sort_by_hand() -> None:
    town = a_town()
    report = the(reach(town, "sorting"))
    services.sort(actor=town.clerk, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng")


@example("reports.services.attach_frames")
def show_what_a_clip_shows() -> None:
    town = a_town()
    receipt = services.submit(
        actor=town.rider, client_key="phone-key-0002", place=at(), photos=[], clips=[ContentFile(clip("mp4"))]
    )
    run_pending()
    film = Evidence.objects.get(owner_ref=the(receipt).ref, kind="clip")
    frames = list(film.frames.values_list("public_id", flat=True))
    ReportPhoto.objects.filter(report=the(receipt)).delete()
    assert services.attach_frames(owner_ref=the(receipt).ref, frames=frames) == len(frames) >= 2


@example("reports.services.split")
def let_two_units_do_a_part_each() -> None:
    town = a_town()
    parts = [services.PartAsked("shizheng", "换井盖"), services.PartAsked("huanwei", "清掉周围的垃圾")]
    made = services.split(actor=town.clerk, public_id=reach(town, "dispatched").public_id, parts=parts)
    assert [part.state for part in made] == ["dispatched", "dispatched"]


@example("reports.services.publish_routing")
def publish_a_catalogue() -> None:
    town = a_town()
    version = current("reports.routing").version
    services.publish_routing(actor=town.admin, rows=[{"unit": "zhihui"}], note="试一试", after=version)


def in_days(days: int) -> date:
    return clock.city_date(clock.now()) + timedelta(days=days)


@example("reports.services.promise")
def promise_an_answer() -> None:
    town = a_town()
    report = send(town.rider, "希望商圈多设几个骑手停车位", hint="parking-need")
    worker = staff_of(the(report).unit.code)
    services.promise(actor=worker, public_id=report.public_id, day=in_days(14), text="两周内踏勘后答复")


def staff_of(code: str) -> Actor:
    person = people.create_person(display_name="办事", username=f"of-{code}", actor=MAKER)
    people.grant_role(person_id=person.pk, role="worker", organisation_id=organisation_by_code(code).id, actor=MAKER)
    return actor_for(person)


def together(town: Town) -> tuple[services.Receipt, Undertaking]:
    receipt = send(town.rider, "希望商圈多设几个骑手停车位", hint="parking-need")
    made = services.start_undertaking(
        actor=town.clerk,
        title="商圈骑手停车位",
        aim="划出停车位",
        lead_code="chengguan",
        due=in_days(30),
        tasks=[services.TaskAsked("jiaojing", "划线", in_days(20))],
        numbers=[receipt.number],
    )
    return receipt, made


@example("reports.services.start_undertaking")
def act_together() -> None:
    together(a_town())


@example("reports.services.link_reports")
def answer_one_more_report() -> None:
    town = a_town()
    _receipt, made = together(town)
    more = send(town.other_rider, "停车位不够", hint="parking-need")
    assert services.link_reports(actor=town.clerk, public_id=made.public_id, numbers=[more.number]) == 1


def all_tasks_done(town: Town, made: Undertaking) -> None:
    services.finish_task(actor=town.clerk, public_id=made.public_id, task=made.tasks.get().pk, text="划好了")


@example("reports.services.finish_task")
def end_a_task() -> None:
    town = a_town()
    _receipt, made = together(town)
    all_tasks_done(town, made)


@example("reports.services.finish_undertaking")
def tell_everybody_what_there_is_now() -> None:
    town = a_town()
    receipt, made = together(town)
    all_tasks_done(town, made)
    there = services.Facility(200, "个停车位", lat=AT_ROAD[0], lng=AT_ROAD[1])
    services.finish_undertaking(
        actor=town.clerk, public_id=made.public_id, result="已开放", facility=there, photos=[photo_after(9)]
    )
    assert the(receipt).state == "resolved"


@example("reports.services.drop_undertaking")
def say_why_it_will_not_be_done() -> None:
    town = a_town()
    _receipt, made = together(town)
    services.drop_undertaking(actor=town.clerk, public_id=made.public_id, reason="地块另有规划")


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


@example("reports.services.accept")
def take_it_on() -> None:
    town = a_town()
    services.accept(actor=town.worker, public_id=reach(town, "dispatched").public_id)


@example("reports.services.assign")
def hand_it_to_a_colleague() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.assign(actor=town.worker, public_id=report.public_id, person_public_id=town.people["colleague"].public_id)


@example("reports.services.return_report")
def return_it_with_a_reason() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")


@example("reports.services.object_to")
def object_once() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    services.return_report(actor=town.worker, public_id=report.public_id, reason="归环卫", to="huanwei")
    services.object_to(actor=town.cleaner, public_id=report.public_id, reason="路面不归环卫")
    assert the(report).state == "returned"


@example("reports.services.refer")
def let_the_supervisor_decide() -> None:
    town = a_town()
    services.refer(actor=town.worker, public_id=reach(town, "dispatched").public_id, reason="不知道该谁办")


@example("reports.services.decide")
def decide_who_acts() -> None:
    town = a_town()
    report = reach(town, "returned")
    services.decide(actor=town.supervisor, public_id=report.public_id, unit_code="huanwei", reason="垃圾归环卫")


def asked_for_help(town: Town) -> services.Receipt:
    report = reach(town, "accepted")
    services.ask_help(actor=town.worker, public_id=report.public_id, unit_code="huanwei", words="先把垃圾清开")
    return report


@example("reports.services.ask_help")
def ask_another_unit_to_help() -> None:
    asked_for_help(a_town())


@example("reports.services.add_help")
def help_and_be_done() -> None:
    town = a_town()
    asked = asked_for_help(town)
    services.add_help(actor=town.cleaner, public_id=asked.public_id, text="清开了", done=True)


@example("reports.services.waive_help")
def let_a_helper_off() -> None:
    town = a_town()
    asked = asked_for_help(town)
    services.waive_help(actor=town.worker, public_id=asked.public_id, unit_code="huanwei", reason="物业清了")


@example("reports.services.arrive")
def note_the_arrival() -> None:
    town = a_town()
    services.arrive(actor=town.worker, public_id=reach(town, "accepted").public_id, text="到场，已围挡")


@example("reports.services.answer")
def answer_the_rider() -> None:
    town = a_town()
    services.answer(actor=town.worker, public_id=reach(town, "accepted").public_id, text="明天来换")


@example("reports.services.resolve")
def say_that_it_is_mended() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.resolve(actor=town.worker, public_id=report.public_id, text="已换新井盖", photos=[photo_after(7)])


@example("reports.services.verify")
def find_it_mended() -> None:
    town = a_town()
    services.verify(actor=town.clerk, public_id=reach(town, "resolved").public_id)


@example("reports.services.send_back")
def find_it_not_mended() -> None:
    town = a_town()
    services.send_back(actor=town.clerk, public_id=reach(town, "resolved").public_id, text="还是松的")


@example("reports.services.confirm_solved")
def say_solved() -> None:
    town = a_town()
    services.confirm_solved(actor=town.rider, public_id=reach(town, "confirming").public_id)


@example("reports.services.say_unsolved")
def say_not_solved() -> None:
    town = a_town()
    services.say_unsolved(actor=town.rider, public_id=reach(town, "confirming").public_id, text="还是松的")


@example("reports.services.close_silent")
def file_what_nobody_answered() -> None:
    reach(a_town(), "confirming")
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.close_silent() == 1


# What a phone would draw at random.
SECRET = "A" * 43


def anonymously() -> services.Receipt:
    return services.submit_anonymous(
        rider_pass=rider_pass(),
        claim_hash=hashlib.sha256(SECRET.encode()).hexdigest(),
        client_key="phone-key-0002",
        place=at(),
        photos=[photo()],
        words="井盖没了",
    )


@example("reports.services.submit_anonymous")
def report_without_a_name() -> None:
    a_town()
    assert the(anonymously()).secrecy == "anonymous"


@example("reports.services.answer_anonymously")
def say_with_the_secret_that_it_is_not_solved() -> None:
    town = a_town()
    receipt = anonymously()
    run_pending()
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="已换新井盖", photos=[photo_after(7)])
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    services.answer_anonymously(secret=SECRET, solved=False, text="还是松的")


def two_alike(town: Town) -> tuple[services.Receipt, services.Receipt]:
    return send(town.rider), send(town.other_rider)


@example("reports.services.merge")
def make_one_case_of_two_reports() -> None:
    town = a_town()
    first, second = two_alike(town)
    services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
    assert the(second).merged_into_id == the(first).pk


@example("reports.services.keep_apart")
def say_that_two_reports_are_different_matters() -> None:
    town = a_town()
    two_alike(town)
    services.keep_apart(actor=town.clerk, proposal=MergeProposal.objects.get().public_id)


@example("reports.services.unmerge")
def take_a_merge_back() -> None:
    town = a_town()
    first, second = two_alike(town)
    services.merge(actor=town.clerk, public_id=second.public_id, into=first.public_id)
    services.unmerge(actor=town.clerk, public_id=second.public_id)
    assert the(second).state == "dispatched"


def support_what_is_there(town: Town) -> services.Supported:
    send(town.rider)
    (one,) = similar_reports(town.other_rider, lat=AT_ROAD[0], lng=AT_ROAD[1], words="井盖没了")
    return services.support(actor=town.other_rider, offer=one.offer)


@example("reports.services.support")
def say_that_one_sees_the_same() -> None:
    assert not support_what_is_there(a_town()).repeated


@example("reports.services.pay_supports")
def pay_for_a_support() -> None:
    support_what_is_there(a_town())
    with clock.at(clock.now() + timedelta(days=3)):
        assert services.pay_supports() == 1


@example("reports.services.forget_supporter")
def forget_who_supported() -> None:
    town = a_town()
    support_what_is_there(town)
    services.forget_supporter(person=town.other_rider.public_id)
    assert Support.objects.get().index is None


@example("reports.services.acknowledge_alarm")
def take_what_rings() -> None:
    town = a_town()
    services.acknowledge_alarm(actor=town.clerk, public_id=reach(town, "dispatched").public_id)


@example("reports.services.transfer_alarm")
def note_that_the_fire_brigade_was_called() -> None:
    town = a_town()
    services.transfer_alarm(
        actor=town.clerk, public_id=reach(town, "dispatched").public_id, phone="119", reference="2026-118"
    )


@example("reports.services.call_next")
def call_whoever_is_next() -> None:
    town = a_town()
    reach(town, "dispatched")
    Alarm.objects.update(next_at=clock.now())
    assert services.call_next() == 1


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


@example("reports.services.forget_learnt_words")
def let_go_of_what_an_erased_rider_wrote() -> None:
    town = a_town()
    report = the(reach(town, "sorting"))
    services.sort(actor=town.clerk, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng")
    assert services.forget_learnt_words(public_id=town.rider.public_id) == 1


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


exempt("reports.services.look_ahead", "a preview: it writes nothing")


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


@example("reports.services.pause")
def let_a_clock_stand_still() -> None:
    town = a_town()
    services.pause(actor=town.clerk, public_id=reach(town, "accepted").public_id, reason="parts", text="井盖要定做")


@example("reports.services.resume")
def let_a_clock_go_on() -> None:
    town = a_town()
    report = reach(town, "accepted")
    services.pause(actor=town.clerk, public_id=report.public_id, reason="parts")
    services.resume(actor=town.clerk, public_id=report.public_id)
    assert the(report).paused_at is None


def asked_for_more_time(town: Town) -> services.Receipt:
    report = reach(town, "accepted")
    services.ask_extension(actor=town.worker, public_id=report.public_id, length="2 工作日", reason="要开挖")
    return report


@example("reports.services.ask_extension")
def ask_for_more_time() -> None:
    asked_for_more_time(a_town())


@example("reports.services.decide_extension")
def grant_more_time() -> None:
    town = a_town()
    report = asked_for_more_time(town)
    services.decide_extension(actor=town.supervisor, public_id=report.public_id, grant=True, text="同意")


@example("reports.services.answer_for")
def answer_in_the_place_of_a_silent_unit() -> None:
    town = a_town()
    services.answer_for(actor=town.clerk, public_id=reach(town, "sorting").public_id, text="收到，正在找该办的单位")


@example("reports.services.remind")
def remind_and_escalate() -> None:
    reach(a_town(), "accepted")
    with clock.at(clock.now() + timedelta(hours=5)):
        assert services.remind() == 1


@example("reports.services.recalculate")
def follow_a_changed_calendar() -> None:
    town = a_town()
    services.recalculate()
    data = current("reports.limits").data.model_dump(mode="json")
    own = {"class": "manhole", "severity": "critical", "resolve": "1 工作日"}
    publish("reports.limits", {**data, "rows": [own, *data["rows"]]}, note="试", actor_ref=MAKER)
    report = the(reach(town, "accepted"))
    day = clock.city_date(report.resolve_due)
    set_day(day=day, kind="holiday", name="台风", note="停工", actor_ref=MAKER)
    assert services.recalculate() == 1
    assert the(report).resolve_due > report.resolve_due


# ── what comes after ──────────────────────────────────────────────────────────
def looked_at(town: Town, *, fixed: bool = True) -> None:
    receipt = reach(town, "resolved")
    run_pending()
    (card,) = offers_near(town.other_rider)
    offers.take(actor=town.other_rider, public_id=card.public_id)
    services.look_again(
        actor=town.other_rider, offer=card.public_id, fixed=fixed, place=at(), photos=[photo_after(91)], text="看过了"
    )
    assert the(receipt).state == ("fixed" if fixed else "reopened")


@example("reports.services.offer_look")
def ask_riders_nearby_to_look() -> None:
    receipt = reach(a_town(), "resolved")
    assert services.offer_look(public_id=receipt.public_id, why="unsure")


@example("reports.services.withdraw_look")
def ask_nobody_any_more() -> None:
    receipt = reach(a_town(), "resolved")
    services.offer_look(public_id=receipt.public_id, why="unsure")
    assert services.withdraw_look(public_id=receipt.public_id) == 1


@example("reports.services.look_again")
def see_for_others_that_it_is_fixed() -> None:
    looked_at(a_town())


@example("reports.services.pay_witnesses")
def pay_who_looked() -> None:
    looked_at(a_town())
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.pay_witnesses() == 1


@example("reports.services.forget_witness")
def forget_who_looked() -> None:
    town = a_town()
    looked_at(town)
    assert services.forget_witness(person=town.other_rider.public_id) == 1


@example("reports.services.inspect")
def look_before_mending() -> None:
    town = a_town()
    receipt = reach(town, "accepted")
    services.inspect(
        actor=town.worker, public_id=receipt.public_id, text="井盖碎了", place=at(), photos=[photo_after(92)]
    )
    assert the(receipt).state == "working"


@example("reports.services.take_measure")
def fine_who_caused_it() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    day, number = clock.city_date(clock.now()), "泉综罚〔2026〕18 号"
    services.take_measure(
        actor=town.worker, public_id=report.public_id, kind="fine", day=day, document=number, fen=50_000, party="小店"
    )


@example("reports.services.add_measure_result")
def say_how_it_was_taken() -> None:
    town = a_town()
    report = reach(town, "dispatched")
    day = clock.city_date(clock.now())
    made = services.take_measure(actor=town.worker, public_id=report.public_id, kind="warning", day=day)
    services.add_measure_result(
        actor=town.worker, public_id=report.public_id, measure=made.public_id, result="complied"
    )


@example("reports.services.praise")
def thank_whoever_reported_it() -> None:
    town = a_town()
    report = reach(town, "fixed")
    services.praise(actor=town.worker, public_id=report.public_id, text="多亏你看得细")


@example("reports.services.set_aside")
def say_that_it_is_none_of_the_city_s_business() -> None:
    assert the(reach(a_town(), "aside")).validity == "undecided"


@example("reports.services.appeal")
def say_that_a_decision_is_wrong() -> None:
    town = a_town()
    services.appeal(actor=town.rider, public_id=reach(town, "invalid").public_id, text="明明有")


@example("reports.services.appeal_anonymously")
def say_so_with_the_secret() -> None:
    town = a_town()
    receipt = anonymously()
    run_pending()
    services.reject(actor=town.clerk, public_id=receipt.public_id, reason="现场没有")
    services.appeal_anonymously(secret=SECRET, text="明明有")


def appealed(town: Town) -> services.Receipt:
    receipt = reach(town, "invalid")
    services.appeal(actor=town.rider, public_id=receipt.public_id, text="明明有")
    return receipt


@example("reports.services.grant_appeal")
def find_the_reporter_right() -> None:
    town = a_town()
    receipt = appealed(town)
    services.grant_appeal(actor=town.admin, public_id=receipt.public_id, text="照片看得清")
    assert the(receipt).state == "sorting"


@example("reports.services.restore_supports")
def give_supporters_back_what_they_lost() -> None:
    town = a_town()
    support_what_is_there(town)
    report = Support.objects.get().report
    with clock.at(clock.now() + timedelta(days=4)):
        services.pay_supports()
        services.reject(actor=town.clerk, public_id=report.public_id, reason="没有")
        services.pay_supports()
        services.appeal(actor=town.rider, public_id=report.public_id, text="明明有")
        services.grant_appeal(actor=town.admin, public_id=report.public_id, text="有道理")
        assert (services.restore_supports(), services.restore_supports()) == (1, 0)


@example("reports.services.deny_appeal")
def stand_by_a_decision() -> None:
    town = a_town()
    services.deny_appeal(actor=town.admin, public_id=appealed(town).public_id, reason="又去看过，没有")


@example("reports.services.rate")
def say_how_it_went() -> None:
    town = a_town()
    receipt = reach(town, "fixed")
    services.rate(actor=town.rider, public_id=receipt.public_id, answered=True, solved=True, content=3)


@example("reports.services.rate_anonymously")
def say_so_without_a_name() -> None:
    town = a_town()
    receipt = anonymously()
    run_pending()
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="换了", photos=[photo_after(7)])
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    services.answer_anonymously(secret=SECRET, solved=True)
    services.rate_anonymously(secret=SECRET, answered=True, solved=True, content=2)
