"""A home's energy account: what it used, made and exchanged, what that cost, and what it would have without a battery.

Self-consumption and self-sufficiency follow R. Luthander, J. Widén, D. Nilsson, J. Palm, "Photovoltaic self-consumption
in buildings: A review", Applied Energy 142 (2015) 80-94: the part of production used at home, and the part of use that
did not come from the grid. The counterfactual is the home's metered use and sun at the same tariff, with the battery at
rest: what the house did without then flows at the meter. Interval by interval, so its length matters as a meter's does.
"""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Self

from vpp.errors import VppError

CENT: Final = Decimal("0.01")
G_PER_KG: Final = 1000.0


class AccountError(VppError):
    """Powers that no account can be made of."""

    code = "invalid_account"


@dataclass(frozen=True, slots=True)
class Flows:
    """Energies of a stretch of time, each in the direction its name says [kWh], at least 0.

    Attributes
    ----------
    used_kwh, sun_kwh
        What the home consumed, and what its sun produced.
    import_kwh, export_kwh
        What went through the meter.
    charge_kwh, discharge_kwh
        What went into the battery and came out of it.
    bare_import_kwh, bare_export_kwh
        What would have gone through the meter with the battery at rest.
    """

    used_kwh: float = 0.0
    sun_kwh: float = 0.0
    import_kwh: float = 0.0
    export_kwh: float = 0.0
    charge_kwh: float = 0.0
    discharge_kwh: float = 0.0
    bare_import_kwh: float = 0.0
    bare_export_kwh: float = 0.0

    def __add__(self, other: Self) -> "Flows":
        return Flows(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def self_sufficiency(self) -> float | None:
        """The share of use that did not come from the grid [0-1]; None where nothing was used."""
        return _share(self.used_kwh - self.import_kwh, self.used_kwh)

    @property
    def self_consumption(self) -> float | None:
        """The share of production that was not exported [0-1]; None where nothing was produced."""
        return _share(self.sun_kwh - self.export_kwh, self.sun_kwh)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stretch of time cost at the tariff [currency]; negative is earned.

    `saved` is what the battery made of it: the cost with the battery at rest less the cost.
    """

    cost: Decimal
    bare_cost: Decimal

    @property
    def saved(self) -> Decimal:
        return self.bare_cost - self.cost


@dataclass(frozen=True, slots=True)
class Carbon:
    """Greenhouse gas of what was drawn from the grid, and of what was not drawn thanks to sun and battery [kg CO2e]."""

    emitted_kg: float
    spared_kg: float


def interval_flows(
    *, used_kw: float, sun_kw: float, battery_kw: float, grid_kw: float, seconds: float
) -> Flows:
    """Return the account of one interval of mean powers.

    Parameters
    ----------
    used_kw, sun_kw
        Consumption and production [kW], at least 0 but for a meter's noise, which counts as 0.
    battery_kw, grid_kw
        In load convention [kW]: positive charges, and imports.
    seconds
        The interval's length [s].

    Raises
    ------
    AccountError
        For NaN, infinity, or an interval without length.
    """
    if not all(map(math.isfinite, (used_kw, sun_kw, battery_kw, grid_kw))):
        raise AccountError("a power is not a finite number")
    if not (math.isfinite(seconds) and seconds > 0):
        raise AccountError(f"an interval of {seconds} s has no length")
    hours, bare_kw = seconds / 3600, max(used_kw, 0.0) - max(sun_kw, 0.0)
    powers = (
        used_kw, sun_kw, grid_kw, -grid_kw, battery_kw, -battery_kw, bare_kw, -bare_kw,
    )  # fmt: skip
    return Flows(*(max(kw, 0.0) * hours for kw in powers))


def total(parts: Iterable[Flows]) -> Flows:
    """Return the sum of accounts."""
    return sum(parts, Flows())


def cost(parts: Iterable[tuple[Flows, Decimal, Decimal]]) -> Cost:
    """Return what parts of one price each cost, rounded half up to cents.

    Parameters
    ----------
    parts
        Energies with the price of import and what export earns [currency/kWh].
    """
    paid = bare = Decimal(0)
    for flows, buy, sell in parts:
        paid += _exact(flows.import_kwh) * buy - _exact(flows.export_kwh) * sell
        bare += _exact(flows.bare_import_kwh) * buy - _exact(flows.bare_export_kwh) * sell
    return Cost(*(amount.quantize(CENT, rounding=ROUND_HALF_UP) for amount in (paid, bare)))


def carbon(parts: Iterable[tuple[Flows, float]]) -> Carbon:
    """Return the greenhouse gas of parts with one intensity each [g CO2e/kWh].

    What is spared is the use that the grid did not have to cover; nothing is credited for exports, and sun counts as 0.
    """
    emitted = spared = 0.0
    for flows, g_per_kwh in parts:
        emitted += flows.import_kwh * g_per_kwh / G_PER_KG
        spared += (flows.used_kwh - flows.import_kwh) * g_per_kwh / G_PER_KG
    return Carbon(emitted, max(spared, 0.0))


def _share(part: float, whole: float) -> float | None:
    return None if whole <= 0 else min(max(part / whole, 0.0), 1.0)


def _exact(kwh: float) -> Decimal:
    return Decimal(repr(round(kwh, 9)))
