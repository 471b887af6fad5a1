from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.programs"
    label = "programs"
