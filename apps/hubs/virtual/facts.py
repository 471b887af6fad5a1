"""What the cloud knows of a home before any of its resources has said a word."""

import dataclasses
import math
from datetime import datetime

from apps.hubs.credentials import s2_meter_expected
from apps.hubs.decisions import decisions_at
from apps.hubs.instructions import instructions_holding
from apps.sites.selectors import resources_of_site, sites_by_id
from apps.telemetry.selectors import latest_by_site
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.household import Kept
from vpp.energy_manager.safety import CONTROLLABLE
from vpp.protocols.link.messages import Instruction, ResourceDescription


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What the owner and the installation ask for."""

    reserve_soc: float
    grid: GridLimits
    has_meter: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """Settings, what was kept of an earlier time, the orders that hold, and who decided last and why, by resource."""

    settings: Settings
    kept: Kept
    orders: list[Instruction]
    decided: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)


def settings_of(*, site_id: int, hub_id: str) -> Settings:
    """Return a home's settings as they are now."""
    site = sites_by_id(site_ids=[site_id])[site_id]
    grid = GridLimits(import_kw=site.import_limit_kw, export_kw=site.export_limit_kw)
    return Settings(reserve_soc=site.reserve_soc, grid=grid, has_meter=s2_meter_expected(hub_id=hub_id))


def facts_of(*, site_id: int, hub_id: str, now: datetime) -> Facts:
    """Return what a home's energy manager starts with."""
    site = sites_by_id(site_ids=[site_id])[site_id]
    described = [
        ResourceDescription(one.key, one.kind, one.name[:100], _numbers(one.parameters))  # type: ignore[arg-type]
        for one in resources_of_site(site=site)
        if one.key in CONTROLLABLE
    ]
    latest = latest_by_site(site_ids=[site_id]).get(site_id)
    kept = Kept(
        resources=described,
        import_kwh=(latest.import_kwh if latest else None) or 0.0,
        export_kwh=(latest.export_kwh if latest else None) or 0.0,
    )
    orders = instructions_holding(hub_id=hub_id, now=now)
    decided = {one.resource: (one.controller, one.reason) for one in decisions_at(site=site, at=now)}
    settings = settings_of(site_id=site_id, hub_id=hub_id)
    return Facts(settings=settings, kept=kept, orders=orders, decided=decided)


def _numbers(parameters: dict[str, object]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in parameters.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
