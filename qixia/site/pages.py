"""Addresses of the pages that belong to no room: home, 我的, and what makes an app of them."""

from django.urls import path

from qixia.site import home, pwa
from qixia.site.ops import urls as ops

urlpatterns = [
    path("", home.home, name="home"),
    path("me", home.me, name="me"),
    path("me/name", home.name, name="me-name"),
    *pwa.urlpatterns,
    *ops.urlpatterns,
]
