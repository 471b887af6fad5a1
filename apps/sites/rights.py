"""What each role at a home may see and do."""

from typing import Final, Literal

from apps.sites.models import Role

# see: the home as it is now, with its history; totals: energy by the month; devices: pages of devices and hub;
# comfort: temperatures, the car's charge, quiet hours; decide: everything that binds the home.
Right = Literal["see", "totals", "devices", "install", "comfort", "decide"]

RIGHTS: Final[dict[str, frozenset[Right]]] = {
    Role.OWNER: frozenset({"see", "totals", "devices", "install", "comfort", "decide"}),
    Role.MEMBER: frozenset({"see", "totals", "devices", "comfort"}),
    Role.VIEWER: frozenset({"see", "totals", "devices"}),
    Role.INSTALLER: frozenset({"devices", "install"}),
    Role.LANDLORD: frozenset({"totals"}),
}
# Who works for the home's organization sees it, by its contract, and decides nothing.
OPERATORS: Final[frozenset[Right]] = frozenset({"see", "totals", "devices"})
# Who does not live there, and whose looks the owner can read.
OUTSIDERS: Final = frozenset({Role.INSTALLER, Role.LANDLORD})


def roles_with(right: Right) -> list[str]:
    """Return the roles that hold a right."""
    return [role for role, rights in RIGHTS.items() if right in rights]
