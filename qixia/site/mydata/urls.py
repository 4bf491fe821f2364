"""Addresses of the own data."""

from django.urls import path

from qixia.site.mydata import views

app_name = "mydata"
urlpatterns = [
    path("me/data/", views.overview, name="overview"),
    path("me/data/export", views.ask_export, name="export"),
    path("me/data/export/<slug:public_id>", views.fetch_export, name="export-file"),
    path("me/data/real-name", views.real_name, name="real-name"),
    path("me/data/phone", views.phone, name="phone"),
    path("me/data/delete", views.delete, name="delete"),
    path("me/data/keep", views.keep, name="keep"),
]
