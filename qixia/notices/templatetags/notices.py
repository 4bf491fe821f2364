"""{% load notices %}: how a message is set."""

from __future__ import annotations

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

register = template.Library()

_NUMBER = re.compile(r"\b\d{3}-\d{3}-\d{3}\b")


@register.filter
def keep_numbers(text: str) -> SafeString:
    """Escaped text in which a report's number is never broken at the end of a line."""
    escaped = str(conditional_escape(text))
    return mark_safe(_NUMBER.sub(lambda match: f'<span class="qx-nowrap">{match[0]}</span>', escaped))


CHANNELS = {
    "push": gettext_lazy("推送"),
    "email": gettext_lazy("邮件"),
    "sms": gettext_lazy("短信"),
    "robot": gettext_lazy("群机器人"),
}


@register.simple_tag
def channel_name(channel: str) -> str:
    """What a way out is called on a switch."""
    return str(CHANNELS[channel])
