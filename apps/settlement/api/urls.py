from django.urls import path

from apps.settlement.api import disputes, payouts, reviews, views

urlpatterns = [
    path("settlements", views.RunsView.as_view(), name="api-runs"),
    path("settlements/<int:settlement_id>", views.RunView.as_view(), name="api-run"),
    path(
        "settlements/<int:settlement_id>/statements",
        views.RunStatementsView.as_view(),
        name="api-run-statements",
    ),
    path("settlements/<int:settlement_id>/approve", reviews.RunApproveView.as_view(), name="api-run-approve"),
    path("settlements/<int:settlement_id>/pay", reviews.RunPayView.as_view(), name="api-run-pay"),
    path("settlements/<int:settlement_id>/payouts", reviews.RunPayoutsView.as_view(), name="api-run-payouts"),
    path("sites/<int:site_id>/statements", views.SiteStatementsView.as_view(), name="api-site-statements"),
    path("settlement-rule", reviews.ReviewRuleView.as_view(), name="api-settlement-rule"),
    path("payouts", payouts.PayoutsView.as_view(), name="api-payouts"),
    path("payouts/<int:payout_id>", payouts.PayoutView.as_view(), name="api-payout"),
    path("payouts-owed", payouts.OwedView.as_view(), name="api-payouts-owed"),
    path("disputes", disputes.DisputesView.as_view(), name="api-disputes"),
    path("disputes/<int:dispute_id>", disputes.DisputeView.as_view(), name="api-dispute"),
    path("disputes/<int:dispute_id>/accept", disputes.DisputeAcceptView.as_view(), name="api-dispute-accept"),
    path("disputes/<int:dispute_id>/reject", disputes.DisputeRejectView.as_view(), name="api-dispute-reject"),
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
