"""The console's tests play in the portal's small world."""

from tests.apps.portal.conftest import as_, now, world

__all__ = ["as_", "now", "world"]
