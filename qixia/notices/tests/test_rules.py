import pytest
import yaml
from pydantic import ValidationError

from qixia.codes.queries import triage_classes
from qixia.notices.apps import SEEDS
from qixia.notices.rules import NoticeTemplate, Outside, TemplateRules, fill, outside, render

SEED = TemplateRules.model_validate(yaml.safe_load((SEEDS / "templates.yaml").read_text(encoding="utf-8")))
ALL_FACTS = dict.fromkeys(
    ("matter", "place", "unit", "text", "points", "nominal", "title", "reason", "name", "until", "shop"), "某事"
) | {
    "number": "407188235",
    "what": "某事",
    "month": "2026-10",
    "yuan": "12.50",
    "now": "已同意",
    "device": "Chrome",
    "at": "11-22 10:00",
}
EXPECTED = [
    "report.praised",
    "report.accepted",
    "report.dispatched",
    "report.answered",
    "report.resolved",
    "report.please_confirm",
    "report.fixed",
    "report.returned",
    "report.invalid",
    "report.reopened",
    "report.checked",
    "report.merged",
    "report.unmerged",
    "points.awarded",
    "points.capped",
    "points.reversed",
    "points.held",
    "points.part",
    "points.voided",
    "points.appeal_granted",
    "points.appeal_refused",
    "points.owed",
    "points.uncovered",
    "points.expiring",
    "books.unsound",
    "budget.warned",
    "statement.issued",
    "statement.reminder",
    "statement.lapsed",
    "statement.refused",
    "statement.corrected",
    "statement.corrected_later",
    "statement.paid",
    "statement.unpaid",
    "statement.disputed",
    "statement.uncovered",
    "voucher.ready",
    "voucher.used",
    "voucher.redeemed",
    "voucher.offline_debit",
    "voucher.expired",
    "voucher.paused",
    "voucher.goes_on",
    "voucher.given_back",
    "shop.not_booked",
    "shop.opened",
    "shop.paper_accepted",
    "shop.paper_returned",
    "shop.paper_ends",
    "shop.admitted",
    "shop.refused",
    "shop.suspended",
    "shop.resumed",
    "shop.stays_out",
    "shop.taken_out",
    "photo.broken",
    "consent.changed",
    "sign_in.new_device",
    "unit.new_case",
    "unit.sent_back",
    "unit.merged",
    "case.raised",
    "clerk.uncertain",
    "critical.ring",
    "critical.unanswered",
    "calendar.missing",
    "clock.receive_soon",
    "clock.receive_over",
    "clock.answer_soon",
    "clock.answer_over",
    "clock.resolve_soon",
    "clock.resolve_over",
    "clock.verify_soon",
    "clock.verify_over",
    "clock.escalated",
    "clock.paused",
    "clock.resumed",
    "extension.asked",
    "extension.granted",
    "extension.denied",
    "digest.staff",
    "unit.undertaking",
    "unit.returned",
    "unit.help_waived",
    "unit.help_done",
    "unit.help_asked",
    "unit.decided",
    "supervisor.reopened",
    "supervisor.decide",
    "supervisor.appeal",
    "report.split",
    "report.set_aside",
    "report.promised",
    "report.please_rate",
    "report.delivered",
    "report.appeal_granted",
    "report.appeal_denied",
    "case.watched",
    "privacy.revealed",
    "privacy.original_opened",
    "voucher.reminder",
    "voucher.slot_closed",
    "voucher.offered",
    "voucher.offer_lapsed",
    "voucher.wait_over",
    "gift.joining",
    "gift.won",
    "gift.lost",
    "gift.ending",
    "gift.handed",
    "gift.deputy",
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


@pytest.mark.django_db
@pytest.mark.parametrize("name", EXPECTED)
def test_words_for_outside_name_no_matter(name):
    """No class, no family, no kind of thing that a rider reports; nothing that says that somebody reports at all."""
    own = SEED.notices[name].outside
    assert own != Outside(), "each has its own sentence"
    names = {found.name for found in triage_classes().values()} | {found.family for found in triage_classes().values()}
    assert len(names) > 30
    for text in (own.zh, own.en):
        assert not [
            word for word in (*names, "上报", "举报", "隐患", "投诉", "照片", "report", "photo") if word in text
        ]
        assert not set("!！·") & set(text)


@pytest.mark.parametrize("wrong", ["", "  ", "编号 {number}", "[[{matter}]]有进展", "编号 407188235", "字" * 81])
def test_words_for_outside_hold_no_facts(wrong):
    with pytest.raises(ValidationError):
        Outside(zh=wrong)


def test_a_version_from_before_says_the_general_sentence():
    raw = yaml.safe_load((SEEDS / "templates.yaml").read_text(encoding="utf-8"))
    for template in raw["notices"].values():
        template.pop("outside")
    old = TemplateRules.model_validate(raw)
    assert outside(old, "report.fixed", "zh-hans") == "你有一条新消息，打开骑侠看看。"
    assert outside(old, "no.such", "en") == "You have a new message. Open Qixia to read it."
