"""PV by the clear-sky curve of its place, scaled by how clear the latest days were."""

import dataclasses
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from vpp.forecasting.local_days import LocalDays, latest_known, local_days, quantiles_known
from vpp.forecasting.question import Floats, Forecast, ForecastError, Ints, Place, Question, local_slots
from vpp.forecasting.seasonal_mean import SEASONAL, answered
from vpp.intervals import Grid

UTC: Final = ZoneInfo("UTC")
# Below this share of the brightest moment a ratio to the clear sky says nothing: both are small.
DIM: Final = 0.05
PLACES_DEG: Final = 1  # decimals: sites within 0.1 degrees share one sun
LOOK_BACK_DAYS: Final = 28
NOWHERE: Final = "its place is not known"


def clear_sky(question: Question) -> Forecast:
    """Forecast PV as clear-sky irradiance times the clear-sky index of the latest days at the same UTC time.

    The index is power over irradiance; taken by time of day it also carries shading and an orientation that
    nobody told. Mean: ratio of sums over 7 days. Quantiles: those of 14 days' indices. The night is 0.

    Parameters
    ----------
    question
        (N, L) PV power of any sign [kW] and N places; a site without a place gives NaN and a note.

    Raises
    ------
    ForecastError
        Where no site has a place, or pvlib is not installed.

    Notes
    -----
    Irradiance: simplified Solis (Ineichen, Solar Energy 82, 2008) at the middle of an interval with pvlib's
    default aerosol and water; on a tilted plane isotropic sky. The constant atmosphere cancels in the ratio.
    No temperature, no weather forecast: it corrects the season and the hour, not tomorrow's clouds.
    """
    places = question.places_or_none
    if len(places) and not any(places):
        raise ForecastError("clear_sky needs the place of at least one site")
    days = local_days(question, look_back_days=LOOK_BACK_DAYS, zone=UTC)
    _, slots = local_slots(question.grid, UTC)
    shape = (len(places), question.grid.count)
    mean, quantiles = np.full(shape, np.nan), np.full((*shape, len(question.levels)), np.nan)
    count = np.zeros(shape, dtype=np.int64)
    for place, sites in _groups(places).items():
        past = _past_curve(place, question, days=days)
        coming = clear_sky_irradiance(place, question.grid)
        found = _scaled(days.values[sites], past, coming=coming, slots=slots, levels=question.levels)
        mean[sites], quantiles[sites], count[sites] = found
    answer = answered(
        question, mean, quantiles=quantiles, count=count, min_days=SEASONAL.min_days, method="clear_sky"
    )
    notes = [NOWHERE if place is None else note for place, note in zip(places, answer.notes, strict=True)]
    return dataclasses.replace(answer, notes=tuple(notes))


def clear_sky_irradiance(place: Place, grid: Grid) -> Floats:
    """Irradiance under a clear sky at the middle of each interval [W/m²], (T,): on the plane, else horizontal.

    Raises
    ------
    ForecastError
        Where pvlib is not installed.
    """
    try:
        import pandas as pd  # type: ignore[import-untyped]
        from pvlib.clearsky import simplified_solis  # type: ignore[import-untyped]
        from pvlib.irradiance import get_total_irradiance  # type: ignore[import-untyped]
        from pvlib.solarposition import ephemeris  # type: ignore[import-untyped]
    except ImportError as error:
        raise ForecastError("the clear-sky forecast needs pvlib, which is not installed") from error
    if grid.count == 0:
        return np.empty(0)
    first = pd.Timestamp(grid.starts_at) + pd.Timedelta(seconds=grid.interval_s / 2)
    times = pd.date_range(first, periods=grid.count, freq=pd.Timedelta(seconds=grid.interval_s))
    sun = ephemeris(times, place.latitude_deg, place.longitude_deg)
    sky = simplified_solis(sun["apparent_elevation"])
    if place.tilt_deg is None or place.azimuth_deg is None:
        chosen = sky["ghi"]
    else:
        chosen = get_total_irradiance(
            place.tilt_deg,
            place.azimuth_deg,
            sun["apparent_zenith"],
            sun["azimuth"],
            dni=sky["dni"],
            ghi=sky["ghi"],
            dhi=sky["dhi"],
        )["poa_global"]
    values: Floats = chosen.to_numpy(dtype=np.float64)
    return np.maximum(np.nan_to_num(values), 0.0)


def _groups(places: tuple[Place | None, ...]) -> dict[Place, Ints]:
    """The rows of the sites that share a sun; those without a place are left out."""
    rows: dict[Place, list[int]] = {}
    for index, place in enumerate(places):
        if place is not None:
            near = Place(
                round(place.latitude_deg, PLACES_DEG),
                round(place.longitude_deg, PLACES_DEG),
                place.tilt_deg,
                place.azimuth_deg,
            )
            rows.setdefault(near, []).append(index)
    return {place: np.array(indices, dtype=np.int64) for place, indices in rows.items()}


def _past_curve(place: Place, question: Question, *, days: LocalDays) -> Floats:
    """(D, S) the clear-sky irradiance on the days that are looked at [W/m²]; NaN where history has no interval."""
    values = np.full(days.values.shape[1:], np.nan)
    grid = question.history_grid
    known, times = local_slots(grid, UTC)
    row_of = {day: index for index, day in enumerate(days.dates)}
    curve = clear_sky_irradiance(place, grid)
    for index, day in enumerate(known):
        if day in row_of:
            values[row_of[day], times[index]] = curve[index]
    return values


def _scaled(
    values: Floats, past: Floats, *, coming: Floats, slots: Ints, levels: tuple[float, ...]
) -> tuple[Floats, Floats, Ints]:
    """Mean, quantiles and days behind each of T intervals, for the (N, D, S) powers of sites under one sun."""
    floor = DIM * max(np.nanmax(past, initial=0.0), coming.max())
    bright = np.where(past > 0, np.maximum(past, floor), np.nan)[None]
    # A night's value says that it was measured; its ratio is 0 whatever it was.
    ratio = np.where(
        np.isnan(bright) & ~np.isnan(past)[None], np.where(np.isnan(values), np.nan, 0.0), values / bright
    )
    spread = latest_known(ratio, SEASONAL.spread_days)
    count = (~np.isnan(spread)).sum(axis=1)[:, slots]
    if spread.shape[1] == 0:
        shape = (len(values), len(slots))
        return np.full(shape, np.nan), np.full((*shape, len(levels)), np.nan), count
    light = np.broadcast_to(np.nan_to_num(bright), ratio.shape)
    weight = latest_known(np.where(np.isnan(ratio), np.nan, light), SEASONAL.spread_days)
    weight = weight[:, : SEASONAL.mean_days]
    total = np.nansum(weight, axis=1)
    index = np.nansum(weight * spread[:, : SEASONAL.mean_days], axis=1) / np.where(total > 0, total, 1.0)
    shining = np.where(coming > 0, np.maximum(coming, floor), 0.0)
    # An index below 0 (the load convention's sign of generation) turns the quantiles round by itself: they
    # are quantiles of the signed ratio, and the light is never negative.
    return index[:, slots] * shining, quantiles_known(spread, levels)[:, slots] * shining[:, None], count
