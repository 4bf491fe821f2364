"""The dispatch catalogue: who would get it and why, what is wrong with a draft, and what it would have done."""

from __future__ import annotations

import pytest

from qixia.kernel.errors import Invalid, NotAllowed, Stale
from qixia.policy.queries import current
from qixia.policy.services import publish
from qixia.reports import dispatching, errors, services
from qixia.reports.dispatching import Group, effect, explain, faults
from qixia.reports.models import Help
from qixia.reports.policy import Routing, RoutingRow
from qixia.reports.queries import routing
from qixia.reports.rules import Place
from qixia.reports.tests.test_desk_web import desk
from qixia.reports.tests.town import AT_ESTATE, MAKER, at, send, the

ROWS = [
    RoutingRow(unit="shizheng", family="市政设施"),
    RoutingRow(unit="wuye", **{"class": "lift"}),
    RoutingRow(unit="towers", **{"class": "lift", "site_kind": "office_tower"}),
    RoutingRow(unit="north", **{"class": "lift", "division": "990102"}),
    RoutingRow(unit="zhihui"),
]
KNOWN = dispatching.Known(
    units={"shizheng", "wuye", "towers", "north", "zhihui"},
    classes={"lift"},
    families={"市政设施"},
    site_kinds={"office_tower"},
    divisions={"990102"},
)


class TestPure:
    def test_the_row_that_decides_and_why_the_others_do_not(self):
        found = explain(ROWS, cls="lift", family="公共安全", place=Place("990100/", "estate"))
        assert (found.index, found.row.unit) == (1, "wuye")
        assert [(one.index, one.why) for one in found.near] == [(4, "special")]
        assert [(one.index, one.why) for one in found.far] == [(2, "site"), (3, "division")]

    @pytest.mark.parametrize(
        ("place", "unit"),
        [(Place("990100/990102/", "office_tower"), "towers"), (Place("990100/990102/", ""), "north")],
    )
    def test_a_kind_of_site_is_more_special_than_a_place(self, place, unit):
        assert explain(ROWS, cls="lift", family="公共安全", place=place).row.unit == unit

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            ({"unit": "gone"}, "unit"),
            ({"class": "no-such"}, "class"),
            ({"family": "没有"}, "family"),
            ({"class": "lift", "site_kind": "moon"}, "site"),
            ({"class": "lift", "division": "1"}, "division"),
            ({"class": "lift", "site_kind": "office_tower"}, "twice"),
            ({"family": "市政设施", "site_kind": "office_tower", "helpers": ["gone"]}, "helper"),
            ({"family": "市政设施", "site_kind": "office_tower", "helpers": ["wuye"]}, "helper"),
        ],
    )
    def test_what_a_draft_may_not_say(self, row, what):
        found = faults([*ROWS, RoutingRow(**({"unit": "wuye"} | row))], KNOWN)
        assert [one.what for one in found if one.index == 5 and one.what == what] == [what]

    def test_a_sound_catalogue_has_no_fault(self):
        assert faults(ROWS, KNOWN) == []

    def test_what_a_draft_would_have_done(self):
        groups = [
            Group("lift", "公共安全", Place("", "estate"), 7, 1),
            Group("lift", "公共安全", Place("", "office_tower"), 3, 2),
            Group("lamp", "市政设施", Place(), 5, 3),
        ]
        draft = [row for row in ROWS if row.site_kind is None]
        found = effect(ROWS, draft, groups)
        assert dict(found.before) == {"wuye": 7, "towers": 3, "shizheng": 5}
        assert dict(found.after) == {"wuye": 10, "shizheng": 5}
        assert [(one.group.example, one.before, one.after) for one in found.changes] == [(2, "towers", "wuye")]
        assert (found.moved, found.total) == (3, 15)

    def test_catalogues_from_before_helpers_still_hold(self):
        old = Routing.model_validate({"rows": [{"unit": "a", "class": "lift"}, {"unit": "b"}]})
        assert old.rows[0].helpers == []


def rows_now():
    return current("reports.routing").data.model_dump(mode="json", by_alias=True, exclude_defaults=True)["rows"]


class TestPublishing:
    def test_a_draft_is_looked_at_then_published_as_the_next_version(self, town):
        send(town.rider)
        version = current("reports.routing").version
        draft = [{**row, "unit": "huanwei"} if row.get("family") == "市政设施" else row for row in rows_now()]
        shown = routing.effect(town.admin, routing.parsed(draft).rows)
        assert (shown.total, shown.moved) == (1, 1)
        assert {one.name: (one.before, one.after) for one in shown.units} == {
            "shizheng单位": (1, 0),
            "huanwei单位": (0, 1),
        }
        assert [(one.before, one.after) for one in shown.examples] == [("shizheng单位", "huanwei单位")]
        services.publish_routing(actor=town.admin, rows=draft, note="井盖归环卫", after=version)
        assert the(send(town.rider)).unit.code == "huanwei"

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [({"note": " "}, Invalid), ({"after": 99}, Stale), ({"rows": [{"unit": "gone"}]}, errors.FaultyCatalogue)],
    )
    def test_what_is_not_published(self, town, change, refusal):
        given = {"rows": rows_now(), "note": "改", "after": current("reports.routing").version}
        with pytest.raises(refusal):
            services.publish_routing(actor=town.admin, **(given | change))
        assert current("reports.routing").version == given["after"]

    def test_only_administrators_publish(self, town):
        with pytest.raises(NotAllowed):
            services.publish_routing(actor=town.clerk, rows=rows_now(), note="改", after=1)

    def test_the_page_answers_and_shows_a_draft(self, town):
        client = desk(town, "clerk")
        page = client.get("/desk/routing/", {"words": "井盖没了"}).content.decode()
        assert "shizheng单位" in page
        assert "起草修改" not in page
        admin = desk(town, "admin")
        form = {
            "unit": ["zhihui"],
            "matter": [""],
            "site_kind": [""],
            "division": [""],
            "helpers": [""],
            "row_note": [""],
        }
        page = admin.post("/desk/routing/", form | {"act": "preview", "after": "1"}).content.decode()
        assert "这份草稿用在最近 30 天" in page
        assert client.post("/desk/routing/", form | {"act": "publish", "after": "1", "note": "x"}).status_code == 403


def test_helpers_of_the_catalogue_are_asked_at_the_dispatch(town):
    rows = rows_now()
    rows.insert(
        0, {"unit": "wuye", "class": "fire-lane", "site_kind": "estate", "helpers": ["xiaofang", "wuye", "gone"]}
    )
    publish("reports.routing", {"rows": rows}, note="test", actor_ref=MAKER)
    report = the(send(town.rider, "楼道堆满纸箱", place=at(AT_ESTATE)))
    assert report.unit.code == "wuye"
    assert [(row.unit.code, row.state) for row in Help.objects.filter(report=report)] == [("xiaofang", "asked")]
    assert report.steps.get(step="ask_help").by == "xiaofang单位"
