import pytest
import yaml
from pydantic import ValidationError

from qixia.notices.apps import SEEDS
from qixia.notices.rules import NoticeTemplate, TemplateRules, fill, render

SEED = TemplateRules.model_validate(yaml.safe_load((SEEDS / "templates.yaml").read_text(encoding="utf-8")))
ALL_FACTS = dict.fromkeys(
    ("matter", "place", "unit", "text", "points", "nominal", "title", "reason", "name", "until", "shop"), "某事"
) | {"number": "407188235", "what": "某事", "now": "已同意", "device": "Chrome", "at": "11-22 10:00"}
EXPECTED = [
    "report.accepted",
    "report.dispatched",
    "report.answered",
    "report.resolved",
    "report.please_confirm",
    "report.fixed",
    "report.returned",
    "report.invalid",
    "report.reopened",
    "points.awarded",
    "points.capped",
    "points.reversed",
    "voucher.ready",
    "voucher.redeemed",
    "voucher.expired",
    "photo.broken",
    "consent.changed",
    "sign_in.new_device",
    "unit.new_case",
    "unit.sent_back",
    "clerk.uncertain",
    "critical.ring",
]


def test_the_seed_has_every_template():
    assert set(SEED.notices) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("facts", [ALL_FACTS, {"number": "407188235"}, {}])
def test_every_template_reads_well_with_many_and_few_facts(name, language, facts):
    shown = render(SEED, name, facts, language)
    assert shown.title
    for text in (shown.title, shown.body):
        assert not set("[]{}") & set(text)
        assert "·" not in text
        assert "!" not in text
        assert "！" not in text


@pytest.mark.parametrize(
    ("text", "facts", "shown"),
    [
        ("{a} 和 {b}", {"a": 1, "b": "二"}, "1 和 二"),
        ("[[由{unit}处理，]]编号 {number}", {"number": "407188235"}, "编号 407-188-235"),
        ("[[由{unit}处理，]]编号 {number}", {"unit": "市政", "number": "x"}, "由市政处理，编号 x"),
        ("[[{a}{b}]]完", {"a": 1}, "完"),
        ("{what}", {"what": {"zh": "位置", "en": "place"}}, "位置"),
        ("{a.__class__} {a}", {"a": "x"}, "{a.__class__} x"),
        ("{a}", {"a": "{b}", "b": "secret"}, "{b}"),
        ("{a}", {"a": None}, ""),
    ],
)
def test_filling(text, facts, shown):
    assert fill(text, facts, "zh-hans") == shown


def test_a_fact_in_two_languages_follows_the_reader():
    assert fill("{what}", {"what": {"zh": "位置", "en": "place"}}, "en") == "place"
    assert fill("{what}", {"what": {"zh": "位置"}}, "en") == "位置"


def test_a_template_that_is_gone_still_shows_something():
    assert render(SEED, "taken.out", {}, "zh-hans").title == "有一条新消息"


def test_an_icon_outside_the_sprite_is_refused():
    words = {"title": "x", "body": ""}
    with pytest.raises(ValidationError):
        NoticeTemplate.model_validate({"icon": "no-such-icon", "zh": words, "en": words})
