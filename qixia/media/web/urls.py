from django.urls import path

from qixia.media.web import views

app_name = "media"

urlpatterns = [path("pic/<str:token>", views.picture, name="picture")]
