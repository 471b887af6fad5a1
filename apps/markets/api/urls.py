from django.urls import path

from apps.markets.api import chain_views, contract_views, network_views, sharing_views, trading_views, views

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
    path("markets/<int:market_id>/lines", network_views.LinesView.as_view(), name="api-market-lines"),
    path(
        "markets/<int:market_id>/lines/<int:grid_area_id>",
        network_views.LineView.as_view(),
        name="api-market-line",
    ),
    path("markets/<int:market_id>/ties", network_views.TiesView.as_view(), name="api-market-ties"),
    path("markets/<int:market_id>/ties/<int:tie_id>", network_views.TieView.as_view(), name="api-market-tie"),
    path(
        "markets/<int:market_id>/contracts",
        contract_views.ContractsView.as_view(),
        name="api-market-contracts",
    ),
    path(
        "market-contracts/<int:contract_id>/agree",
        contract_views.AgreeView.as_view(),
        name="api-market-contract-agree",
    ),
    path(
        "market-contracts/<int:contract_id>/end",
        contract_views.EndView.as_view(),
        name="api-market-contract-end",
    ),
    path("market-runs/<int:run_id>/nodes", network_views.NodesView.as_view(), name="api-market-run-nodes"),
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
        "market-participants/<int:participant_id>/chain/deposits",
        chain_views.DepositView.as_view(),
        name="api-market-chain-deposits",
    ),
    path(
        "market-participants/<int:participant_id>/chain",
        chain_views.PartyView.as_view(),
        name="api-market-chain-party",
    ),
    path(
        "market-orders/<int:order_id>/escrow",
        chain_views.EscrowView.as_view(),
        name="api-market-order-escrow",
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
    path("sharing-communities", sharing_views.CommunitiesView.as_view(), name="api-sharing"),
    path(
        "sharing-communities/<int:community_id>",
        sharing_views.CommunityView.as_view(),
        name="api-sharing-community",
    ),
    path(
        "sharing-communities/<int:community_id>/members/<int:site_id>",
        sharing_views.MemberView.as_view(),
        name="api-sharing-member",
    ),
    path(
        "sharing-communities/<int:community_id>/runs",
        sharing_views.SharingRunsView.as_view(),
        name="api-sharing-runs",
    ),
    path(
        "sharing-communities/<int:community_id>/runs/<int:run_id>",
        sharing_views.SharingRunView.as_view(),
        name="api-sharing-run",
    ),
    path("market-log", trading_views.LogView.as_view(), name="api-market-log"),
    path("market-log/faults", trading_views.LogFaultsView.as_view(), name="api-market-log-faults"),
]
