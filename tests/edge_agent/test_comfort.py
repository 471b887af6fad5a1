"""What a household keeps for itself on the hub: the car's least charge, and quiet hours."""

from datetime import UTC, datetime

import pytest

from edge_agent.config import Comfort
from edge_agent.controllers.comfort import ComfortController
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import DeviceLimits, device_ranges

LIMITS = DeviceLimits({"ev": (0.0, 11.0), "heat": (0.0, 3.0)})


def image(at: str, *, ev_soc: float | None = None) -> ProcessImage:
    now = round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    return ProcessImage(at=now, grid_kw=0.0, import_kwh=0.0, export_kwh=0.0, load_kw=0.5, ev_soc=ev_soc)


def decided(config: Comfort, seen: ProcessImage) -> dict[str, tuple[float, float, str]]:
    allowed = device_ranges(LIMITS)
    ComfortController(config, LIMITS, time_zone="Europe/Berlin").control(seen, allowed)
    return {key: (one.low, one.high, one.reason) for key, one in allowed.ranges.items()}


@pytest.mark.parametrize(
    ("at", "most_kw"),
    [
        ("2026-01-10T20:59:00", 3.0),
        ("2026-01-10T21:00:00", 1.5),
        ("2026-01-11T04:59:00", 1.5),
        ("2026-01-11T05:00:00", 3.0),
    ],
)
def test_heat_is_quiet_in_local_hours_over_midnight(at: str, most_kw: float) -> None:
    config = Comfort(quiet_from="22:00", quiet_until="06:00")
    assert decided(config, image(at))["heat"][:2] == (0.0, most_kw)


def test_the_same_time_twice_is_no_quiet_hour() -> None:
    assert decided(Comfort(), image("2026-01-10T23:00:00"))["heat"][1] == 3.0


@pytest.mark.parametrize(("soc", "low_kw"), [(0.39, 11.0), (0.4, 0.0), (None, 0.0)])
def test_the_car_charges_first_up_to_its_least(soc: float | None, low_kw: float) -> None:
    found = decided(Comfort(ev_least_soc=0.4), image("2026-01-10T12:00:00", ev_soc=soc))["ev"]
    assert found[:2] == (low_kw, 11.0)
    assert (found[2] == "the car is charged to 40% first") is (soc == 0.39)
