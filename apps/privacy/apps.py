from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.privacy"
    label = "privacy"
