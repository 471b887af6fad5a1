from django.apps import AppConfig


class Config(AppConfig):
    name = "apps.hubs"
    label = "hubs"
