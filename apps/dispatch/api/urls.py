from django.urls import path

from apps.dispatch.api import views

urlpatterns = [path("signals/<uuid:signal_id>", views.SignalView.as_view(), name="api-signal")]
