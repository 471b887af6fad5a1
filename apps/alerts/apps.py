from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.alerts"
    label = "alerts"
