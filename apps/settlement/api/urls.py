from django.urls import path

from apps.settlement.api import views

urlpatterns = [
    path("signals/<uuid:signal_id>/settlements", views.SettlementsView.as_view(), name="api-settlements"),
    path(
        "signals/<uuid:signal_id>/settlements/<int:version>/csv",
        views.SettlementCsvView.as_view(),
        name="api-settlement-csv",
    ),
    path(
        "programs/<int:program_id>/payment-preview",
        views.PaymentPreviewView.as_view(),
        name="api-payment-preview",
    ),
]
