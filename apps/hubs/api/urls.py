from django.urls import path

from apps.hubs.api import views

urlpatterns = [
    path("device/register", views.RegisterView.as_view(), name="device-register"),
    path("device/security/authenticate", views.AuthenticateView.as_view(), name="device-authenticate"),
    path("api/v1/sites/<int:site_id>/hub", views.ClaimView.as_view(), name="site-hub-claim"),
]
