"""Addresses of triage: the model page."""

from django.urls import path

from qixia.triage.web import model

app_name = "triage"
urlpatterns = [
    path("desk/model/", model.page, name="model"),
    path("desk/model/runs", model.runs, name="model-runs"),
    path("desk/model/train", model.train, name="model-train"),
    path("desk/model/back", model.back, name="model-back"),
    path("desk/model/<slug:artefact>/", model.one, name="model-one"),
    path("desk/model/<slug:artefact>/try", model.shadow, name="model-try"),
    path("desk/model/<slug:artefact>/switch", model.switch, name="model-switch"),
]
