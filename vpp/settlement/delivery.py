"""Delivered energy: the baseline minus what the meter says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.settlement.errors import SettlementError
from vpp.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]
DeliveryStatus = Literal["settled", "partial", "no_baseline", "not_metered"]


@dataclass(frozen=True, slots=True)
class DeliveredEnergy:
    """Of S homes over T intervals: (S, T) energies [kWh], and (S,) how much of it is known.

    `delivered_kwh` is 0 where `known` is False: what is not measured is not paid in this run.
    """

    delivered_kwh: Floats
    baseline_kwh: Floats
    metered_kwh: Floats
    known: NDArray[np.bool_]
    status: tuple[DeliveryStatus, ...]


def delivered_energy(
    *,
    baseline_kw: ArrayLike,
    metered_kwh: ArrayLike,
    interval_s: int,
    cap_kwh: ArrayLike | None = None,
) -> DeliveredEnergy:
    """Clip baseline - metered to [0, cap] in every interval of every home.

    Interval and home count by themselves: drawing more than the baseline in one is not taken off another.

    Parameters
    ----------
    baseline_kw
        (S, T) baseline net power [kW]; NaN where a home has none.
    metered_kwh
        (S, T) metered net energy [kWh]; NaN is missing.
    interval_s
        [s]
    cap_kwh
        (S, T), or anything that broadcasts to it: the most that is paid [kWh]; none by default.

    Raises
    ------
    SettlementError
        For shapes that do not fit, infinite values, or a cap below 0 or not a number.
    """
    baseline = np.asarray(baseline_kw, dtype=np.float64) * (interval_s / SECONDS_PER_HOUR)
    metered = np.asarray(metered_kwh, dtype=np.float64)
    if baseline.ndim != 2 or baseline.shape != metered.shape or interval_s <= 0:
        raise SettlementError(f"shapes {baseline.shape} and {metered.shape} or {interval_s} s do not fit")
    if np.isinf(baseline).any() or np.isinf(metered).any():
        raise SettlementError("an energy is infinite")
    cap = _cap(cap_kwh, shape=baseline.shape)
    known = np.isfinite(baseline) & np.isfinite(metered)
    delivered = np.where(known, np.clip(np.nan_to_num(baseline - metered), 0.0, cap), 0.0)
    rows = zip(np.isfinite(baseline), np.isfinite(metered), strict=True)
    return DeliveredEnergy(
        delivered_kwh=delivered,
        baseline_kwh=baseline,
        metered_kwh=metered,
        known=known,
        status=tuple(_status(has_baseline, has_meter) for has_baseline, has_meter in rows),
    )


def _cap(cap_kwh: ArrayLike | None, *, shape: tuple[int, ...]) -> Floats:
    cap = np.asarray(np.inf if cap_kwh is None else cap_kwh, dtype=np.float64)
    if not (cap >= 0).all():
        raise SettlementError("a cap is negative or not a number")
    try:
        return np.broadcast_to(cap, shape)
    except ValueError:
        raise SettlementError(f"caps of shape {cap.shape} do not fit {shape}") from None


def _status(has_baseline: NDArray[np.bool_], has_meter: NDArray[np.bool_]) -> DeliveryStatus:
    if (has_baseline & has_meter).all():
        return "settled"
    if not has_baseline.any():
        return "no_baseline"
    return "partial" if (has_baseline & has_meter).any() else "not_metered"
