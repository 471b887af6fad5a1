"""Which makers are told of changes: those that the settings have credentials for."""

from django.conf import settings

from apps.assistants.models import Maker


def makers_told() -> list[Maker]:
    """Return the makers that changes are told to; without credentials there are none."""
    has = {
        Maker.GOOGLE: bool(settings.GOOGLE_HOMEGRAPH_CREDENTIALS),
        Maker.ALEXA: bool(settings.ALEXA_CLIENT_ID and settings.ALEXA_CLIENT_SECRET),
    }
    return [maker for maker, has_credentials in has.items() if has_credentials]


def is_told(maker: Maker) -> bool:
    """Whether a maker is told of changes."""
    return maker in makers_told()
