"""Addresses of the rules' pages."""

from django.urls import path

from qixia.policy.web import views

app_name = "policy"
urlpatterns = [
    path("desk/rules", views.index, name="index"),
    path("desk/rules/<str:kind>", views.kind, name="kind"),
]
