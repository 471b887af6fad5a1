from django.urls import path

from apps.openadr.api import views

urlpatterns = [
    path("auth/server", views.AuthServerView.as_view(), name="openadr-auth-server"),
    path("auth/token", views.TokenView.as_view(), name="openadr-token"),
    path("programs", views.ProgramsView.as_view(), name="openadr-programs"),
    path("programs/<str:object_id>", views.ProgramView.as_view(), name="openadr-program"),
    path("events", views.EventsView.as_view(), name="openadr-events"),
    path("events/<str:object_id>", views.EventView.as_view(), name="openadr-event"),
    path("reports", views.ReportsView.as_view(), name="openadr-reports"),
    path("reports/<str:object_id>", views.ReportView.as_view(), name="openadr-report"),
]
