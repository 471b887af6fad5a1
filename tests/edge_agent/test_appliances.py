"""Single appliances of a home: told by the owner's word and by the week, through S2 to the device."""

from datetime import timedelta

from edge_agent.appliances import appliances_of, set_deadlines, tell
from edge_agent.cem.home import utc_now
from edge_agent.joining.twin import states
from edge_agent.rm.device import Charger, Program, Switch
from tests.edge_agent.cem.test_own_devices import home_of
from tests.edge_agent.rm.scripted import ScriptedDevice, until
from vpp.energy_manager.process_image import HANDS_OFF
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.safety import Allowed, DeviceLimits, Range

WASHER = Program(phases_kw=(2.0, 0.5), phase_s=900.0)


async def test_a_plug_is_switched_by_what_was_decided_and_given_back() -> None:
    plug = ScriptedDevice(Switch(rated_kw=2.0), key="plug")
    async with home_of(plug) as home:
        limits = DeviceLimits(dict(appliances_of(home)))
        assert limits.ranges == {"plug": (0.0, 2.0)}
        for low, high, written in ((2.0, 2.0, 2.0), (0.0, 0.0, 0.0), (0.0, 2.0, None)):
            tell(home, Allowed({"plug": Range(low, high)}), limits=limits)
            home.write(HANDS_OFF)
            await until(lambda wanted=written: plug.written[-1:] == [wanted])  # type: ignore[misc]


async def test_the_twin_says_how_each_device_can_be_told() -> None:
    devices = [
        ScriptedDevice(Switch(rated_kw=2.0), key="plug"),
        ScriptedDevice(Charger(charge_kw=11.0), key="wallbox"),
        ScriptedDevice(WASHER, key="washer"),
    ]
    async with home_of(*devices) as home:
        found = {one.key: (one.control, one.shape, one.high_kw) for one in states(home, None, joined=set())}
    assert found == {
        "plug": ("plug", "switch", 2.0),
        "wallbox": ("ev", "power", 11.0),
        "washer": ("washer", "program", 2.0),
    }


async def test_a_program_is_planned_to_end_by_the_households_deadline_and_starts_when_told() -> None:
    washer = ScriptedDevice(WASHER, Reading(power_kw=0.0), key="washer")
    async with home_of(washer) as home:
        due = utc_now() + timedelta(hours=3)
        set_deadlines(home, {"washer": round(due.timestamp() * 1000)})
        home.write(HANDS_OFF)
        await until(lambda: home.told()[0].reason == f"by {due:%H:%M} at the latest")
        tell(home, Allowed({"washer": Range(2.0, 2.0)}), limits=DeviceLimits({"washer": (0.0, 2.0)}))
        home.write(HANDS_OFF)
        await until(lambda: washer.written[-1:] == [2.0])
