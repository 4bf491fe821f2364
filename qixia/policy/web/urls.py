"""Addresses of the rules' pages."""

from django.urls import path

from qixia.policy.web import calendar, views

app_name = "policy"
urlpatterns = [
    path("desk/rules", views.index, name="index"),
    path("desk/rules/<str:kind>", views.kind, name="kind"),
    path("desk/calendar/", calendar.year, name="calendar"),
    path("desk/calendar/change", calendar.change, name="calendar_change"),
]
