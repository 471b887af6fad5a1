"""Which language a page speaks: homeowners' pages in the reader's, everything else in English."""

import functools
from typing import Final

from babel import Locale
from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

# Doors of operators, partners and machines: one language, so that what they read can be searched for and quoted.
ENGLISH_ONLY: Final = (
    "/console/",
    "/admin/",
    "/api/",
    "/openadr3/",
    "/hub/",
    "/device/",
    "/app/",
    "/energystorage/",
    "/microinverter/",
)


class LanguageMiddleware(LocaleMiddleware):
    """Choose by cookie, then by what the browser asks for."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path.startswith(ENGLISH_ONLY):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)


def separated(text: str) -> str:
    """Write a number's `,` and `.` as the reader's language does."""
    group, decimal = _separators(translation.get_language() or "en")
    return text.translate({ord(","): group, ord("."): decimal})


@functools.cache
def _separators(language: str) -> tuple[str, str]:
    symbols = Locale.parse(language, sep="-").number_symbols["latn"]
    return str(symbols["group"]), str(symbols["decimal"])
