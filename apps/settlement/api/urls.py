from django.urls import path

from apps.settlement.api import views

urlpatterns = [
    path("signals/<uuid:signal_id>/settlements", views.SettlementsView.as_view(), name="api-settlements")
]
