"""What the pages of gifts share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from qixia.gifts.web.forms import RENAMED
from qixia.kernel import clock
from qixia.kernel.errors import DomainError, Invalid
from qixia.ui.errors import message_of


def tried(form: forms.Form, act: Callable[[], object]) -> bool:
    """Run `act` if the form is in order; a refusal becomes an error of its field."""
    if not form.is_valid():
        return False
    try:
        act()
    except DomainError as refusal:
        if refusal.status in (401, 403, 404):
            raise
        field = RENAMED.get(refusal.field or "", refusal.field)
        form.add_error(field if field in form.fields else None, message_of(refusal))
        return False
    return True


def number(request: HttpRequest, name: str = "count") -> int:
    text = request.POST.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(_("数量要是 1 以上的整数。"), field=name)
    return int(text)


def moment(request: HttpRequest, name: str) -> datetime:
    """From a datetime-local field, in the city's time."""
    try:
        found = parse_datetime(request.POST.get(name, "")[:32])
    except ValueError:
        found = None
    if found is None:
        raise Invalid(_("请填日期和时间。"), field=name)
    return found.replace(tzinfo=clock.CITY_TZ) if found.tzinfo is None else found
