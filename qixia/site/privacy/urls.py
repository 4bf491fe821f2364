"""Addresses of the pages about personal data."""

from django.urls import path

from qixia.site.privacy import accesses, history, retention

app_name = "privacy"
urlpatterns = [
    path("privacy/accesses/", accesses.log, name="accesses"),
    path("privacy/accesses/csv", accesses.export, name="accesses-csv"),
    path("privacy/history/", history.history, name="history"),
    path("privacy/retention/", retention.retention, name="retention"),
]
