import math
from typing import Any

import numpy as np
import pytest

from vpp.flexibility.envelope import EnvelopeError, ShedEnvelope, build_shed_envelope
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev
from vpp.resources.heat_pump import HeatPump
from vpp.resources.site import SiteState

BATTERY = Battery(
    capacity_kwh=10.0, charge_kw=5.0, discharge_kw=4.0, discharge_efficiency=0.9, reserve_soc=0.2
)


def build(*sites: SiteState, **arrays: Any) -> ShedEnvelope:
    given = {"baseline_net_kw": [[2.0, 2.0]], "uncontrolled_kw": [[2.0, 2.0]], **arrays}
    return build_shed_envelope(sites, interval_s=900, **given)


def test_a_battery_sheds_its_power_while_the_energy_lasts() -> None:
    envelope = build(SiteState("a", battery=BATTERY, battery_soc=0.5))
    assert envelope.battery_kw.tolist() == [[4.0, 4.0]]
    assert envelope.battery_kwh == pytest.approx([2.7])
    assert envelope.max_shed_kw.tolist() == [[4.0, 4.0]]
    assert envelope.hours == 0.25


def test_the_meter_is_what_counts() -> None:
    # Its battery usually covers 1.5 of 2 kW: the first 1.5 kW of discharge shed nothing.
    envelope = build(SiteState("a", battery=BATTERY, battery_soc=0.5), baseline_net_kw=[[0.5, 0.5]])
    assert envelope.idle_shed_kw.tolist() == [[-1.5, -1.5]]
    assert envelope.max_shed_kw.tolist() == [[2.5, 2.5]]


def test_the_export_limit_bounds_all_of_it_together() -> None:
    ev = {"ev": Ev(max_kw=11.0), "ev_forecast_kw": [[3.0, 3.0]]}
    site = SiteState("a", battery=BATTERY, battery_soc=0.5, ev=Ev(max_kw=11.0), export_limit_kw=1.0)
    envelope = build(site, baseline_net_kw=[[5.0, 5.0]], ev_forecast_kw=ev["ev_forecast_kw"])
    assert envelope.headroom_kw.tolist() == [[6.0, 6.0]]
    assert (envelope.baseline_kw - envelope.max_shed_kw).tolist() == [[-1.0, -1.0]]


def test_pv_beyond_the_export_limit_leaves_no_head_room() -> None:
    site = SiteState("a", battery=BATTERY, battery_soc=0.5, export_limit_kw=1.0)
    assert build(site, uncontrolled_kw=[[-3.0, 0.0]]).headroom_kw.tolist() == [[0.0, 1.0]]


def test_ev_and_heat_pump_are_cut_to_their_floor() -> None:
    site = SiteState(
        "a",
        ev=Ev(max_kw=11.0, min_kw=1.4, interruptible=False),
        heat_pump=HeatPump(max_kw=3.0, deferrable_kwh=0.4, min_kw=0.5),
    )
    envelope = build(site, ev_forecast_kw=[[7.4, 1.0]], heat_forecast_kw=[[2.0, 0.0]])
    assert envelope.ev_kw == pytest.approx(np.array([[6.0, 0.0]]))
    assert envelope.heat_kw.tolist() == [[1.5, 0.0]]
    assert envelope.heat_kwh.tolist() == [0.4]
    assert envelope.idle_net_kw == pytest.approx(np.array([[11.4, 3.0]]))


def test_a_forecast_without_a_resource_to_order_cannot_be_cut() -> None:
    envelope = build(SiteState("a"), ev_forecast_kw=[[7.4, 7.4]], heat_forecast_kw=[[2.0, 2.0]])
    assert envelope.ev_kw.tolist() == envelope.heat_kw.tolist() == [[0.0, 0.0]]


def test_an_empty_battery_has_no_power() -> None:
    assert build(SiteState("a", battery=BATTERY, battery_soc=0.2)).battery_kw.tolist() == [[0.0, 0.0]]


def test_a_home_with_an_unknown_forecast_is_not_usable() -> None:
    sites = (SiteState("a"), SiteState("b", battery=BATTERY, battery_soc=0.5))
    two = {"baseline_net_kw": [[2.0, math.nan], [1.0, 1.0]], "uncontrolled_kw": [[2.0, 2.0], [1.0, 1.0]]}
    envelope = build(*sites, **two)
    assert envelope.usable.tolist() == [False, True]
    chosen = envelope.select(envelope.usable)
    assert chosen.names == ("b",)
    assert chosen.battery_kwh == pytest.approx([2.7])


def test_no_homes_are_an_envelope_too() -> None:
    envelope = build(baseline_net_kw=np.empty((0, 4)), uncontrolled_kw=np.empty((0, 4)))
    assert envelope.usable.tolist() == []


@pytest.mark.parametrize(
    "wrong",
    [{"baseline_net_kw": [2.0, 2.0]}, {"uncontrolled_kw": [[1.0]]}, {"ev_forecast_kw": [[1.0], [1.0]]}],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError):
        build(SiteState("a"), **wrong)
