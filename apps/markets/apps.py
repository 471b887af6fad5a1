from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.markets"
    label = "markets"
