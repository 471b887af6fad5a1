from django.urls import path

from apps.dispatch.api import droop, views

urlpatterns = [
    path("signals/<uuid:signal_id>", views.SignalView.as_view(), name="api-signal"),
    path("programs/<int:program_id>/droop", droop.DroopView.as_view(), name="api-droop"),
]
