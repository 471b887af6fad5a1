"""From where on something counts as a finding. All of it is configuration; the defaults are ours unless cited."""

import math
from dataclasses import dataclass, fields

from vpp.diagnostics.checks import DiagnosticsError

_COUNTS = {
    "peer_reference_days",
    "peer_days",
    "stuck_intervals",
    "missing_intervals",
    "night_intervals",
    "clipping_intervals",
    "following_intervals",
    "trend_points",
    "run_least_count",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Configuration of all detectors.

    Parameters
    ----------
    degradation_pct
        Yearly loss of a PV plant that is more than usual [%/year]; the usual is about 0.5 to 0.8 (Jordan and
        others 2016, from memory).
    peer_z, peer_days
        Robust z of Iglewicz and Hoaglin (3.5 [1]) and for how many measured days in a row [1].
    peer_loss_pct
        Least loss against the resource's own past [%].
    peer_spread_share
        Least spread assumed of a yield ratio [1]: a quiet month promises no quiet year.
    peer_reference_days
        Measured days from which a resource's usual ratio to its peers is learned [1].
    peer_yield_kwh_per_kwp
        Peers' median yield below which a day says nothing [kWh/kWp].
    cusum_slack, cusum_limit
        Of the tabular CUSUM, in spreads [1].
    outage_loss_pct
        Loss from which a failing string is called an outage [%].
    battery_window_soc, battery_idle_kw
        Least change of the state of charge for a capacity [0-1], and the power below which it rests [kW].
    fade_pct
        Yearly loss of capacity that is more than usual [%/year].
    resistance_rise_pct
        Rise over the time looked at [%].
    resistance_step_a
        Least step of the current from which resistance is read [A].
    end_of_life_share
        Share of the first capacity at which a battery is at its end [0-1]; 0.7 is a usual warranty.
    horizon_years
        How far ahead a failure is announced [years].
    trend_points
        Fewest weeks or days a trend is drawn through [1].
    stuck_intervals, stuck_kw
        Intervals with the same value, within [kW].
    missing_intervals
        Intervals without a value [1].
    night_intervals, night_kw
        Intervals of generation at night, above [kW]. Inverters' own consumption is far below.
    latency_s
        Median age of a measurement at its arrival [s].
    clipping_level_share, clipping_intervals, clipping_energy_share
        Width of the plateau [share of its level], its least length [1], and the share of all energy made in
        plateaus [0-1].
    following_share, following_kw, following_intervals
        Error of power against the setpoint: more than the share of the rating and more than [kW], for so many
        intervals in a row [1].
    string_loss_pct, string_confidence
        Loss of a string beside its home's others [%], and how sure it must be [0-1].
    run_standby_kw, run_rest_h
        Power of an appliance at rest [kW], and the longest rest within a run [h].
    run_longest_h, run_least_kwh, run_least_count
        Longest and smallest run [h, kWh], and the fewest runs that make a habit [1].

    Raises
    ------
    DiagnosticsError
        For a value that is no finite number above zero, a share above one, or a count that is no whole number.
    """

    degradation_pct: float = 1.0
    peer_z: float = 3.5
    peer_days: int = 3
    peer_loss_pct: float = 5.0
    peer_spread_share: float = 0.02
    peer_reference_days: int = 30
    peer_yield_kwh_per_kwp: float = 0.5
    cusum_slack: float = 1.0
    cusum_limit: float = 8.0
    outage_loss_pct: float = 90.0
    battery_window_soc: float = 0.6
    battery_idle_kw: float = 0.05
    fade_pct: float = 4.0
    resistance_rise_pct: float = 50.0
    resistance_step_a: float = 5.0
    end_of_life_share: float = 0.7
    horizon_years: float = 5.0
    trend_points: int = 12
    stuck_intervals: int = 8
    stuck_kw: float = 1e-6
    missing_intervals: int = 8
    night_intervals: int = 4
    night_kw: float = 0.05
    latency_s: float = 300.0
    clipping_level_share: float = 0.005
    clipping_intervals: int = 4
    clipping_energy_share: float = 0.02
    following_share: float = 0.05
    following_kw: float = 0.1
    following_intervals: int = 3
    string_loss_pct: float = 5.0
    string_confidence: float = 0.9
    run_standby_kw: float = 0.02
    run_rest_h: float = 0.5
    run_longest_h: float = 5.0
    run_least_kwh: float = 0.2
    run_least_count: int = 6

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DiagnosticsError(f"{name} is {value!r}, not a number")
            if not math.isfinite(value) or value <= 0:
                raise DiagnosticsError(f"{name} is {value}, must be a finite number above zero")
            if name in _COUNTS and not isinstance(value, int):
                raise DiagnosticsError(f"{name} is {value}, must be a whole number")
            if name.endswith(("_share", "_soc")) and value > 1:
                raise DiagnosticsError(f"{name} is {value}, must be a share up to one")


DEFAULTS = Thresholds()
