from django.urls import path

from qixia.places.web import views

app_name = "places"
urlpatterns = [
    path("map/base.json", views.base, name="base"),
    path("map/snippet.svg", views.snippet, name="snippet"),
    path("map/where", views.where, name="where"),
]
