"""{% load desk %}: what the templates of a case need besides the look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    """What stands under `key`; nothing if there is nothing."""
    return mapping.get(key)
