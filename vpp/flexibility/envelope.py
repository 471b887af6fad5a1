"""How much less N homes can draw than their baselines over T intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError
from vpp.resources.site import SiteState
from vpp.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]


class EnvelopeError(VppError):
    """Arrays that do not describe the same homes and intervals."""

    code = "invalid_envelope"


@dataclass(frozen=True, slots=True)
class ShedEnvelope:
    """Bounds of N homes over T intervals of `interval_s` [s]. A home with NaN anywhere is not usable.

    What counts is the meter: shed = baseline - planned net power. With the battery idle and nothing cut a
    home would draw `idle_net_kw`; battery discharge, EV cut and heat cut each lower that, together by at
    most `headroom_kw` (the export limit). A baseline of a home whose battery usually covers the evening
    lies below `idle_net_kw`: such a home must discharge just to hold its baseline, and that energy is not
    taken off `battery_kwh` a second time.

    Attributes
    ----------
    names
        N names, for explanations.
    baseline_kw, idle_net_kw
        (N, T) net power [kW], load convention.
    battery_kw, ev_kw, heat_kw, headroom_kw
        (N, T) greatest discharge, cuts and their sum [kW], >= 0.
    battery_kwh, heat_kwh
        (N,) greatest sums over the event [kWh]; the battery's is above its reserve and after losses.
    """

    names: tuple[str, ...]
    interval_s: int
    baseline_kw: Floats
    idle_net_kw: Floats
    battery_kw: Floats
    battery_kwh: Floats
    ev_kw: Floats
    heat_kw: Floats
    heat_kwh: Floats
    headroom_kw: Floats

    def __post_init__(self) -> None:
        shape = self.baseline_kw.shape
        if len(shape) != 2 or shape[0] != len(self.names):
            raise EnvelopeError(f"{len(self.names)} names do not fit baselines of shape {shape}")
        if self.interval_s <= 0:
            raise EnvelopeError(f"an interval of {self.interval_s} s is none")
        for array in (self.idle_net_kw, self.battery_kw, self.ev_kw, self.heat_kw, self.headroom_kw):
            if array.shape != shape:
                raise EnvelopeError(f"shapes {shape} and {array.shape} do not fit")
        if self.battery_kwh.shape != shape[:1] or self.heat_kwh.shape != shape[:1]:
            raise EnvelopeError(f"{shape[0]} homes need as many energies")

    @property
    def hours(self) -> float:
        """Length of an interval [h]."""
        return self.interval_s / SECONDS_PER_HOUR

    @property
    def idle_shed_kw(self) -> Floats:
        """(N, T) shed [kW] of a home that does nothing; below 0 where its baseline needs the battery."""
        return self.baseline_kw - self.idle_net_kw

    @property
    def max_shed_kw(self) -> Floats:
        """(N, T) greatest shed [kW] in each interval by itself; energy bounds are not applied."""
        cuts = self.battery_kw + self.ev_kw + self.heat_kw
        return self.idle_shed_kw + np.minimum(cuts, self.headroom_kw)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) homes without NaN, infinity or negative bounds."""
        powers = np.stack([self.battery_kw, self.ev_kw, self.heat_kw, self.headroom_kw], axis=2)
        energies = np.stack([self.battery_kwh, self.heat_kwh], axis=1)
        known = np.isfinite(self.baseline_kw - self.idle_net_kw).all(axis=1)
        bounded = (np.isfinite(powers) & (powers >= 0)).all(axis=(1, 2))
        return np.asarray(known & bounded & (np.isfinite(energies) & (energies >= 0)).all(axis=1))

    def select(self, homes: NDArray[np.bool_]) -> "ShedEnvelope":
        """The envelope of some of the homes, by a mask (N,)."""
        return ShedEnvelope(
            names=tuple(name for name, wanted in zip(self.names, homes, strict=True) if wanted),
            interval_s=self.interval_s,
            baseline_kw=self.baseline_kw[homes],
            idle_net_kw=self.idle_net_kw[homes],
            battery_kw=self.battery_kw[homes],
            battery_kwh=self.battery_kwh[homes],
            ev_kw=self.ev_kw[homes],
            heat_kw=self.heat_kw[homes],
            heat_kwh=self.heat_kwh[homes],
            headroom_kw=self.headroom_kw[homes],
        )


