from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.telemetry"
    label = "telemetry"
