"""No database."""

from collections import Counter

import pytest

from qixia.codes import reference
from qixia.codes.rules import (
    LOCAL_MARK,
    MATTER,
    BadCode,
    Severity,
    ancestor_codes,
    is_local,
    is_within,
    path_of,
    read_codes,
    read_default,
    severity_label,
    worse,
)


def test_severities_are_ordered_and_labelled() -> None:
    assert [s.slug for s in sorted(Severity)] == ["low", "normal", "high", "critical"]
    assert [severity_label(s) for s in ("low", "normal", "high", "critical")] == ["轻微", "一般", "紧急", "特急"]
    assert worse("high", "normal") == "high"
    assert Severity.HIGH.raised(5) is Severity.CRITICAL
    with pytest.raises(BadCode):
        Severity.of("urgent")


def test_paths_name_everything_above() -> None:
    path = path_of("350583104", path_of("350583"))
    assert path == "350583/350583104/"
    assert ancestor_codes(path) == ("350583", "350583104")
    assert is_within(path, "350583/")
    assert not is_within("3505831/", "350583/")
    assert not is_within(path, "")
    for bad in ("", "a/b", " a"):
        with pytest.raises(BadCode):
            path_of(bad)


def test_code_texts_of_the_class_list() -> None:
    assert [code for _, code in read_codes("事项:01001-01003")] == ["01001", "01002", "01003"]
    assert read_codes("事项:06004 自定义") == ((MATTER, "06004"),)
    assert read_codes("自定义") == ()
    assert read_default("自定义:01081") == (MATTER, "01081", True)
    for bad in ("自定义:01001", "部门:01001", "事项:101", "01001"):
        with pytest.raises(BadCode):
            read_default(bad)


def test_the_shipped_lists_are_whole() -> None:
    count = Counter((row.edition, row.kind) for row in reference.national_codes())
    assert count == {("2026", "管理部件"): 153, ("2026", "管理事项"): 250, ("2013", "事件"): 100}
    rows = reference.class_rows()
    assert len(rows) == 60
    assert len({row.slug for row in rows}) == 60
    assert len({(row.kind, row.standard_code, row.slug) for row in rows}) == 60
    assert all(row.name_en.isascii() and row.icon and row.default_unit for row in rows)


def test_local_extensions_are_marked_and_in_their_range() -> None:
    rows = reference.local_codes()
    assert len(rows) == 16
    assert all(is_local(row.code) and row.name.endswith(LOCAL_MARK) and row.is_local for row in rows)
    assert len({row.key for row in rows} | {row.key for row in reference.national_codes()}) == 16 + 503
    assert not is_local("10002")


def test_ranges_leave_out_numbers_that_the_standard_leaves_free() -> None:
    manhole = reference.class_rows()[0]
    assert manhole.slug == "manhole"
    assert (MATTER, "01001") in manhole.standard_codes
    assert (MATTER, "01023") in manhole.standard_codes
    listed = {(row.kind, row.code) for row in reference.national_codes()}
    assert set(manhole.standard_codes) <= listed
