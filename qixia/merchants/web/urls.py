"""Addresses of merchants: riders' shops/, the keeper's shop/, the desk."""

from django.urls import path

from qixia.merchants.web import desk, keeper, rider

app_name = "merchants"
urlpatterns = [
    path("shops/", rider.shops, name="shops"),
    path("shops/map", rider.map_page, name="map"),
    path("shops/map.json", rider.map_data, name="map_data"),
    path("shops/ten", rider.ten, name="ten"),
    path("shops/<slug:public_id>", rider.shop, name="shop"),
    path("shops/<slug:public_id>/rate", rider.rate, name="rate"),
    path("shop/", keeper.home, name="own"),
    path("shop/apply", keeper.apply, name="apply"),
    path("shop/<slug:public_id>/paper", keeper.paper, name="paper"),
    path("shop/<slug:public_id>/agree", keeper.agree, name="agree"),
    path("shop/<slug:public_id>/hours", keeper.set_hours, name="hours"),
    path("shop/<slug:public_id>/phone", keeper.set_phone, name="phone"),
    path("shop/<slug:public_id>/perk", keeper.set_perk, name="perk"),
    path("shop/<slug:public_id>/perk/<slug:perk>/end", keeper.end_perk, name="end_perk"),
    path("shop/<slug:public_id>/leave", keeper.leave, name="leave"),
    path("desk/merchants/", desk.queue, name="queue"),
    path("desk/merchants/alliances", desk.alliances, name="alliances"),
    path("desk/merchants/new", desk.new, name="new"),
    path("desk/merchants/<slug:public_id>", desk.case, name="case"),
    path("desk/merchants/<slug:public_id>/decide", desk.decide, name="decide"),
    path("desk/merchants/<slug:public_id>/papers/<slug:paper>", desk.check, name="check"),
]
