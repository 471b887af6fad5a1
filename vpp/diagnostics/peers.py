"""Who a PV plant is compared with, and how its yield stands to theirs.

Sources: the ratio to the median of the nearest plants and the robust z are usual practice of fleet monitoring;
the z is Iglewicz and Hoaglin's (1993) modified z-score, 0.6745 (r - median) / MAD, from memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import DiagnosticsError, Floats, Ints, checked, complete, median_of_rows
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds

LEAST_PEERS = 3
LEAST_REFERENCE_DAYS = 10
_MAD_TO_SIGMA = 1 / 0.6745
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class PeerRatio:
    """Yields of N plants over D days beside their peers.

    `ratio` (N, D) is the yield through the peers' median [1]; `usual` and `spread` (N,) what it was in the
    reference days [1]; `z` (N, D) how many spreads it lies off [1]; NaN where nothing can be told. The
    plant's reference ends before day `reference_ends` (N,).
    """

    ratio: Floats
    usual: Floats
    spread: Floats
    z: Floats
    reference_ends: Ints


def nearest_peers(latitude_deg: ArrayLike, longitude_deg: ArrayLike, *, count: int = 8) -> Ints:
    """(N, count) the nearest other plants on the globe, nearest first.

    Parameters
    ----------
    latitude_deg, longitude_deg
        (N,) [°], north and east positive.
    count
        Peers of each [1], at least 3.

    Raises
    ------
    DiagnosticsError
        For places that are none, or fewer plants than peers and the plant itself.
    """
    from scipy.spatial import cKDTree

    latitude, longitude = (
        complete("latitude", latitude_deg, dimensions=1),
        complete("longitude", longitude_deg, dimensions=1),
    )
    if latitude.shape != longitude.shape or (np.abs(latitude) > 90).any() or (np.abs(longitude) > 360).any():
        raise DiagnosticsError("latitudes and longitudes are no places on the globe")
    _enough(len(latitude), count)
    north, east = np.radians(latitude), np.radians(longitude)
    places = np.column_stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)]
    )  # a chord is as monotone as the arc, and has no date line
    order = cKDTree(places).query(places, k=count + 1)[1]
    return _without_self(np.asarray(order, dtype=np.int64), count=count)


def similar_peers(yield_kwh_per_kwp: ArrayLike, *, count: int = 8) -> Ints:
    """(N, count) the other plants whose daily yields go up and down most alike, by Pearson's correlation.

    Every plant is compared with every other: give it one area at a time, a few thousand plants.

    Parameters
    ----------
    yield_kwh_per_kwp
        (N, D) daily specific yield [kWh/kWp]; a missing day counts as the plant's own mean.
    count
        Peers of each [1], at least 3.

    Raises
    ------
    DiagnosticsError
        For negative or infinite yields, or too few plants.
    """
    daily = checked("yield", yield_kwh_per_kwp, dimensions=2, least=0.0)
    _enough(len(daily), count)
    known = ~np.isnan(daily)
    mean = np.where(known, daily, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    away = np.where(known, daily - mean[:, None], 0.0)
    length = np.sqrt((away**2).sum(axis=1, keepdims=True))
    away = np.divide(away, length, out=np.zeros_like(away), where=length > 0)
    found = []
    for start in range(0, len(away), _ROWS_AT_ONCE):
        likeness = away[start : start + _ROWS_AT_ONCE] @ away.T
        likeness[np.arange(len(likeness)), start + np.arange(len(likeness))] = np.inf
        found.append(np.argsort(-likeness, axis=1, kind="stable")[:, : count + 1])
    return _without_self(np.concatenate(found), count=count)


def peer_ratio(yield_kwh_per_kwp: ArrayLike, peers: Ints, *, thresholds: Thresholds = DEFAULTS) -> PeerRatio:
    """Set every plant's yield beside its peers' and beside its own usual ratio.

    A roof that faces west always differs from its peers; only a change of the ratio is a fault. What was
    broken during all of the reference days is therefore not seen.

    Parameters
    ----------
    yield_kwh_per_kwp
        (N, D) daily specific yield [kWh/kWp]; NaN is missing.
    peers
        (N, k) positions of each plant's peers.
    thresholds
        Of which `peer_reference_days`, `peer_yield_kwh_per_kwp` and `peer_spread_share` count.

    Raises
    ------
    DiagnosticsError
        For negative or infinite yields, or peers that are none of the plants.
    """
    daily = checked("yield", yield_kwh_per_kwp, dimensions=2, least=0.0)
    who = np.asarray(peers)
    if who.ndim != 2 or len(who) != len(daily) or who.dtype.kind != "i":
        raise DiagnosticsError(f"peers of shape {who.shape} do not fit {len(daily)} plants")
    if who.shape[1] < LEAST_PEERS:
        raise DiagnosticsError(f"{who.shape[1]} peers each are fewer than {LEAST_PEERS}")
    if who.size and (who.min() < 0 or who.max() >= len(daily)):
        raise DiagnosticsError("a peer is none of the plants")
    beside = _median_of_peers(daily, who)
    beside = np.where(beside >= thresholds.peer_yield_kwh_per_kwp, beside, np.nan)
    ratio = daily / beside
    known = ~np.isnan(ratio)
    reference = known & (known.cumsum(axis=1) <= thresholds.peer_reference_days)
    reference_ends = np.where(reference, np.arange(1, daily.shape[1] + 1), 0).max(axis=1, initial=0)
    learned = np.where(reference, ratio, np.nan)
    usual = median_of_rows(learned)
    usual = np.where((reference.sum(axis=1) >= LEAST_REFERENCE_DAYS) & (usual > 0), usual, np.nan)
    spread = _MAD_TO_SIGMA * median_of_rows(np.abs(learned - usual[:, None]))
    spread = np.maximum(spread, thresholds.peer_spread_share * usual)
    return PeerRatio(ratio, usual, spread, (ratio - usual[:, None]) / spread[:, None], reference_ends)


def _enough(plants: int, count: int) -> None:
    if not LEAST_PEERS <= count < plants:
        raise DiagnosticsError(f"{plants} plants cannot have {count} peers each (at least {LEAST_PEERS})")


def _without_self(order: Ints, *, count: int) -> Ints:
    """Leave the plant itself out of its row, which need not come first where two share a place."""
    own = order == np.arange(len(order))[:, None]
    own[~own.any(axis=1), -1] = True
    return np.asarray(order[~own].reshape(len(order), count))


def _median_of_peers(daily: Floats, who: Ints) -> Floats:
    """(N, D) median of the peers' yields, NaN on days with fewer than three of them."""
    found = np.full(daily.shape, np.nan)
    for start in range(0, len(who), _ROWS_AT_ONCE):
        # Sorting puts the missing ones last, so that the middle of the others is found by their number.
        theirs = np.sort(daily[who[start : start + _ROWS_AT_ONCE]], axis=1)
        count = (~np.isnan(theirs)).sum(axis=1, keepdims=True)
        low, high = (
            np.take_along_axis(theirs, np.maximum(at, 0), axis=1) for at in ((count - 1) // 2, count // 2)
        )
        middle = np.where(count >= LEAST_PEERS, (low + high) / 2, np.nan)
        found[start : start + _ROWS_AT_ONCE] = middle[:, 0]
    return found
