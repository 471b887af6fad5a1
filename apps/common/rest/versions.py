"""What of the API is on its way out: said in the headers of every answer, from the announcement on.

The policy is in docs/reference/api.md: `/api/v1` changes by additions only; what goes is announced here at least six months
before its sunset.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime


@dataclasses.dataclass(frozen=True)
class Deprecation:
    """Since when a path is deprecated, when it goes, and where to read what to use in its place."""

    since: datetime
    sunset: datetime
    read: str

    def headers(self) -> dict[str, str]:
        """Return the headers of RFC 9745 and RFC 8594."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset, usegmt=True),
            "Link": f'<{self.read}>; rel="deprecation"',
        }


# By the path as it is routed, e.g. "api/v1/signals/<uuid:signal_id>".
DEPRECATED: Mapping[str, Deprecation] = {}
