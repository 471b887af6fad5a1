"""What operators' pages show, put together from the apps below."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from apps.accounts.models import Organization
from apps.hubs.models import Hub
from apps.hubs.selectors import hubs_of_organization

QUIET_AFTER = timedelta(minutes=5)


class Latest(Protocol):
    """The columns of a home's newest snapshot that the fleet table shows."""

    at: datetime
    grid_kw: float | None
    pv_kw: float | None
    battery_kw: float | None
    battery_soc: float | None


def hub_of_organization(*, organization: Organization, hub_id: UUID) -> Hub | None:
    """Return the tenant's hub."""
    return hubs_of_organization(organization=organization).filter(pk=hub_id).first()


def hub_state(hub: Hub | None) -> str:
    """Return online, offline, new (never seen), revoked or none."""
    if hub is None:
        return "none"
    if hub.state == Hub.State.REVOKED:
        return "revoked"
    if hub.connected_at is None:
        return "new"
    return "online" if hub.is_connected else "offline"