def build_shed_envelope(
    sites: Sequence[SiteState],
    *,
    interval_s: int,
    baseline_net_kw: ArrayLike,
    uncontrolled_kw: ArrayLike,
    ev_forecast_kw: ArrayLike = 0.0,
    heat_forecast_kw: ArrayLike = 0.0,
) -> ShedEnvelope:
    """Bounds from each home's state now and its forecasts.

    Net power is uncontrolled + EV + heat - battery discharge. An EV can be cut to its floor, a heat pump
    to its least power and for no more energy than it can put off; a battery gives its power down to its
    reserve. The export limit bounds all of it together: baseline - shed >= -export limit.
    NaN in a forecast stays NaN, so that the home counts as not usable.

    Parameters
    ----------
    sites
        N homes.
    interval_s
        Length of an interval [s].
    baseline_net_kw
        (N, T) baseline at the meter [kW].
    uncontrolled_kw
        (N, T) forecast of load minus PV [kW].
    ev_forecast_kw, heat_forecast_kw
        (N, T) forecast of what EV and heat pump would draw [kW]; 0 where a home has none.

    Raises
    ------
    EnvelopeError
        For shapes that do not fit.
    """
    baseline = np.asarray(baseline_net_kw, dtype=np.float64)
    if baseline.ndim != 2 or len(baseline) != len(sites):
        raise EnvelopeError(f"{len(sites)} homes do not fit baselines of shape {baseline.shape}")
    uncontrolled = _as_grid(uncontrolled_kw, baseline.shape)
    ev_forecast = _as_grid(ev_forecast_kw, baseline.shape)
    heat_forecast = _as_grid(heat_forecast_kw, baseline.shape)
    idle_net = uncontrolled + ev_forecast + heat_forecast
    battery_kw = _column([_battery_kw(site) for site in sites]) + np.zeros_like(baseline)
    ev_kw = np.maximum(0.0, ev_forecast - _column([_ev_floor_kw(site) for site in sites]))
    heat_kw = np.maximum(0.0, heat_forecast - _column([_heat_floor_kw(site) for site in sites]))
    headroom_kw = np.maximum(0.0, idle_net + _column([_export_limit_kw(site) for site in sites]))
    return ShedEnvelope(
        names=tuple(site.name for site in sites),
        interval_s=interval_s,
        baseline_kw=baseline,
        idle_net_kw=idle_net,
        battery_kw=battery_kw,
        battery_kwh=np.array([site.deliverable_kwh for site in sites], dtype=np.float64),
        ev_kw=ev_kw,
        heat_kw=heat_kw,
        heat_kwh=np.array([_deferrable_kwh(site) for site in sites], dtype=np.float64),
        headroom_kw=np.minimum(headroom_kw, battery_kw + ev_kw + heat_kw),
    )


def _battery_kw(site: SiteState) -> float:
    return site.battery.discharge_kw if site.battery and site.deliverable_kwh > 0 else 0.0


def _ev_floor_kw(site: SiteState) -> float:
    return site.ev.floor_kw if site.ev else math.inf


def _heat_floor_kw(site: SiteState) -> float:
    return site.heat_pump.min_kw if site.heat_pump else math.inf


def _deferrable_kwh(site: SiteState) -> float:
    return site.heat_pump.deferrable_kwh if site.heat_pump else 0.0


def _export_limit_kw(site: SiteState) -> float:
    return math.inf if site.export_limit_kw is None else site.export_limit_kw


def _as_grid(values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.shape != shape:
        raise EnvelopeError(f"shapes {shape} and {array.shape} do not fit")
    return np.broadcast_to(array, shape)


def _column(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64).reshape(-1, 1)
