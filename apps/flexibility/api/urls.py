from django.urls import path

from apps.flexibility.api import forecasts, prices

urlpatterns = [
    path("prices", prices.PricesView.as_view(), name="api-prices"),
    path("forecasts/<str:quantity>", forecasts.PortfolioForecastView.as_view(), name="api-forecast"),
    path(
        "sites/<int:site_id>/forecasts/<str:quantity>",
        forecasts.SiteForecastView.as_view(),
        name="api-site-forecast",
    ),
]
