"""Reports that nobody can join to a rider: how they come in, what is kept, what they earn, who may ask."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from qixia.audit.models import AuditEvent
from qixia.jobs.commands import KeyReused
from qixia.jobs.models import Event, Job
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.errors import Invalid, NotFound
from qixia.kernel.requests import with_request_id
from qixia.media import files
from qixia.media.models import Evidence
from qixia.media.rules import HeicPicture, PhotoRefused
from qixia.media.tests import made
from qixia.notices.models import Notice
from qixia.people.passes import NoPass, rider_pass
from qixia.reports import errors, pace, queries, services
from qixia.reports.models import Report, ReportStep
from qixia.reports.tests.town import Town, at, photo, photo_after, the

WORDS = "井盖没了，人能掉下去"


@pytest.fixture(autouse=True)
def _fresh_pace():
    pace.forget()
    yield
    pace.forget()


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def nobody_sends(secret: str | None = None, **more: object) -> services.Receipt:
    given = {
        "rider_pass": rider_pass(),
        "claim_hash": hash_of(secret or new_secret()),
        "client_key": secrets.token_hex(8),
        "place": at(),
        "photos": [photo()],
        "words": WORDS,
        "address": "198.51.100.7",
    } | more
    return services.submit_anonymous(**given)  # type: ignore[arg-type]


def nothing_is_there() -> bool:
    return not Report.objects.exists() and not Evidence.objects.exists() and not Job.objects.exists()


def test_a_report_of_nobody_is_taken_in_and_dispatched(town: Town) -> None:
    secret = new_secret()
    receipt = nobody_sends(secret)
    run_pending()
    report = the(receipt)
    assert (report.secrecy, report.reporter_link, report.reporter_index) == ("anonymous", None, None)
    assert report.claim_hash == hash_of(secret)
    assert (report.state, report.cls, report.points, report.captured_at) == ("dispatched", "manhole", None, None)
    assert set(report.steps.values_list("actor", flat=True)) == {"anonymous", "system:settle"}


def test_no_row_is_named_after_the_request_or_after_anybody(town: Town) -> None:
    before = AuditEvent.objects.latest("id").pk
    with with_request_id("request-of-the-phone"):
        receipt = nobody_sends()
    events = AuditEvent.objects.filter(pk__gt=before)
    assert [(e.action, e.actor, e.request_id) for e in events] == [("reports.received", "anonymous", "")]
    assert set(Job.objects.values_list("request_id", flat=True)) == {""}
    assert set(Event.objects.filter(ref=the(receipt).ref).values_list("request_id", flat=True)) == {""}


def test_nobody_is_told(town: Town) -> None:
    receipt = nobody_sends()
    run_pending()
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.answer(actor=town.worker, public_id=receipt.public_id, text="明天来换")
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="换了", photos=[photo_after(8)])
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    assert not Notice.objects.filter(person_id__in=[town.rider.person_id, town.other_rider.person_id]).exists()


def test_the_photo_is_stored_without_what_the_camera_wrote(town: Town) -> None:
    planted = made.exif(make="QX-CAMERA-5521", gps=made.gps((24, 53, 1), (118, 35, 2)), taken_at="2026:11:20 12:00:00")
    upload = SimpleUploadedFile("IMG_5521.jpg", made.jpeg(exif=planted, comment=b"QX-CAMERA-5521"), "image/jpeg")
    nobody_sends(photos=[upload], self_handled=True, after_photos=[photo_after(3)])
    run_pending()
    for row in Evidence.objects.all():
        assert b"QX-CAMERA-5521" not in original_of(row)
        assert b"Exif" not in original_of(row)
        assert row.claimed == {}
        assert not {"taken_at", "lat", "camera"} & set(row.measured)


def original_of(row: Evidence) -> bytes:
    return files.read_original(row.storage_name, row.file_key)


def test_the_same_key_with_the_same_content_is_one_report(town: Town) -> None:
    secret = new_secret()
    first = nobody_sends(secret, client_key="key-of-a-phone", photos=[photo(5)])
    again = nobody_sends(secret, client_key="key-of-a-phone", photos=[photo(5)])
    assert (again.public_id, again.number, again.repeated) == (first.public_id, first.number, True)
    assert Report.objects.count() == 1
    with pytest.raises(KeyReused):
        nobody_sends(secret, client_key="key-of-a-phone", photos=[photo(6)])
    assert Report.objects.count() == Evidence.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"claim_hash": ""}, Invalid, "claim_hash"),
        ({"claim_hash": "A" * 64}, Invalid, "claim_hash"),
        ({"claim_hash": "ab" * 31}, Invalid, "claim_hash"),
        ({"client_key": "short"}, Invalid, "client_key"),
        ({"photos": []}, errors.NoPhoto, "photos"),
        ({"photos": [SimpleUploadedFile("a.heic", made.heif(b"heic"))]}, HeicPicture, "photos"),
        ({"photos": [SimpleUploadedFile("a.jpg", made.jpeg()[:-30])]}, PhotoRefused, "photos"),
        ({"self_handled": True}, errors.NeedsAfterPhoto, "after_photos"),
        ({"place": None}, errors.NoPlace, "place"),
        ({"hint": "no-such-class"}, errors.UnknownClass, "hint"),
        ({"words": "长" * 2001}, Invalid, "words"),
    ],
)
def test_a_refusal_names_its_field_and_leaves_nothing(town: Town, change: dict, error: type, field: str) -> None:
    with pytest.raises(error) as refusal:
        nobody_sends(**change)
    assert refusal.value.field == field
    assert nothing_is_there()


@pytest.mark.parametrize("given", ["", "x", "中文", "a" * 500, rider_pass.__name__])
def test_without_a_pass_nothing_is_taken(town: Town, given: str) -> None:
    with pytest.raises(NoPass):
        nobody_sends(rider_pass=given)
    assert nothing_is_there()


def test_the_pass_is_the_same_for_all_and_lives_eight_days(town: Town) -> None:
    given = rider_pass()
    assert given == rider_pass()
    midnight = clock.city_time(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    with clock.at(midnight + timedelta(days=8, seconds=-1)):
        assert rider_pass() != given
        nobody_sends(rider_pass=given)
    with clock.at(midnight + timedelta(days=8, seconds=2)), pytest.raises(NoPass):
        nobody_sends(rider_pass=given)
    assert Report.objects.count() == 1


def test_a_secret_serves_one_report(town: Town) -> None:
    secret = new_secret()
    nobody_sends(secret)
    with pytest.raises(Invalid) as refusal:
        nobody_sends(secret)
    assert refusal.value.field == "claim_hash"
    assert Report.objects.count() == Evidence.objects.count() == 1


def test_one_address_is_held_to_the_limit_of_an_hour(town: Town) -> None:
    now = clock.now()
    with clock.at(now):
        for _ in range(60):
            pace.count("203.0.113.9")
        with pytest.raises(errors.TooManyReports):
            nobody_sends(address="203.0.113.9")
        nobody_sends(address="203.0.113.10")
    with clock.at(now + timedelta(minutes=61)):
        nobody_sends(address="203.0.113.9")
    assert Report.objects.count() == 2


def test_a_repetition_is_not_counted(town: Town) -> None:
    secret = new_secret()
    for _ in range(3):
        nobody_sends(secret, client_key="key-of-a-phone", photos=[photo(5)])
    assert [len(times) for times in pace._seen.values()] == [1]


def test_the_memory_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST", 3)
    for number in range(9):
        pace.count(f"203.0.113.{number}")
    assert len(pace._seen) == 3


def test_the_database_keeps_sealed_and_anonymous_apart(town: Town) -> None:
    anonymous, sealed = (
        the(nobody_sends()),
        the(services.submit(actor=town.rider, client_key="phone-key-1", place=at(), photos=[photo()])),
    )
    wrong = [
        (anonymous, {"reporter_index": "x" * 40}),
        (anonymous, {"reporter_link": b"x"}),
        (anonymous, {"claim_hash": None}),
        (anonymous, {"secrecy": "sealed"}),
        (sealed, {"claim_hash": "a" * 64}),
        (sealed, {"reporter_link": None}),
        (sealed, {"reporter_index": None}),
        (sealed, {"secrecy": "anonymous"}),
        (sealed, {"secrecy": "open"}),
    ]
    for report, change in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.filter(pk=report.pk).update(**change)
    assert Report.objects.filter(secrecy="sealed").count() == Report.objects.filter(secrecy="anonymous").count() == 1


# ── asking and answering with the secret ──────────────────────────────────────


def confirming(town: Town) -> tuple[str, Report]:
    secret = new_secret()
    receipt = nobody_sends(secret)
    run_pending()
    services.accept(actor=town.worker, public_id=receipt.public_id)
    services.resolve(actor=town.worker, public_id=receipt.public_id, text="已换新井盖", photos=[photo_after(8)])
    services.verify(actor=town.clerk, public_id=receipt.public_id)
    return secret, the(receipt)


def test_the_secrets_tell_how_their_reports_stand_in_their_order(town: Town, django_assert_num_queries) -> None:
    new, (done, report) = new_secret(), confirming(town)
    nobody_sends(new, photos=[photo(9)])
    queries.anonymous_status([new])  # the rules are read by now
    with django_assert_num_queries(5):
        found = queries.anonymous_status([new, "x", new_secret(), done, 7])
    assert [one and one.label for one in found] == ["已收到", None, None, "待你确认", None]
    assert found[3].number == report.number
    assert (found[3].title, found[3].unit, found[3].answer) == ("井盖缺失破损移位", "shizheng单位", "已换新井盖")
    assert [found[0].points, found[3].points] == ["none", "waiting"]


def test_at_most_fifty_are_asked_at_once(town: Town) -> None:
    assert queries.anonymous_status([new_secret()] * 50) == [None] * 50
    with pytest.raises(Invalid):
        queries.anonymous_status([new_secret()] * 51)


def test_the_holder_of_the_secret_has_the_last_word(town: Town) -> None:
    secret, report = confirming(town)
    services.answer_anonymously(secret=secret, solved=False, text="还是松的")
    services.answer_anonymously(secret=secret, solved=False, text="还是松的")
    report.refresh_from_db()
    assert (report.state, report.reopened) == ("reopened", 1)
    last = ReportStep.objects.filter(report=report).latest("id")
    assert (last.step, last.actor, last.text) == ("dispute", "anonymous", "还是松的")


def test_the_hash_is_no_secret(town: Town) -> None:
    secret, report = confirming(town)
    for given in (hash_of(secret), new_secret(), "", report.number, report.public_id):
        with pytest.raises(NotFound):
            services.answer_anonymously(secret=given, solved=True)
    report.refresh_from_db()
    assert report.state == "confirming"


def test_no_rider_who_is_signed_in_acts_on_it(town: Town) -> None:
    _secret, report = confirming(town)
    for actor in (town.rider, town.other_rider):
        with pytest.raises(NotFound):
            services.confirm_solved(actor=actor, public_id=report.public_id)
    assert queries.my_reports(town.rider, "", "", 20).items == []
