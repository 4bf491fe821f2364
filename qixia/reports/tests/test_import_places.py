"""Words to places: what a text names exactly is found where a look at the point says the same again."""

from __future__ import annotations

import pytest

from qixia.places import queries as places
from qixia.reports.tests.town import Town


@pytest.mark.parametrize("number", [1, 2, 7, 30, 88])
def test_a_house_number_is_found_where_it_lies(town: Town, number: int) -> None:
    hit = places.find_words(f"井盖坏了 云帆路 {number} 号门口")
    assert hit is not None
    assert hit.by == "number"
    assert (places.locate(hit.point).road, places.locate(hit.point).number) == ("云帆路", number)


def test_a_site_is_found_by_its_name(town: Town) -> None:
    hit = places.find_words("锦澜花园3栋楼道堆满纸箱")
    assert hit is not None
    assert hit.by == "site"
    assert places.locate(hit.point).site.name == "锦澜花园"


@pytest.mark.parametrize("text", ["", "井盖坏了", "云帆路井盖坏了", "云帆路99999号", "别的路88号", "88号", "😀"])
def test_what_is_not_named_exactly_is_not_found(town: Town, text: str) -> None:
    assert places.find_words(text) is None
