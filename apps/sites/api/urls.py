from django.urls import path

from apps.sites.api.views import GridAreasView, GridAreaView

urlpatterns = [
    path("grid-areas", GridAreasView.as_view()),
    path("grid-areas/<int:area_id>", GridAreaView.as_view()),
]
