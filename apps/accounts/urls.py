"""Pages of a person's own account; signing in, passwords and second factors are allauth's."""

from django.urls import path

from apps.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("profile", views.profile, name="profile"),
    path("sessions/others", views.sign_out_others, name="sign_out_others"),
    path("sessions/<int:session_id>", views.sign_out_one, name="sign_out_one"),
]
