from django.urls import path

from apps.dispatch.api import droop, questions, views

PLAN = "signals/<uuid:signal_id>/plans/<int:revision>"
urlpatterns = [
    path("signals/<uuid:signal_id>", views.SignalView.as_view(), name="api-signal"),
    path("signals/<uuid:signal_id>/live", views.SignalLiveView.as_view(), name="api-signal-live"),
    path("signals/<uuid:signal_id>/homes", views.SignalHomesView.as_view(), name="api-signal-homes"),
    path(
        "signals/<uuid:signal_id>/baselines", views.SignalBaselinesView.as_view(), name="api-signal-baselines"
    ),
    path("signals/<uuid:signal_id>/plans", views.PlansView.as_view(), name="api-plans"),
    path(PLAN, views.PlanView.as_view(), name="api-plan"),
    path(f"{PLAN}/schedules", views.SchedulesView.as_view(), name="api-schedules"),
    path(f"{PLAN}/questions", questions.PlanQuestionsView.as_view(), name="api-plan-questions"),
    path("signal-previews", questions.SignalPreviewsView.as_view(), name="api-signal-previews"),
    path("sites/<int:site_id>/why", questions.WhyView.as_view(), name="api-site-why"),
    path("programs/<int:program_id>/droop", droop.DroopView.as_view(), name="api-droop"),
]
