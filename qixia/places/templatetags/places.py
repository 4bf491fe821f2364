"""{% load places %}: still maps and the configuration that a live map starts from."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from qixia.places import queries

register = template.Library()


@register.inclusion_tag("places/snippet.html")
def map_snippet(lat: float, lng: float, width: int = 358, height: int = 168, label: str = "") -> dict[str, Any]:
    """A still map around a WGS-84 point, light and dark; the one that is hidden is not fetched."""
    query = {"lat": f"{lat:.5f}", "lng": f"{lng:.5f}", "w": width, "h": height, "v": queries.version() or ""}
    address = reverse("places:snippet")
    return {
        "light": f"{address}?{urlencode({**query, 'theme': 'light'})}",
        "dark": f"{address}?{urlencode({**query, 'theme': 'dark'})}",
        "width": width,
        "height": height,
        "label": label or _("位置示意图"),
    }


def _words() -> dict[str, str]:
    """What the scripts say, in the reader's language (the keys are those of places/words.js)."""
    return {
        "zoomIn": _("放大"),
        "zoomOut": _("缩小"),
        "locate": _("我的位置"),
        "noPermission": _("没有定位权限，请在地图上点选位置。"),
        "noPosition": _("暂时定位不到，请在地图上点选位置。"),
        "elsewhere": _("你现在不在本区范围内。"),
        "tap": _("点一下地图，标出位置"),
        "pin": _("选定的位置，方向键微调"),
        "outside": _("这个位置不在范围内，请重新选点。"),
        "demo": _("{name}示意图，虚构"),
        "credit": _("{name}底图"),
        "cluster": _("{count} 件，最重{worst}，放大查看"),
        "merged": _("另有 {count} 件合并显示，放大地图后逐件列出"),
        "critical": _("特急"),
        "high": _("紧急"),
        "normal": _("一般"),
        "low": _("轻微"),
        "wait": _("待受理"),
        "wait-ring": _("待分拣"),
        "sent": _("已派单"),
        "doing": _("处置中"),
        "check": _("待核实"),
        "fixed": _("已修好"),
        "back": _("重新处理"),
    }


@register.inclusion_tag("places/live_map.html")
def live_map(
    element_id: str, lat: float | None = None, lng: float | None = None, zoom: int = 16, css: str = "", data: str = ""
) -> dict[str, Any]:
    """The element that `places/map.js` turns into a live map; `data` is the address of report points, if any."""
    version = queries.version()
    return {
        "id": element_id,
        "lat": lat,
        "lng": lng,
        "zoom": zoom,
        "css": css,
        "data": data,
        "base_url": f"{reverse('places:base')}?v={version}" if version else "",
        "bounds": ",".join(f"{edge:.6f}" for edge in queries.city_bounds()) if version else "",
        "words": json.dumps(_words(), ensure_ascii=False),
        "where": reverse("places:where"),
        "basemap": queries.current_basemap(),
    }
