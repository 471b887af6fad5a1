from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.flexibility"
    label = "flexibility"
