from django.urls import path

from apps.programs.api import flexibility, views

urlpatterns = [
    path("flexibility", flexibility.FlexibilityView.as_view(), name="api-flexibility"),
    path("programs", views.ProgramsView.as_view(), name="api-programs"),
    path("programs/<int:program_id>", views.ProgramView.as_view(), name="api-program"),
    path("programs/<int:program_id>/enrollments", views.EnrollmentsView.as_view(), name="api-enrollments"),
    path(
        "programs/<int:program_id>/baseline-reports",
        views.BaselineReportsView.as_view(),
        name="api-baseline-reports",
    ),
    path("signals", views.SignalsView.as_view(), name="api-signals"),
]
