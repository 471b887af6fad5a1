"""What is wrong at a home right now, from its newest values and from what its hub says."""

from collections.abc import Callable, Iterator

from vpp.protocols.ores.facts import Facts, Severity, Wish
from vpp.protocols.ores.messages import Fault, Faults
from vpp.protocols.ores.values import STALE_MS, at_of, at_or_none, is_fresh, presence

# EN 50160 (and ANSI C84.1 range B, roughly): the nominal voltage within ten per cent, for the nominals in use.
_VOLTAGES = ((108.0, 132.0), (207.0, 264.0))
# Around either nominal frequency, beyond what an interconnected grid shows in normal operation [Hz].
_FREQUENCY_BAND_HZ = 0.5
_COLDEST_C, _HOTTEST_C = 0.0, 50.0
_WORST: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


def faults_of(facts: Facts, wishes: list[Wish]) -> Faults:
    """The answer of `/device/safety/fault-detection`."""
    found = [fault for check in CHECKS.values() for fault in check(facts)]
    found += [_refused(wish) for wish in wishes if wish.state == "rejected"]
    found.sort(key=lambda fault: (_WORST[fault.severity], fault.code, fault.device_id))
    return Faults(
        site_id=facts.site_id,
        at=at_of(facts.now),
        is_safe=all(fault.severity != "critical" for fault in found),
        checked=[*CHECKS, "control_rejected"],
        faults=found,
    )


def _no_hub(facts: Facts) -> Iterator[Fault]:
    if facts.hub is None:
        yield Fault(
            code="no_hub", severity="warning", device_id="hub", since=None, value=None,
            detail="the home has no hub", action="enter the hub's claim code",
        )  # fmt: skip


def _offline(facts: Facts) -> Iterator[Fault]:
    if presence(facts) == "offline":
        yield Fault(
            code="hub_offline", severity="warning", device_id="hub", value=None,
            since=None if facts.latest is None else at_of(facts.latest.at),
            detail="the hub has no link to the cloud; it runs the home by itself",
            action="check the internet connection",
        )  # fmt: skip


def _stale(facts: Facts) -> Iterator[Fault]:
    if facts.hub is not None and not is_fresh(facts):
        seen = None if facts.latest is None else facts.latest.at
        yield Fault(
            code="no_data", severity="warning", device_id="hub", since=at_or_none(seen), value=None,
            detail=f"nothing was measured within {STALE_MS // 60_000} minutes", action="check hub and meter",
        )  # fmt: skip


def _no_grid(facts: Facts) -> Iterator[Fault]:
    if facts.is_on_grid is False:
        yield Fault(
            code="off_grid", severity="warning", device_id="grid", since=None, value=None,
            detail="the grid is gone; the home feeds itself", action="save energy until it is back",
        )  # fmt: skip


def _voltage(facts: Facts) -> Iterator[Fault]:
    value = facts.latest.voltage_v if facts.latest is not None and is_fresh(facts) else None
    if value is None or facts.is_on_grid is False or any(low <= value <= high for low, high in _VOLTAGES):
        return
    yield Fault(
        code="voltage_out_of_range", severity="critical", device_id="grid", since=None, value=value,
        detail=f"{value:g} V is more than a tenth off", action="call the grid operator or an electrician",
    )  # fmt: skip


def _frequency(facts: Facts) -> Iterator[Fault]:
    value = facts.latest.frequency_hz if facts.latest is not None and is_fresh(facts) else None
    if value is None or any(abs(value - nominal) <= _FREQUENCY_BAND_HZ for nominal in (50.0, 60.0)):
        return
    yield Fault(
        code="frequency_out_of_range", severity="critical", device_id="grid", since=None, value=value,
        detail=f"{value:g} Hz is more than {_FREQUENCY_BAND_HZ:g} Hz off", action="none; devices protect themselves",
    )  # fmt: skip


def _temperature(facts: Facts) -> Iterator[Fault]:
    value = facts.battery_c
    if value is not None and not _COLDEST_C <= value <= _HOTTEST_C:
        yield Fault(
            code="battery_temperature", severity="critical", device_id="battery", since=None, value=value,
            detail=f"the battery is at {value:g} °C", action="let it rest; cool or warm its room",
        )  # fmt: skip


def _refused(wish: Wish) -> Fault:
    return Fault(
        code="control_rejected", severity="info", device_id=wish.device_id, value=None,
        since=at_of(wish.starts_at), detail=wish.reason or "the hub refused a control", action="choose another one",
    )  # fmt: skip


CHECKS: dict[str, Callable[[Facts], Iterator[Fault]]] = {
    "no_hub": _no_hub,
    "hub_offline": _offline,
    "no_data": _stale,
    "off_grid": _no_grid,
    "voltage_out_of_range": _voltage,
    "frequency_out_of_range": _frequency,
    "battery_temperature": _temperature,
}
