from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.dispatch"
    label = "dispatch"
