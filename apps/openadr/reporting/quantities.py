"""What a report tells of homes, as arrays of homes and intervals; one query a quantity, whatever the number of homes."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from apps.openadr.reporting.expected import available_kw, baseline_kw, dispatched_kw, forecast_kw
from apps.openadr.reporting.homes import Asked, Floats
from apps.openadr.reporting.steps import Steps, lasts, means, peaks, quarters_over, shares, steps_over
from apps.sites.models import Resource
from apps.sites.selectors import described_numbers
from apps.telemetry.arrays import binned_history, quarter_history
from vpp.translate.openadr3_measured import Wanted

Bools = NDArray[np.bool_]
# So many values are held at once.
BATCH_CELLS = 8_000_000
BATTERY = ("capacity_kwh", "charge_kw", "discharge_kw")


@dataclasses.dataclass(frozen=True)
class Quantity:
    """(homes, intervals) values in the payload's base unit, NaN where not known.

    `whole` says where nothing is missing of a value, `applies` which homes it has a meaning for. Homes add up to
    `total` if there is one, else to their mean by `weights` if there are, else to their sum.
    """

    values: Floats
    whole: Bools
    applies: Bools
    weights: Floats | None = None
    total: Floats | None = None

    def aggregated(self) -> "Quantity":
        """Return all homes as one row; a sum of which homes are missing is not whole."""
        values = self.values[self.applies]
        known = np.asarray(~np.isnan(values))
        if self.total is not None:
            total = self.total
        elif self.weights is not None:
            weights = self.weights[self.applies][:, None] * known
            with np.errstate(invalid="ignore"):
                total = (np.nan_to_num(values) * weights).sum(axis=0) / weights.sum(axis=0)
        else:
            total = np.where(known.any(axis=0), np.nan_to_num(values).sum(axis=0), np.nan)
        whole = (self.whole[self.applies] & known).all(axis=0)
        return Quantity(total[None, :], whole[None, :], np.array([bool(self.applies.any())]))


def quantity_of(asked: Asked, wanted: Wanted) -> Quantity:
    """Gather what a payload tells."""
    return _GATHERED[wanted.payload_type](asked, wanted)


def measured_kw(asked: Asked) -> Bools:
    """(homes, intervals) where anything was measured."""
    steps = steps_over(asked.intervals)
    share = shares(steps, asked.intervals)
    return ~np.isnan(_by_home(asked, "grid_kw", steps=steps, how=lambda values: means(values, share)[0]))


def _drawn(asked: Asked, wanted: Wanted) -> Quantity:
    """Net power or energy at the meter."""
    if wanted.forecast:
        steps = quarters_over(asked.intervals)
        return _from_power(
            asked, wanted, power=means(forecast_kw(asked, steps), shares(steps, asked.intervals))
        )
    steps = steps_over(asked.intervals)
    share = shares(steps, asked.intervals)
    if wanted.is_peak:
        return _peak(asked, wanted, steps=steps, share=share)
    whole = np.empty((len(asked.homes), len(asked.intervals)), dtype=bool)
    rows = _batches(asked, steps)
    found = np.full(whole.shape, np.nan)
    for batch in rows:
        found[batch], whole[batch] = means(_measured(asked, batch, column="grid_kw", steps=steps), share)
    return _from_power(asked, wanted, power=(found, whole))


def _peak(asked: Asked, wanted: Wanted, *, steps: Steps, share: Floats) -> Quantity:
    """The greatest step of each home, and of all together: peaks do not add up."""
    found = np.full((len(asked.homes), len(asked.intervals)), np.nan)
    whole = np.empty(found.shape, dtype=bool)
    total, homes = np.zeros(steps.count), np.zeros(steps.count)
    for batch in _batches(asked, steps):
        values = _measured(asked, batch, column="grid_kw", steps=steps)
        found[batch], whole[batch] = peaks(values, share), means(values, share)[1]
        total += np.nan_to_num(values).sum(axis=0)
        homes += (~np.isnan(values)).sum(axis=0)
    together = peaks(np.where(homes > 0, total, np.nan)[None, :], share)[0]
    return dataclasses.replace(_from_power(asked, wanted, power=(found, whole)), total=together)


def _reading(asked: Asked, wanted: Wanted) -> Quantity:
    """The import register at the interval's end."""
    return _last(asked, "import_kwh")


def _baseline(asked: Asked, wanted: Wanted) -> Quantity:
    return _from_power(asked, wanted, power=baseline_kw(asked))


def _available(asked: Asked, wanted: Wanted) -> Quantity:
    found = available_kw(asked, more=wanted.payload_type == "DOWN_REGULATION_AVAILABLE")
    return _from_power(asked, wanted, power=(found, np.asarray(~np.isnan(found))))


