"""What each role's tokens may carry: the role on the credential decides, never the wish of the client."""

from typing import Any

from oauth2_provider.scopes import SettingsScopes

from apps.accounts.models import ApiClient

_BY_ROLE: dict[str, list[str]] = {
    ApiClient.Role.UTILITY: [
        "read_all",
        "write_programs",
        "write_events",
        "write_subscriptions",
        "write_vens",
    ],
    ApiClient.Role.VEN: [
        "read_targets",
        "read_ven_objects",
        "write_reports",
        "write_subscriptions",
        "write_vens",
    ],
    ApiClient.Role.APP: ["ores_read", "ores_control"],
    ApiClient.Role.AGGREGATOR: ["api", "ores_read", "ores_control"],
}
# What a token carries only if it was asked for by name: acting in place of a homeowner.
_ASKED_FOR = {"ores_control"}


def scopes_of_role(role: str) -> list[str]:
    """Return all that credentials of a role may ask for."""
    return list(_BY_ROLE.get(role, []))


class RoleScopes(SettingsScopes):  # type: ignore[misc]
    """django-oauth-toolkit's scopes backend."""

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        allowed = getattr(application, "allowed_scopes", None)
        held = scopes_of_role(str(getattr(application, "role", "")))
        return [one for one in held if not allowed or one in allowed]

    def get_default_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return [one for one in self.get_available_scopes(application) if one not in _ASKED_FOR]
