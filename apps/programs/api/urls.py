from django.urls import path

from apps.programs.api import flexibility, periods, running, signals, views

urlpatterns = [
    path("flexibility", flexibility.FlexibilityView.as_view(), name="api-flexibility"),
    path("programs", views.ProgramsView.as_view(), name="api-programs"),
    path("programs/<int:program_id>", views.ProgramView.as_view(), name="api-program"),
    path("programs/<int:program_id>/pause", running.ProgramPauseView.as_view(), name="api-program-pause"),
    path("programs/<int:program_id>/resume", running.ProgramResumeView.as_view(), name="api-program-resume"),
    path(
        "programs/<int:program_id>/enrollment-jobs",
        running.EnrollmentJobsView.as_view(),
        name="api-enrollment-jobs",
    ),
    path(
        "programs/<int:program_id>/enrollment-jobs/<int:enrollment_job_id>",
        running.EnrollmentJobView.as_view(),
        name="api-enrollment-job",
    ),
    path("programs/<int:program_id>/enrollments", views.EnrollmentsView.as_view(), name="api-enrollments"),
    path(
        "programs/<int:program_id>/enrollments/<int:site_id>",
        views.EnrollmentView.as_view(),
        name="api-enrollment",
    ),
    path(
        "programs/<int:program_id>/baseline-reports",
        views.BaselineReportsView.as_view(),
        name="api-baseline-reports",
    ),
    path("sites/<int:site_id>/opt-out-periods", periods.PeriodsView.as_view(), name="api-opt-out-periods"),
    path(
        "sites/<int:site_id>/opt-out-periods/<int:period_id>",
        periods.PeriodView.as_view(),
        name="api-opt-out-period",
    ),
    path("capacity", flexibility.CapacityView.as_view(), name="api-capacity"),
    path("signals", signals.SignalsView.as_view(), name="api-signals"),
    path("signals/<uuid:signal_id>/cancel", signals.SignalCancelView.as_view(), name="api-signal-cancel"),
    path("signals/<uuid:signal_id>/opt-outs", signals.OptOutsView.as_view(), name="api-opt-outs"),
    path("signals/<uuid:signal_id>/opt-outs/<int:site_id>", signals.OptOutView.as_view(), name="api-opt-out"),
]
