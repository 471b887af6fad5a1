from django.urls import path

from apps.programs.api import views

urlpatterns = [
    path("programs", views.ProgramsView.as_view(), name="api-programs"),
    path("programs/<int:program_id>", views.ProgramView.as_view(), name="api-program"),
    path("programs/<int:program_id>/enrollments", views.EnrollmentsView.as_view(), name="api-enrollments"),
    path("signals", views.SignalsView.as_view(), name="api-signals"),
]
