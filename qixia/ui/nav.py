"""The console's side navigation: apps register their pages in AppConfig.ready, the template draws what a role may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import NoReverseMatch, reverse

from qixia.ui.access import Actor, admits

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: Sections in the order in which they stand; others follow by name.
SECTIONS = ("工作", "查看", "本单位", "管理")


@dataclass(frozen=True)
class Item:
    """One page. `count(actor)` is drawn behind the label, red when `hot`; None draws nothing.

    `active` names further pages (url names) during which the item stays marked.
    """

    label: str | _StrPromise
    icon: str
    url_name: str
    roles: tuple[str, ...] | frozenset[str] | list[str]
    section: str = "工作"
    order: int = 10
    count: Callable[[Any], int | None] | None = None
    active: tuple[str, ...] = ()
    hot: bool = False


@dataclass(frozen=True)
class Link:
    label: str
    icon: str
    url: str
    current: bool
    count: int | None
    hot: bool


_items: dict[str, Item] = {}


def register(item: Item) -> None:
    """Add a page; the same url name again replaces it (Django may call ready twice in tests)."""
    _items[item.url_name] = item


def sections_for(actor: Actor | None, here: str) -> list[tuple[str, list[Link]]]:
    """(section, links) that this actor may use; `here` is the url name of the page that is open."""
    chosen: dict[str, list[Link]] = {}
    for item in sorted(_items.values(), key=lambda i: (i.order, i.url_name)):
        if not admits(actor, frozenset(item.roles)):
            continue
        try:
            url = reverse(item.url_name)
        except NoReverseMatch:  # a room that is not built in yet
            continue
        current = here == item.url_name or here in item.active
        count = item.count(actor) if item.count else None
        chosen.setdefault(item.section, []).append(Link(str(item.label), item.icon, url, current, count, item.hot))
    rank = {name: place for place, name in enumerate(SECTIONS)}
    return sorted(chosen.items(), key=lambda pair: (rank.get(pair[0], len(rank)), pair[0]))
