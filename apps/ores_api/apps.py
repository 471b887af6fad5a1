from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.ores_api"
    label = "ores_api"
