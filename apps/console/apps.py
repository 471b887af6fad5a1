from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.console"
    label = "console"
