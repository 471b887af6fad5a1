from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.common"
    label = "common"
