"""Two clerks at once, on real connections."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from qixia.merchants import services
from qixia.merchants.models import Merchant
from qixia.merchants.services import papers
from qixia.merchants.tests import builders as made
from qixia.places import queries as places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _prepared(transactional_db):
    places.forget()
    made.prepared()
    yield
    places.forget()


def test_the_last_two_papers_accepted_at_once_make_it_checked(monkeypatch):
    """Both verdicts wait for each other just before they look whether all is there; only a lock keeps the second out."""
    judge = made.clerk()
    who, row = made.applied("pharmacy")
    both = made.handed_in(who, row)
    meet = threading.Barrier(2)
    errors: list[Any] = []
    look = papers.step_if_complete

    def together(merchant: Merchant) -> None:
        try:
            meet.wait(0.5)
        except threading.BrokenBarrierError:
            pass  # the other one waits for the lock, as it should
        look(merchant)

    monkeypatch.setattr(papers, "step_if_complete", together)

    def accept(paper: str) -> None:
        try:
            services.check_paper(actor=judge, paper=paper, accept=True)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    lanes = [threading.Thread(target=accept, args=(paper.public_id,)) for paper in both]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert (errors, Merchant.objects.get().state) == ([], "checked")
