"""Addresses of operations."""

from django.urls import path

from qixia.site.ops import views

urlpatterns = [
    path("metrics", views.metrics, name="metrics"),
    path("ops/", views.page, name="ops"),
    path("ops/trace/", views.trace, name="ops-trace"),
]
