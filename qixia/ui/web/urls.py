from django.urls import path

from qixia.ui.web import views

app_name = "ui"
urlpatterns = [
    path("styleguide", views.styleguide, name="styleguide"),
    path("language", views.language, name="language"),
]
