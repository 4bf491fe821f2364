"""Reports that come in."""

from django.core.files.base import ContentFile

from qixia.jobs.worker import run_pending
from qixia.media.models import Evidence
from qixia.media.tests.filming import clip
from qixia.reports import services
from qixia.reports.models import (
    ReportPhoto,
)
from qixia.reports.tests.examples.grounds import SECRET, a_town, anonymously
from qixia.reports.tests.town import (
    accepted,
    at,
    photo,
    photo_after,
    reach,
    the,
)
from qixia.triage.tests.opining import answering
from tests.examples import example, exempt

exempt("reports.services.look_for_opinions", "lines up jobs; each request that comes of it is history")
exempt("reports.services.ask_to_catch_up", "lines up a job that makes derived rows anew")
exempt("reports.services.count_lately", "counts what is there; a figure is no change")
exempt("reports.services.catch_up", "makes derived rows anew; what it closes, nobody could have decided")
exempt("reports.services.look_at_photo", "advice that the rows of the photos hold; only a copied photo is history")


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


@example("reports.services.forget_learnt_words")
def let_go_of_what_an_erased_rider_wrote() -> None:
    town = a_town()
    report = the(reach(town, "sorting"))
    services.sort(actor=town.clerk, public_id=report.public_id, cls="manhole", severity="high", unit_code="shizheng")
    assert services.forget_learnt_words(public_id=town.rider.public_id) == 1
