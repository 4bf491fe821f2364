from django.urls import path

from qixia.media.web import transfers, views

app_name = "media"

urlpatterns = [
    path("pic/<str:token>", views.picture, name="picture"),
    path("uploads/", transfers.begin, name="uploads"),
    path("uploads/<slug:public_id>/<int:offset>", transfers.add, name="upload-piece"),
]
