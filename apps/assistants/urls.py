from django.urls import path

from apps.assistants import views

urlpatterns = [
    path("google", views.GoogleView.as_view(), name="assistants-google"),
    path("alexa", views.AlexaView.as_view(), name="assistants-alexa"),
    path("shortcut", views.ShortcutView.as_view(), name="assistants-shortcut"),
]
