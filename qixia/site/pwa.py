"""What makes the rider's pages an app: manifest, service worker, the page for no network.

The worker is served from the root so that its scope is the whole site, and is never cached itself. Its version is a hash
of the addresses of the static files (which carry content hashes) and of its own text: a new release is a new worker.
"""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qixia.ui.access import allow

# What a rider's page needs to be drawn and to work without network. Scripts that others import are listed too.
SHELL = (
    "ui/rider.css",
    "ui/sprite.svg",
    "ui/theme.js",
    "ui/ui.js",
    "ui/sha256.js",
    "ui/vendor/htmx.min.js",
    "ui/icons/app-icon.svg",
    "reports/snap.js",
    "reports/queue.js",
    "reports/anonymous.js",
    "reports/anonymous-sent.js",
    "rewards/voucher.js",
    "rewards/code.js",
    "ui/vendor/lean-qr.js",
)
# What the till needs besides, once somebody has opened it: riders do not carry it.
TILL = (
    "ui/ui.js",
    "ui/sha256.js",
    "ui/vendor/ed25519.js",
    "ui/vendor/jsqr.js",
    "ui/scan.js",
    "rewards/till.js",
    "rewards/till-key.js",
    "rewards/till-send.js",
    "rewards/till-store.js",
    "rewards/till-take.js",
)
# Imported by the scripts above.
MODULES = (
    "claims",
    "classes",
    "clip",
    "drafts",
    "exif",
    "photos",
    "place",
    "quality",
    "secrecy",
    "send",
    "shrink",
    "store",
    "uploads",
)


@require_safe
@allow("anyone")
def manifest(_request: HttpRequest) -> HttpResponse:
    icons = [
        {"src": static("ui/icons/icon-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": static("ui/icons/icon-512.png"), "sizes": "512x512", "type": "image/png"},
        {
            "src": static("ui/icons/maskable-512.png"),
            "sizes": "512x512",
            "type": "image/png",
            "purpose": "maskable",
        },
    ]
    content = {
        "id": "/",
        "name": _("骑侠"),
        "short_name": _("骑侠"),
        "description": _("看见隐患，拍一张就行"),
        "lang": "zh-Hans",
        "start_url": reverse("home"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f5f2eb",
        "theme_color": "#f5f2eb",
        "icons": icons,
        "shortcuts": [
            {"name": _("随手拍"), "url": reverse("reports:snap")},
            {"name": _("我的上报"), "url": reverse("reports:mine")},
        ],
    }
    response = JsonResponse(
        content, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False}
    )
    response["Cache-Control"] = "max-age=3600"
    return response


@require_safe
@allow("anyone")
def service_worker(_request: HttpRequest) -> HttpResponse:
    shell = [static(name) for name in SHELL] + [static(f"reports/{name}.js") for name in MODULES]
    names = {
        "shell": json.dumps([*shell, reverse("offline")]),
        "offline": reverse("offline"),
        "icon": static("ui/icons/icon-192.png"),
        "kept": json.dumps([reverse("reports:snap"), reverse("reports:anonymous_mine")]),
        "till": reverse("rewards:scan"),
        "till_files": json.dumps([static(name) for name in TILL]),
        "vouchers": reverse("rewards:vouchers"),
        "sign_ins": json.dumps([reverse("sign-in"), reverse("staff-sign-in")]),
    }
    text = render_to_string("site/sw.js", {**names, "version": ""})
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    response = HttpResponse(
        render_to_string("site/sw.js", {**names, "version": version}), content_type="text/javascript"
    )
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
@allow("anyone")
def offline(request: HttpRequest) -> HttpResponse:
    """Shown by the service worker when a page cannot be had. Holds nothing personal."""
    return render(request, "site/offline.html")


urlpatterns = [
    path("manifest.webmanifest", manifest, name="manifest"),
    path("sw.js", service_worker, name="service-worker"),
    path("offline", offline, name="offline"),
]
