"""The template tags: exact markup, because pages and tests of other rooms rely on it."""

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError

from qixia.kernel import clock
from qixia.ui.paging import Page

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # 12:00 in the city


def draw(source: str, **context: object) -> str:
    return Template("{% load qx %}" + source).render(Context(context))


def test_icon_uses_the_sprite_and_hides_itself_from_screen_readers() -> None:
    html = draw('{% icon "camera" class="qx-i-lg" %}')
    assert html == '<svg class="qx-i qx-i-lg" aria-hidden="true"><use href="/static/ui/sprite.svg#i-camera"/></svg>'


def test_an_icon_that_the_sprite_lacks_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="no-such-icon"):
        draw('{% icon "no-such-icon" %}')


@pytest.mark.parametrize(
    ("value", "word"), [("low", "轻微"), ("normal", "一般"), ("high", "紧急"), ("critical", "特急")]
)
def test_severity_has_shape_word_and_class(value: str, word: str) -> None:
    html = draw("{% severity value %}", value=value)
    assert f'class="qx-sev qx-sev-{value}"' in html
    assert f"#i-sev-{value}" in html
    assert f"</svg>{word}</span>" in html


def test_unknown_severity_and_state_are_refused() -> None:
    with pytest.raises(TemplateSyntaxError):
        draw('{% severity "urgent" %}')
    with pytest.raises(TemplateSyntaxError):
        draw('{% state "lost" "不见了" %}')


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("wait", "wait"),
        ("wait-ring", "wait"),
        ("sent", "doing"),
        ("doing", "doing"),
        ("check", "check"),
        ("fixed", "fixed"),
        ("back", "back"),
    ],
)
def test_state_takes_the_colour_of_its_family_and_its_own_glyph(key: str, family: str) -> None:
    html = draw("{% state key label bare=True %}", key=key, label="<处置中>")
    assert f'class="qx-state qx-st-{family} qx-bare"' in html
    assert f"#i-st-{key}" in html
    assert "&lt;处置中&gt;" in html


@pytest.mark.parametrize(
    ("fraction", "kind", "width"), [(0.35, "soon", "35%"), (-1, "ok", "0%"), (7, "ok", "100%"), (0.1, "over", "100%")]
)
def test_clock_bar_stays_inside_and_is_full_when_over(fraction: float, kind: str, width: str) -> None:
    html = draw("{% clock_bar fraction kind %}", fraction=fraction, kind=kind)
    assert f'class="qx-bar is-{kind}"' in html
    assert f'<rect width="{width}" height="100%"/>' in html


def test_clock_says_words_before_the_bar() -> None:
    html = draw('{% clock "市政养护所" "剩 1 时 24 分" 0.35 "soon" %}')
    assert html.index("剩 1 时 24 分") < html.index("<svg")


def test_number_is_grouped() -> None:
    assert "407-188-235" in draw("{% num number %}", number="407188235")


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=30), "刚刚"),
        (timedelta(minutes=5), "5 分钟前"),
        (timedelta(hours=23), "23 小时前"),
        (timedelta(days=7), "7 天前"),
        (timedelta(days=8), "2026-11-14"),
        (timedelta(hours=-1), "刚刚"),
    ],
)
def test_ago(passed: timedelta, words: str) -> None:
    with clock.at(NOON):
        assert f">{words}</time>" in draw("{% ago moment %}", moment=NOON - passed)


def test_city_time_shows_the_citys_clock_and_the_exact_moment() -> None:
    html = draw('{% city_time moment "m-d H:i" %}', moment=NOON)
    assert 'datetime="2026-11-22T12:00:00+08:00"' in html
    assert ">11-22 12:00</time>" in html
    assert draw("{% city_time moment %}", moment=None) == ""


def test_empty_says_what_to_do() -> None:
    html = draw('{% empty "还没有上报" "拍一张就行。" "/snap" "随手拍" art "camera" %}', art="camera")
    assert 'href="/snap"' in html
    assert "随手拍" in html
    assert 'class="art"' in html


class _Form(forms.Form):
    phone = forms.CharField(
        label="手机号", help_text="只用来登录。", min_length=11, error_messages={"min_length": "要 11 位。"}
    )
    day = forms.DateField(label="哪天", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    found = forms.ChoiceField(label="看到", widget=forms.RadioSelect, choices=[("1", "属实")])
    hide = forms.BooleanField(label="隐名", required=False)


def test_field_ties_label_help_and_error_to_the_input() -> None:
    html = draw('{% field form.phone inputmode="tel" %}', form=_Form({"phone": "138"}))
    assert 'for="id_phone"' in html
    assert 'aria-describedby="id_phone-h id_phone-e"' in html
    assert 'aria-invalid="true"' in html
    assert 'inputmode="tel"' in html
    assert "form-control is-invalid" in html
    assert 'id="id_phone-e"' in html
    assert "要 11 位。" in html


def test_field_without_error_is_not_invalid() -> None:
    html = draw("{% field form.phone %}", form=_Form())
    assert "aria-invalid" not in html
    assert 'aria-describedby="id_phone-h"' in html


def test_field_kinds() -> None:
    form = _Form()
    assert "form-switch" in draw("{% field form.hide %}", form=form)
    assert "<fieldset" in draw("{% field form.found %}", form=form)
    day = draw("{% field form.day %}", form=form)
    assert 'type="date"' in day
    assert "可不填" in day


def test_form_errors_links_each_error_to_its_field() -> None:
    html = draw("{% form_errors form %}", form=_Form({"phone": "138", "found": "1"}))
    assert 'role="alert"' in html
    assert 'href="#id_phone"' in html
    assert draw("{% form_errors form %}", form=_Form()).strip() == ""


def test_pager_keeps_the_filters(rf) -> None:
    html = draw("{% pager page %}", page=Page(items=(), after="k2"), request=rf.get("/desk?state=open&before=k1"))
    assert 'href="?state=open&amp;after=k2"' in html
    assert 'rel="prev"' not in html
    assert draw("{% pager page %}", page=Page(items=()), request=rf.get("/desk")).strip() == ""
