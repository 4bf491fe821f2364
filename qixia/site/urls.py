"""Every address of the site: each room brings its own list."""

from django.contrib import admin
from django.urls import include, path

from qixia.site.api import api

urlpatterns = [
    path("", include("qixia.site.health")),
    path("", include("qixia.site.pages")),
    path("", include("qixia.site.signin.urls")),
    path("", include("qixia.site.privacy.urls")),
    path("", include("qixia.site.mydata.urls")),
    path("", include("qixia.merchants.web.urls")),
    path("", include("qixia.gifts.web.urls")),
    path("", include("qixia.reports.web.urls")),
    path("", include("qixia.offers.web.urls")),
    path("", include("qixia.rewards.web.urls")),
    path("", include("qixia.triage.web.urls")),
    path("", include("qixia.notices.web.urls")),
    path("", include("qixia.places.web.urls")),
    path("", include("qixia.media.web.urls")),
    path("", include("qixia.policy.web.urls")),
    path("", include("qixia.ui.web.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]

handler400 = "qixia.ui.errors.bad_request"
handler403 = "qixia.ui.errors.forbidden"
handler404 = "qixia.ui.errors.not_found"
handler500 = "qixia.ui.errors.server_error"
