"""Addresses of gifts: riders' gifts/, the public's donors and draws, the phone at a place, the desk."""

from django.urls import path

from qixia.gifts.web import desk, hand, papers, places, public, rider

app_name = "gifts"
urlpatterns = [
    path("gifts/", rider.home, name="home"),
    path("gifts/donors/<slug:public_id>", public.donor, name="donor"),
    path("gifts/donors/<slug:public_id>.xlsx", public.donor_file, name="donor_file"),
    path("gifts/draws/<slug:public_id>", public.draw, name="draw"),
    path("gifts/draws/<slug:public_id>.txt", public.draw_file, name="draw_file"),
    path("gifts/hand/", hand.page, name="hand"),
    path("gifts/hand/<slug:place>/check", hand.check, name="hand_check"),
    path("gifts/hand/<slug:place>/give", hand.give, name="hand_give"),
    path("gifts/mine/<slug:public_id>", rider.gift, name="gift"),
    path("gifts/mine/<slug:public_id>/code.svg", rider.code, name="code"),
    path("gifts/mine/<slug:public_id>/codes", rider.codes, name="codes"),
    path("gifts/mine/<slug:public_id>/deputy", rider.deputy, name="deputy"),
    path("gifts/<slug:public_id>", rider.campaign, name="campaign"),
    path("gifts/<slug:public_id>/enter", rider.enter, name="enter"),
    path("gifts/<slug:public_id>/withdraw", rider.withdraw, name="withdraw"),
    path("desk/gifts/", desk.campaigns, name="campaigns"),
    path("desk/gifts/new", desk.edit, name="new"),
    path("desk/gifts/donors", desk.donors, name="donors"),
    path("desk/gifts/places", desk.places, name="places"),
    path("desk/gifts/places/<slug:public_id>/helpers", desk.helper, name="helper"),
    path("desk/gifts/places/<slug:public_id>", places.place, name="place"),
    path("desk/gifts/places/<slug:public_id>/count", places.count, name="count"),
    path("desk/gifts/handed", desk.handed, name="handed"),
    path("desk/gifts/handed/<slug:public_id>/undo", desk.undo, name="undo"),
    path("desk/gifts/<slug:public_id>", desk.case, name="case"),
    path("desk/gifts/<slug:public_id>/edit", desk.edit, name="edit"),
    path("desk/gifts/<slug:public_id>/do", desk.do, name="do"),
    path("desk/gifts/<slug:public_id>/donation", desk.donation, name="donation"),
    path("desk/gifts/<slug:public_id>/stock", desk.stock, name="stock"),
    path("desk/gifts/<slug:public_id>/entrants", desk.entrants, name="entrants"),
    path("desk/gifts/<slug:public_id>/papers", papers.papers, name="papers"),
    path("desk/gifts/<slug:public_id>/papers/template/<slug:kind>.xlsx", papers.template, name="paper_template"),
    path("desk/gifts/<slug:public_id>/papers/<slug:paper>", papers.paper, name="paper"),
    path("desk/gifts/<slug:public_id>/papers/<slug:paper>/do", papers.paper_do, name="paper_do"),
    path("desk/gifts/<slug:public_id>/papers/<slug:paper>/faults.xlsx", papers.faults, name="paper_faults"),
]
