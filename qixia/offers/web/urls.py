"""Addresses of offers."""

from django.urls import path

from qixia.offers.web import rider

app_name = "offers"
urlpatterns = [
    path("offers/", rider.near, name="near"),
    path("offers/<slug:public_id>/take", rider.take, name="take"),
    path("offers/<slug:public_id>/give-back", rider.give_back, name="give_back"),
]
