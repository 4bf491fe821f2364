"""Addresses of the inbox, of everybody's own settings, and of the administrators' pages."""

from django.urls import path

from qixia.notices.web import desk, settings, views

app_name = "notices"

urlpatterns = [
    path("inbox", views.inbox, name="inbox"),
    path("inbox/read", views.read_all, name="read-all"),
    path("inbox/<slug:public_id>", views.open_notice, name="open"),
    path("me/notices", settings.settings, name="settings"),
    path("me/notices/device", settings.add_device, name="add-device"),
    path("me/notices/device/remove", settings.remove_device, name="remove-device"),
    path("me/notices/mail", settings.mail, name="mail"),
    path("desk/deliveries/", desk.deliveries, name="deliveries"),
    path("desk/robots/", desk.robots, name="robots"),
    path("desk/robots/stop", desk.stop_robot, name="stop-robot"),
    path("desk/templates/", desk.templates, name="templates"),
    path("desk/templates/<str:name>", desk.template, name="template"),
]
