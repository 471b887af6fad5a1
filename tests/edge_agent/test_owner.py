"""The owner's word on the hub: the later one counts, however the messages come; safety stays above it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import HubConfig, hub_config
from edge_agent.controllers.owner import OwnerController
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, Range
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Preferences, Wish

KEYS = ("battery", "pv")
MINUTE = 60_000


def config(**changes: Any) -> HubConfig:
    document = {
        "key": "a",
        "data_dir": str(Path("unused")),
        "driver": {},
        "grid": {"import_kw": 17.0, "export_kw": 10.0},
    }
    return hub_config(document | changes)


def owner(saved: bytes | None = None, **changes: Any) -> OwnerController:
    return OwnerController(config(**changes), keys=KEYS, saved=saved)


def wish(
    kw: float | None, *, at: int = 0, key: str = "battery", minutes: int = 10, source: str = "cloud"
) -> Wish:
    action: Any = "release" if kw is None else "limit" if key == "pv" else "charge" if kw > 0 else "discharge"
    return Wish(
        control_id=f"{source}:{at}",
        device_id=key,
        action=action,
        kw=kw,
        starts_at=at,
        ends_at=at + minutes * MINUTE,
    )


def ranges(**given_: tuple[float, float]) -> Allowed:
    return Allowed({key: Range(low, high) for key, (low, high) in given_.items()})


def image(at: int) -> ProcessImage:
    return ProcessImage(at=at, grid_kw=0.0, import_kwh=0.0, export_kwh=0.0, load_kw=0.0)


def decided(controller: OwnerController, at: int, **given_: tuple[float, float]) -> Range:
    allowed = ranges(**(given_ or {"battery": (-4.0, 4.0)}))
    controller.control(image(at), allowed)
    return next(iter(allowed.ranges.values()))


def test_wish_pins_what_safety_left_until_it_ends() -> None:
    controller = owner()
    controller.take(wish(-3.0))
    assert decided(controller, 0).low == decided(controller, 0).high == -3.0
    held_back = decided(controller, MINUTE, battery=(-1.0, 4.0))
    assert (held_back.low, held_back.high) == (-1.0, -1.0)
    assert held_back.reason == "the owner's wish; held back by device: rated power"
    assert controller.wishes[0].reason == held_back.reason
    assert not decided(controller, 10 * MINUTE).pinned
    assert controller.wishes == []


def test_limit_on_the_sun_leaves_room_below_it() -> None:
    controller = owner()
    controller.take(wish(-2.0, key="pv"))
    limited = decided(controller, 0, pv=(-5.0, 0.0))
    assert (limited.low, limited.high, limited.by) == (-2.0, 0.0, "override")


@settings(max_examples=60, deadline=None)
@given(st.permutations([(0, 1.0), (1, -1.0), (2, None), (3, 2.0), (4, 0.5)]), st.integers(1, 5))
def test_the_latest_word_holds_in_whatever_order_it_comes(
    words: list[tuple[int, float | None]], count: int
) -> None:
    controller = owner()
    for at, kw in words[:count]:
        controller.take(wish(kw, at=at))
    _, last = max(words[:count])
    assert [one.kw for one in controller.wishes] == ([] if last is None else [last])


def test_end_of_the_clouds_word_leaves_the_houses_word_alone() -> None:
    controller = owner()
    kind, values = "ORES_CONTROL:battery", orders.control_payload(wish(1.0)).values[0]
    assert controller.payload_flaw(kind, values) is None
    controller.apply_payload(kind, values)
    assert [one.kw for one in controller.wishes] == [1.0]
    controller.apply_payload(kind, [])
    assert controller.wishes == []
    controller.take(wish(2.0, at=5, source="local"))
    controller.apply_payload(kind, values)  # told again after a restart
    controller.apply_payload(kind, [])
    assert [one.kw for one in controller.wishes] == [2.0]
    assert [one.kw for one in owner(controller.dump()).wishes] == [2.0]


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        ("ORES_CONTROL:battery", ["no json"], "cannot be read"),
        ("ORES_CONTROL:battery", [1.0, 2.0], "cannot be read"),
        ("ORES_CONTROL:battery", ["{}"], "cannot be read"),
        ("ORES_CONTROL:pv", orders.control_payload(wish(1.0)).values[0], "unknown or uncontrollable"),
        (
            "ORES_CONTROL:load",
            orders.control_payload(wish(1.0, key="load")).values[0],
            "unknown or uncontrollable",
        ),
        ("ORES_SETTINGS", ['{"preferences": {"mode": "party"}}'], "cannot be read"),
        ("ORES_SETTINGS", ['{"preferences": {"reserve_soc": 2}}'], "reserve lies between"),
        ("ORES_SETTINGS", ['{"preferences": {"import_limit_kw": 18}}'], "at most 17 kW"),
        ("ORES_SETTINGS", ['{"preferences": {"import_limit_kw": 0}}'], "more than 0 kW"),
        ("ORES_SETTINGS", ['{"preferences": {"export_limit_kw": -1}}'], "at most 10 kW"),
        ("ORES_SETTINGS", ['{"preferences": {"mode": "time_of_use"}}'], "no tariff"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(kind: str, values: list[Any], reason: str) -> None:
    flaw = owner().payload_flaw(kind, values)
    assert flaw is not None and reason in flaw


def test_preferences_change_the_configuration_within_what_was_installed() -> None:
    controller = owner()
    told: list[HubConfig] = []
    controller.on_preferences = lambda: told.append(controller.config())
    controller.prefer(
        orders.changed(controller.change, Preferences(reserve_soc=0.5, export_limit_kw=2.0), at=5)
    )
    controller.prefer(orders.changed(controller.change, Preferences(mode="backup"), at=6))
    controller.prefer(
        orders.Change(Preferences(mode="self_consumption", reserve_soc=0.7), {"mode": 4, "reserve_soc": 7})
    )
    got = told[-1]
    assert (len(told), got.reserve_soc, got.home.mode, got.grid.export_kw, got.grid.import_kw) == (
        3, 0.7, "backup", 2.0, 17.0,
    )  # fmt: skip
    again = owner(controller.dump())
    assert msgspec.structs.asdict(again.change.preferences) == msgspec.structs.asdict(
        controller.change.preferences
    )
    assert again.config().grid.export_kw == 2.0


@settings(max_examples=60, deadline=None)
@given(st.permutations([("mode", 1), ("mode", 2), ("reserve_soc", 3), ("reserve_soc", 4)]))
def test_preferences_come_together_in_whatever_order(words: list[tuple[str, int]]) -> None:
    values: dict[int, Any] = {1: "backup", 2: "self_consumption", 3: 0.3, 4: 0.4}
    held = orders.Change()
    for name, at in words:
        held = orders.joined(held, orders.Change(Preferences(**{name: values[at]}), {name: at}))
    assert held == orders.Change(
        Preferences(mode="self_consumption", reserve_soc=0.4), {"mode": 2, "reserve_soc": 4}
    )
