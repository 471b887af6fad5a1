"""What every template can show."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from apps.common.clock import clock
from apps.common.theme import THEMES, theme_of


def clock_context(request: HttpRequest) -> dict[str, Any]:
    present: datetime = clock().now()
    return {"now": present, "clock_scale": clock().scale}


def theme_context(request: HttpRequest) -> dict[str, Any]:
    return {"theme": theme_of(request), "themes": THEMES}
