"""Single resources beside the home's roles: what may be decided about them, and how they are told."""

from collections.abc import Mapping
from datetime import UTC, datetime

from edge_agent.drivers import Driver
from vpp.energy_manager.combine import Wish, exactly
from vpp.energy_manager.household import Household
from vpp.energy_manager.member import FAR_KW, ROLES
from vpp.energy_manager.safety import Allowed, DeviceLimits, Range


def appliances_of(driver: Driver) -> Mapping[str, tuple[float, float]]:
    """The powers [kW] of what the driver can tell one by one."""
    return dict(driver.appliances()) if isinstance(driver, Household) else {}


def tell(driver: Driver, allowed: Allowed, *, limits: DeviceLimits) -> None:
    """Pass on what was decided for single resources; nothing where nobody narrowed what they can do anyway."""
    if isinstance(driver, Household):
        single = {key: range_ for key, range_ in allowed.ranges.items() if key not in ROLES}
        claims = {key: _claim(range_, limits.ranges.get(key)) for key, range_ in single.items()}
        driver.claims = {key: claim for key, claim in claims.items() if claim is not None}


def set_deadlines(driver: Driver, deadlines: Mapping[str, int]) -> None:
    """Say by when programs are to be done [ms]."""
    if isinstance(driver, Household):
        driver.deadlines = {key: datetime.fromtimestamp(at / 1000, UTC) for key, at in deadlines.items()}


def _claim(range_: Range, rated: tuple[float, float] | None) -> Wish | None:
    if range_.pinned:
        return exactly(range_.low)
    if rated is not None and range_.high < rated[1]:
        return Wish(low_kw=-FAR_KW, high_kw=range_.high, prefer_kw=range_.high)
    return None
