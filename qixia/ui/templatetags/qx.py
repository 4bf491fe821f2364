"""The template tags of the look: {% load qx %}. The style guide shows each of them in every state."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.template import Context, TemplateSyntaxError
from django.templatetags.static import static
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from qixia.kernel import clock
from qixia.kernel.ids import show_number
from qixia.ui import nav
from qixia.ui.numbers import many

register = template.Library()
register.filter(many)

SEVERITIES = {
    "low": gettext_lazy("轻微"),
    "normal": gettext_lazy("一般"),
    "high": gettext_lazy("紧急"),
    "critical": gettext_lazy("特急"),
}
#: state key → the colour family; the glyph has the key's own name
STATES = {
    "wait": "wait",
    "wait-ring": "wait",
    "sent": "doing",
    "doing": "doing",
    "check": "check",
    "fixed": "fixed",
    "back": "back",
}
CLOCKS = ("ok", "soon", "over", "pause", "kept")
ARTS = ("camera", "inbox", "map", "list", "points", "voucher", "search", "done")


@lru_cache(maxsize=1)
def icon_names() -> frozenset[str]:
    """What the sprite holds."""
    text = (Path(__file__).parents[1] / "assets" / "icons.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@lru_cache(maxsize=1024)  # a page draws dozens of icons; looking up the hashed name each time cost 80 µs an icon
def _use(symbol: str, css: str) -> SafeString:
    sprite = static("ui/sprite.svg")
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', css, sprite, symbol)


@register.simple_tag
def icon(name: str, **kwargs: Any) -> SafeString:
    """An icon of the sprite, for eyes only: {% icon "camera" class="qx-i-lg" %}. Give the words beside it."""
    if name not in icon_names():
        raise TemplateSyntaxError(f"icon {name!r} is not in qixia/ui/assets/icons.txt")
    return _use(name, f"qx-i {kwargs.get('class', '')}".strip())


@register.simple_tag
def mark() -> SafeString:
    """The brand mark."""
    return _use("mark", "qx-mark")


@register.simple_tag
def severity(value: str, label: str = "", bare: bool = False) -> SafeString:
    """Shape, word and colour of a severity. `bare` drops the ground, for dense tables."""
    if value not in SEVERITIES:
        raise TemplateSyntaxError(f"{value!r} is no severity")
    css = f"qx-sev qx-sev-{value}{' qx-bare' if bare else ''}"
    return format_html('<span class="{}">{}{}</span>', css, _use(f"sev-{value}", "qx-g"), label or SEVERITIES[value])


@register.simple_tag
def severity_glyph(value: str) -> SafeString:
    """The shape alone, where the word stands elsewhere (legend, map)."""
    return _use(f"sev-{value}", f"qx-g qx-g-sev qx-bare qx-sev-{value}")


@register.simple_tag
def state(key: str, label: str, bare: bool = False) -> SafeString:
    """A circle that fills up, with its word: {% state "doing" "处置中" %}."""
    if key not in STATES:
        raise TemplateSyntaxError(f"{key!r} is no state of {', '.join(STATES)}")
    css = f"qx-state qx-st-{STATES[key]}{' qx-bare' if bare else ''}"
    return format_html('<span class="{}">{}{}</span>', css, _use(f"st-{key}", "qx-g"), label)


@register.simple_tag
def state_glyph(key: str) -> SafeString:
    return _use(f"st-{key}", f"qx-g qx-bare qx-st-{STATES[key]}")


def _percent(fraction: float) -> str:
    return f"{round(min(max(float(fraction), 0.0), 1.0) * 100)}%"


@register.simple_tag
def clock_bar(fraction: float, kind: str = "ok", small: bool = False) -> SafeString:
    """What is left of a time limit, as a bar (0 to 1; over is a full bar). kind: ok soon over pause kept."""
    if kind not in CLOCKS:
        raise TemplateSyntaxError(f"{kind!r} is no clock of {', '.join(CLOCKS)}")
    width = "100%" if kind == "over" else _percent(fraction)
    css = f"qx-bar is-{kind}{' qx-bar-s' if small else ''}"
    return format_html('<svg class="{}" aria-hidden="true"><rect width="{}" height="100%"/></svg>', css, width)


@register.simple_tag(name="clock")
def clock_line(label: str, value: str, fraction: float, kind: str = "ok") -> SafeString:
    """A whole clock: words first, then the bar. {% clock "市政养护所" "剩 1 时 24 分" 0.35 "soon" %}"""
    bar = clock_bar(fraction, kind)
    return format_html('<div class="qx-clock is-{}"><span>{}</span><b>{}</b>{}</div>', kind, label, value, bar)


@register.simple_tag
def num(number: str | int) -> SafeString:
    """The number that people read out: 407-188-235."""
    return format_html('<span class="qx-nowrap">{}</span>', show_number(str(number)))


@register.simple_tag
def city_time(moment: datetime | None, pattern: str = "m-d H:i") -> SafeString:
    """A moment as the city's clock shows it, with the exact one for machines. Pattern as in Django's date filter."""
    if moment is None:
        return mark_safe("")
    shown = format_date(moment.astimezone(clock.CITY_TZ), pattern)
    return _time(moment, shown)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """刚刚, 5 分钟前, 3 小时前, 2 天前; older than a week: the date."""
    if moment is None:
        return mark_safe("")
    return _time(moment, _ago(clock.now() - moment) or format_date(moment.astimezone(clock.CITY_TZ), "Y-m-d"))


def _ago(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return _("刚刚")
    if minutes < 60:
        return ngettext("%(n)d 分钟前", "%(n)d 分钟前", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 24:
        return ngettext("%(n)d 小时前", "%(n)d 小时前", hours) % {"n": hours}
    days = hours // 24
    return ngettext("%(n)d 天前", "%(n)d 天前", days) % {"n": days} if days < 8 else ""


def _time(moment: datetime, shown: str) -> SafeString:
    exact = moment.astimezone(clock.CITY_TZ)
    title = format_date(exact, "Y-m-d H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact.isoformat(timespec="seconds"), title, shown)


@register.inclusion_tag("ui/parts/empty.html")
def empty(
    title: str, text: str = "", action_url: str = "", action_label: str = "", art: str = "camera", action_icon: str = ""
) -> dict[str, Any]:
    """Nothing here, and what can be done about it. art: camera inbox map list points voucher search done."""
    if art not in ARTS:
        raise TemplateSyntaxError(f"{art!r} is no drawing of {', '.join(ARTS)}")
    names = {"title": title, "text": text, "action_url": action_url, "action_label": action_label}
    return {**names, "action_icon": action_icon, "art": f"ui/art/{art}.html"}


@register.inclusion_tag("ui/parts/form_errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """All errors of a form in one place, each a link to its field; reads itself out."""
    entries = []
    for name, errors in form.errors.items():
        bound = form[name] if name in form.fields else None
        entries += [{"text": _plain(error), "bound": bound} for error in errors]
    return {"entries": entries}


def _plain(error: object) -> str:
    """Django's words for a field left empty are an official's; ours are short."""
    return _("这一项要填") if str(error) == str(forms.Field.default_error_messages["required"]) else str(error)


@register.inclusion_tag("ui/parts/field.html")
def field(bound: BoundField, **kwargs: Any) -> dict[str, Any]:
    """Label, input, help and errors of one field, tied together for screen readers.

    Further arguments become attributes of the input; `_` in a name stands for "-": {% field form.phone inputmode="tel" %}.
    """
    kind = _field_kind(bound)
    attributes = {name.replace("_", "-"): value for name, value in kwargs.items()}
    attributes.setdefault("class", _field_css(bound, kind))
    described = [
        i
        for i, there in ((f"{bound.id_for_label}-h", bound.help_text), (f"{bound.id_for_label}-e", bound.errors))
        if there
    ]
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
        attributes["class"] += " is-invalid"
    widget, said = bound.as_widget(attrs=attributes), [_plain(error) for error in bound.errors]
    return {"bound": bound, "kind": kind, "widget": widget, "id": bound.id_for_label, "errors": said}


def _field_kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "switch"
    if widget.input_type == "date" if hasattr(widget, "input_type") else False:
        return "date"
    return "plain"


def _field_css(bound: BoundField, kind: str) -> str:
    own = bound.field.widget.attrs.get("class", "")
    base = {"choices": "", "switch": "form-check-input"}.get(kind)
    if base is None:
        base = "form-select" if isinstance(bound.field.widget, forms.Select) else "form-control"
    return f"{base} {own}".strip()


@register.inclusion_tag("ui/parts/pager.html", takes_context=True)
def pager(context: Context, page: Any) -> dict[str, Any]:
    """Earlier and later by key; filters in the address stay. `page` is a qixia.ui.paging.Page."""
    return {"page": page, "request": context["request"]}


@register.inclusion_tag("ui/parts/side_nav.html", takes_context=True)
def side_nav(context: Context) -> dict[str, Any]:
    """The console's side navigation for the actor of this request."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    return {"sections": nav.sections_for(getattr(request, "actor", None), match.view_name if match else "")}
