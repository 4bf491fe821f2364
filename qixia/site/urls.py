"""Every address of the site. Rooms bring their own lists; those not built yet are left out."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

# (prefix, module of addresses): in the end a plain list.
_ROOMS = [
    ("", "qixia.site.health"),
    ("", "qixia.site.pages"),
    ("", "qixia.site.signin.urls"),
    ("", "qixia.reports.web.urls"),
    ("", "qixia.rewards.web.urls"),
    ("", "qixia.notices.web.urls"),
    ("", "qixia.places.web.urls"),
    ("", "qixia.media.web.urls"),
    ("", "qixia.policy.web.urls"),
    ("", "qixia.ui.web.urls"),
]


def _exists(dotted: str) -> bool:
    try:
        return find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False


urlpatterns = [
    *[path(prefix, include(module)) for prefix, module in _ROOMS if _exists(module)],
    path("admin/", admin.site.urls),
]

handler400 = "qixia.ui.errors.bad_request"
handler403 = "qixia.ui.errors.forbidden"
handler404 = "qixia.ui.errors.not_found"
handler500 = "qixia.ui.errors.server_error"