def _described(asked: Asked, wanted: Wanted) -> Quantity:
    """A battery's own numbers, the same at all times."""
    numbers, present = _batteries(asked)
    column = {"STORAGE_USABLE_CAPACITY": 0, "STORAGE_MAX_CHARGE_POWER": 1, "STORAGE_MAX_DISCHARGE_POWER": 2}
    found = np.repeat(numbers[:, [column[wanted.payload_type]]], len(asked.intervals), axis=1)
    return Quantity(found, ~np.isnan(found), present)


def _dispatched(asked: Asked, wanted: Wanted) -> Quantity:
    """What batteries are planned to give, less what they are planned to take."""
    found = _from_power(asked, wanted, power=dispatched_kw(asked))
    return dataclasses.replace(found, applies=_batteries(asked)[1])


def _charge(asked: Asked, wanted: Wanted) -> Quantity:
    numbers, present = _batteries(asked)
    level = _last(asked, "battery_soc")
    soc, capacity_kwh = np.clip(level.values, 0.0, 1.0), numbers[:, 0]
    soc = np.where(np.isnan(capacity_kwh)[:, None], np.nan, soc)
    if wanted.kind == "energy":
        return Quantity(soc * capacity_kwh[:, None], level.whole, present)
    return Quantity(soc, level.whole, present, weights=np.nan_to_num(capacity_kwh))


def _from_power(asked: Asked, wanted: Wanted, *, power: tuple[Floats, Bools]) -> Quantity:
    power_kw, whole = power
    values = power_kw * asked.hours if wanted.kind == "energy" else power_kw
    return Quantity(values, whole, np.ones(len(asked.homes), dtype=bool))


def _last(asked: Asked, column: str) -> Quantity:
    steps = steps_over(asked.intervals)
    share = shares(steps, asked.intervals)
    found = _by_home(asked, column, steps=steps, how=lambda values: lasts(values, share))
    return Quantity(found, ~np.isnan(found), np.ones(len(asked.homes), dtype=bool))


def _by_home(asked: Asked, column: str, *, steps: Steps, how: Callable[[Floats], Floats]) -> Floats:
    found = np.full((len(asked.homes), len(asked.intervals)), np.nan)
    for batch in _batches(asked, steps):
        found[batch] = how(_measured(asked, batch, column=column, steps=steps))
    return found


def _batches(asked: Asked, steps: Steps) -> list[slice]:
    size = max(1, BATCH_CELLS // max(1, steps.count))
    return [slice(first, first + size) for first in range(0, len(asked.homes), size)]


def _measured(asked: Asked, batch: slice, *, column: str, steps: Steps) -> Floats:
    """(homes of a batch, steps) measurements; of what has not ended yet nothing is known."""
    site_ids = asked.homes.site_ids[batch]
    if steps.is_quarters:
        found = quarter_history(
            site_ids=site_ids, columns=[column], starts_at=steps.starts_at, count=steps.count
        )[column]
    else:
        found = binned_history(
            site_ids=site_ids,
            columns=[column],
            starts_at=steps.starts_at,
            step_s=steps.step_s,
            count=steps.count,
        )[column]
    over = max(0, (asked.now - steps.starts_at) // steps.step)
    found[:, over:] = np.nan
    return found


def _batteries(asked: Asked) -> tuple[Floats, Bools]:
    """(homes, 3) numbers that batteries describe themselves by, NaN where they do not; and which homes have one."""
    rows = described_numbers(organization=asked.homes.organization, kind=Resource.Kind.BATTERY, names=BATTERY)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(BATTERY))
    here, there = asked.homes.places(table[:, 0].astype(np.int64))
    numbers = np.full((len(asked.homes), len(BATTERY)), np.nan)
    numbers[here] = table[there, 1:]
    numbers[~(np.isfinite(numbers) & (numbers >= 0))] = np.nan
    present = np.zeros(len(asked.homes), dtype=bool)
    present[here] = True
    return numbers, present


_GATHERED: Mapping[str, Callable[[Asked, Wanted], Quantity]] = {
    "READING": _reading,
    "USAGE": _drawn,
    "DEMAND": _drawn,
    "USAGE_FORECAST": _drawn,
    "BASELINE": _baseline,
    "STORAGE_USABLE_CAPACITY": _described,
    "STORAGE_MAX_CHARGE_POWER": _described,
    "STORAGE_MAX_DISCHARGE_POWER": _described,
    "STORAGE_CHARGE_LEVEL": _charge,
    "STORAGE_DISPATCH_FORECAST": _dispatched,
    "UP_REGULATION_AVAILABLE": _available,
    "DOWN_REGULATION_AVAILABLE": _available,
    "LOAD_SHED_DELTA_AVAILABLE": _available,
}
