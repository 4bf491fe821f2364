"""Addresses of reports: the rider's pages, then the desks."""

from django.urls import path

from qixia.reports.web import (
    alarm,
    anonymous,
    bulk,
    desk,
    duplicates,
    filters,
    map,
    papers,
    redaction,
    reveal,
    rider,
    routing,
    sheet,
    supports,
    triage,
    undertakings,
    ways,
)

app_name = "reports"
RIDER = [
    path("snap", rider.snap, name="snap"),
    path("snap/suggest", rider.suggest, name="suggest"),
    path("snap/place", rider.place, name="place"),
    path("snap/seen", supports.seen, name="seen"),
    path("snap/support", supports.support, name="support"),
    path("supported/<slug:public_id>/", supports.supported, name="supported"),
    path("mine", rider.mine, name="mine"),
    path("r/<slug:public_id>/", rider.timeline, name="timeline"),
    path("r/<slug:public_id>/receipt", rider.receipt, name="receipt"),
    path("r/<slug:public_id>/answer", rider.answer, name="answer"),
]
ANONYMOUS = [
    path("anonymous/", anonymous.submit, name="anonymous"),
    path("anonymous/status", anonymous.status, name="anonymous_status"),
    path("anonymous/answer", anonymous.answer, name="anonymous_answer"),
    path("anonymous/sent/", anonymous.sent, name="anonymous_sent"),
    path("mine/anonymous", anonymous.mine, name="anonymous_mine"),
    path("claims/", anonymous.claim, name="claim"),
]
DESK = [
    path("desk/", desk.home, name="desk"),
    path("desk/queue", desk.queue, name="queue"),
    path("desk/filters/save", filters.save, name="filter_save"),
    path("desk/filters/<slug:public_id>/<slug:name>", filters.act, name="filter_act"),
    path("desk/sheet/<slug:name>", sheet.sheet, name="sheet"),
    path("desk/bulk/", bulk.preview, name="bulk"),
    path("desk/bulk/do", bulk.do, name="bulk_do"),
    path("desk/bulk/<slug:public_id>/", bulk.result, name="bulk_result"),
    path("desk/alarm/", alarm.page, name="alarm"),
    path("desk/alarm/cards", alarm.cards, name="alarm_cards"),
    path("desk/alarm/<slug:public_id>/acknowledge", alarm.acknowledge, name="alarm_acknowledge"),
    path("desk/alarm/<slug:public_id>/transfer", alarm.transfer, name="alarm_transfer"),
    path("desk/triage/", triage.queue, name="triage"),
    path("desk/triage/<slug:public_id>/", triage.case, name="triage_case"),
    path("desk/triage/<slug:public_id>/sort", triage.sort, name="triage_sort"),
    path("desk/returned", desk.returned, name="returned"),
    path("desk/duplicates/", duplicates.pairs, name="duplicates"),
    path("desk/duplicates/<slug:public_id>/", duplicates.pair, name="duplicate"),
    path("desk/duplicates/<slug:public_id>/<slug:act>", duplicates.decide, name="duplicate_act"),
    path("desk/checks", desk.checks, name="checks"),
    path("desk/all", desk.everything, name="all"),
    path("desk/case/<slug:public_id>/", desk.case, name="case"),
    path("desk/case/<slug:public_id>/original", reveal.original, name="original"),
    path("desk/case/<slug:public_id>/picture/<slug:evidence>/", redaction.redaction, name="redaction"),
    path("desk/case/<slug:public_id>/picture/<slug:evidence>/uncovered", redaction.uncovered, name="uncovered"),
    path("desk/case/<slug:public_id>/note", papers.note, name="note"),
    path("desk/case/<slug:public_id>/watch", papers.watch, name="watch"),
    path("desk/case/<slug:public_id>/papers/", papers.attach, name="attach"),
    path("desk/case/<slug:public_id>/papers/<slug:document>", papers.document, name="document"),
    path("desk/case/<slug:public_id>/papers/<slug:document>/remove", papers.remove, name="document_remove"),
    path("desk/undertakings/", undertakings.index, name="undertakings"),
    path("desk/undertakings/<slug:public_id>/", undertakings.page, name="undertaking"),
    path("desk/undertakings/<slug:public_id>/<slug:name>", undertakings.act, name="undertaking_act"),
    path("desk/routing/", routing.catalogue, name="routing"),
    path("desk/reveal/", reveal.reveal, name="reveal"),
    path("desk/case/<slug:public_id>/way/<slug:name>", ways.way, name="way"),
    path("desk/case/<slug:public_id>/<slug:name>", desk.step, name="step"),
]
MAP = [
    path("map", map.map_page, name="map"),
    path("map/data", map.data, name="map_data"),
]
urlpatterns = [*RIDER, *ANONYMOUS, *DESK, *MAP]
