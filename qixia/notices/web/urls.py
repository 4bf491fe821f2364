"""Addresses of the inbox."""

from django.urls import path

from qixia.notices.web import views

app_name = "notices"

urlpatterns = [
    path("inbox", views.inbox, name="inbox"),
    path("inbox/read", views.read_all, name="read-all"),
    path("inbox/<slug:public_id>", views.open_notice, name="open"),
]
