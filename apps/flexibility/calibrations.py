"""How far each home's quantiles have to move: worked out once a day, used every hour of it."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.flexibility import packing
from apps.flexibility.models import ForecastCalibration
from vpp.forecasting.calibrated import CalibratedForecast
from vpp.forecasting.conformal import BUCKET_S, Calibration, apply_calibration
from vpp.forecasting.portfolio import joint_residuals
from vpp.forecasting.question import DAY_S, LEVELS, QUARTER_S, Forecast

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
QUARTERS = DAY_S // QUARTER_S


@dataclasses.dataclass(frozen=True)
class DayCalibration:
    """The calibrations of homes for a quantity, and what their sum missed on (O, T) past days.

    The i-th is home `site_id[i]`'s, by a method that knew its place where `with_place[i]`; all of forecasts that began
    at `starts_at`.
    """

    starts_at: datetime
    site_id: NDArray[np.int64]
    with_place: Flags
    calibration: Calibration
    residuals: Floats
    homes: int

    def apply(
        self, forecast: Forecast, site_ids: Sequence[int], *, with_place: bool
    ) -> tuple[Forecast, Flags]:
        """Move the quantiles of homes that have a calibration; return which they are."""
        wanted = np.array(site_ids, dtype=np.int64)
        mine = np.flatnonzero(self.with_place == with_place)
        order = mine[np.argsort(self.site_id[mine])]
        at = np.searchsorted(self.site_id[order], wanted)
        found = np.isin(wanted, self.site_id[order])
        rows = order[at[found]]
        part = dataclasses.replace(
            self.calibration,
            shift=self.calibration.shift[rows],
            most=self.calibration.most[rows],
            floor=self.calibration.floor[rows],
        )
        some = dataclasses.replace(forecast, mean=forecast.mean[found], quantiles=forecast.quantiles[found])
        later_s = int((forecast.grid.starts_at - self.starts_at).total_seconds())
        quantiles = forecast.quantiles.copy()
        quantiles[found] = apply_calibration(some, part, later_s=later_s).quantiles
        return dataclasses.replace(forecast, quantiles=quantiles), found

    def residuals_of(self, starts_at: datetime, *, count: int, homes: int) -> Floats:
        """(O, T) what the sum of `homes` homes missed at the same times of day."""
        later = int((starts_at - self.starts_at).total_seconds()) // QUARTER_S
        place = later + np.arange(count)
        days_back = np.maximum(0, (place - self.residuals.shape[1]) // QUARTERS + 1)
        return self.residuals[:, place - days_back * QUARTERS] * (homes / max(self.homes, 1))


@dataclasses.dataclass
class Learning:
    """The calibrations of a quantity as groups of homes come in."""

    site_id: list[NDArray[np.int64]] = dataclasses.field(default_factory=list)
    with_place: list[Flags] = dataclasses.field(default_factory=list)
    found: list[Calibration] = dataclasses.field(default_factory=list)
    residuals: Floats | None = None
    homes: int = 0

    def add(self, site_ids: Sequence[int], *, with_place: bool, found: CalibratedForecast) -> None:
        """Take in a group's calibration, and what its homes that have a whole forecast missed together."""
        self.site_id.append(np.array(site_ids, dtype=np.int64))
        self.with_place.append(np.full(len(site_ids), with_place))
        self.found.append(found.calibration)
        whole = ~np.isnan(found.forecast.mean).any(axis=1)
        if whole.any():
            missed = joint_residuals(found.past.residuals[whole])
            self.residuals = missed if self.residuals is None else self.residuals + missed
            self.homes += int(whole.sum())

    def done(self, starts_at: datetime) -> DayCalibration | None:
        """Put the groups together; None where no home has a whole forecast."""
        if self.residuals is None:
            return None
        parts = {
            name: np.concatenate([getattr(one, name) for one in self.found])
            for name in ("shift", "most", "floor")
        }
        calibration = Calibration(LEVELS, BUCKET_S, **parts)
        site_id, with_place = np.concatenate(self.site_id), np.concatenate(self.with_place)
        return DayCalibration(starts_at, site_id, with_place, calibration, self.residuals, self.homes)


def calibration_of_day(*, organization: Organization, quantity: str, now: datetime) -> DayCalibration | None:
    """Return what was worked out earlier on this UTC day."""
    row = ForecastCalibration.objects.filter(organization=organization, quantity=quantity).first()
    today = now.astimezone(UTC).date()
    if row is None or row.starts_at > now or row.starts_at.astimezone(UTC).date() != today:
        return None
    held = packing.unpack(bytes(row.arrays))
    shift, most, floor = (held[name].astype(np.float64) for name in ("shift", "most", "floor"))
    return DayCalibration(
        row.starts_at,
        held["site_id"],
        held["with_place"],
        Calibration(LEVELS, BUCKET_S, shift, most, floor),
        held["residuals"],
        row.homes,
    )


def calibration_keep(*, organization: Organization, quantity: str, found: DayCalibration) -> None:
    """Keep a day's calibrations in place of the day before's."""
    one = found.calibration
    arrays = {
        "site_id": found.site_id,
        "with_place": found.with_place,
        "residuals": found.residuals,
        **{name: getattr(one, name).astype(np.float32) for name in ("shift", "most", "floor")},
    }
    ForecastCalibration.objects.update_or_create(
        organization=organization,
        quantity=quantity,
        defaults={"starts_at": found.starts_at, "homes": found.homes, "arrays": packing.pack(arrays)},
    )
