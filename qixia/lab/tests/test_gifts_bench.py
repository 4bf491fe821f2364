"""The draw's bench on few rows: it says what it promises to say, and the file of the draw fits."""

from __future__ import annotations

import pytest

from qixia.gifts.models import Allotment
from qixia.lab import gifts

pytestmark = pytest.mark.django_db


def test_a_small_draw_is_measured_and_fits():
    found = gifts.measured(gifts.Options(rows=65, seed=3))
    assert (found["entrants"], found["kits"], found["allotted"], found["fits"]) == (65, 50, 50, True)
    assert Allotment.objects.count() == 50
    assert {"freeze_s", "number_s", "choose_s", "allot_s", "tell_s", "draw_s", "longest_s", "peak_mb"} <= set(found)
