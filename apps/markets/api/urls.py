from django.urls import path

from apps.markets.api import trading_views, views

urlpatterns = [
    path("markets", views.MarketsView.as_view(), name="api-markets"),
    path("markets/<int:market_id>", views.MarketView.as_view(), name="api-market"),
    path("markets/<int:market_id>/pause", views.PauseView.as_view(), name="api-market-pause"),
    path("markets/<int:market_id>/resume", views.ResumeView.as_view(), name="api-market-resume"),
    path(
        "markets/<int:market_id>/participants",
        views.ParticipantsView.as_view(),
        name="api-market-participants",
    ),
    path("markets/<int:market_id>/orders", trading_views.OrdersView.as_view(), name="api-market-orders"),
    path("markets/<int:market_id>/runs", trading_views.RunsView.as_view(), name="api-market-runs"),
    path("markets/<int:market_id>/trades", trading_views.TradesView.as_view(), name="api-market-trades"),
    path(
        "market-participants/<int:participant_id>",
        views.ParticipantView.as_view(),
        name="api-market-participant",
    ),
    path(
        "market-participants/<int:participant_id>/terms", views.TermsView.as_view(), name="api-market-terms"
    ),
    path(
        "market-participants/<int:participant_id>/deposits",
        views.DepositsView.as_view(),
        name="api-market-deposits",
    ),
    path(
        "market-participants/<int:participant_id>/statement",
        views.StatementView.as_view(),
        name="api-market-statement",
    ),
    path(
        "market-orders/<int:order_id>/cancel",
        trading_views.OrderCancelView.as_view(),
        name="api-market-order-cancel",
    ),
    path("market-runs/<int:run_id>", trading_views.RunView.as_view(), name="api-market-run"),
    path(
        "market-runs/<int:run_id>/cancel", trading_views.RunCancelView.as_view(), name="api-market-run-cancel"
    ),
    path("market-runs/<int:run_id>/again", trading_views.RunAgainView.as_view(), name="api-market-run-again"),
    path(
        "market-runs/<int:run_id>/replay", trading_views.RunReplayView.as_view(), name="api-market-run-replay"
    ),
    path("market-trades/<int:trade_id>/proof", trading_views.ProofView.as_view(), name="api-market-proof"),
    path("market-log", trading_views.LogView.as_view(), name="api-market-log"),
    path("market-log/faults", trading_views.LogFaultsView.as_view(), name="api-market-log-faults"),
]
