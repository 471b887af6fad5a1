"""Every sentence that a household can be shown is known to a phrase; who adds one adds it there."""

import pytest

from apps.portal.phrases.saying import PHRASES
from tests.apps.portal.sentences import given, raised

REFUSING = (
    "apps/sites/households.py", "apps/sites/consents.py", "apps/sites/preferences.py", "apps/sites/invitations.py",
    "apps/sites/tariffs.py", "apps/sites/app_grants.py", "apps/privacy/exports.py", "apps/privacy/deletions.py",
    "apps/alerts/preferences.py", "apps/alerts/unsubscribing.py", "apps/common/outgoing/addresses.py",
    "apps/common/outgoing/http.py", "apps/alerts/channels/webhook.py", "apps/alerts/channels/web_push.py",
    "apps/alerts/channels/email.py",
    "apps/settlement/disputes.py", "apps/programs/services.py", "apps/programs/opt_out_periods.py",
    "apps/hubs/device_inbox.py", "apps/hubs/services.py", "apps/hubs/guesses.py", "apps/hubs/credentials.py",
    "apps/hubs/owner_orders.py", "apps/hubs/instructions.py", "apps/markets/services.py", "apps/markets/periods.py",
    "apps/markets/participation.py", "apps/markets/contracts.py", "apps/markets/chain/parties.py",
    "apps/insights/services.py", "edge_agent/joining/book.py",
    "edge_agent/joining/members.py", "edge_agent/joining/scout.py",
    "edge_agent/controllers/home_mode.py", "edge_agent/controllers/comfort.py",
    *(f"edge_agent/drivers/sunspec/{name}.py" for name in ("bus", "control", "device", "roles", "unit")),
    *(f"edge_agent/drivers/mqtt/{name}.py" for name in ("plain", "plug", "shelly", "shelly_rpc", "tasmota")),
    *(f"edge_agent/drivers/matter/{name}.py" for name in ("client", "clusters", "device")),
    *(f"edge_agent/drivers/home_assistant/{name}.py" for name in ("client", "device", "entities", "orders")),
    "edge_agent/drivers/broker.py", "edge_agent/drivers/json_socket.py", "edge_agent/drivers/numbers.py",
)  # fmt: skip
GIVING = (
    "apps/dispatch/steering.py", "apps/dispatch/steered.py", "apps/dispatch/gathering.py", "apps/dispatch/leaving.py",
    "apps/dispatch/corrections.py", "apps/dispatch/tracking.py", "apps/dispatch/tasks.py", "apps/dispatch/droop.py",
    "apps/dispatch/services.py", "apps/dispatch/steering_parts.py", "apps/hubs/instructions.py",
    "apps/hubs/owner_orders.py", "apps/hubs/owner_settings.py", "apps/hubs/device_reports.py",
    "apps/hubs/virtual/unmetered.py", "apps/hubs/virtual/home.py", "apps/markets/envelopes.py", "apps/markets/schedules.py",
    "apps/programs/enrollments.py", "apps/programs/editing.py", "apps/programs/opt_out_rows.py",
    "vpp/dispatch/explain.py", "vpp/dispatch/allocate.py", "vpp/dispatch/reasons.py", "vpp/dispatch/fleet_plan.py",
    "vpp/dispatch/battery_plan.py", "vpp/protocols/ores/rules.py",
    "vpp/baselines/result.py", "apps/flexibility/expected.py",
    "vpp/energy_manager/demand.py", "vpp/energy_manager/envelope.py", "vpp/energy_manager/fill.py",
    "vpp/energy_manager/guest.py", "vpp/energy_manager/instruct.py", "vpp/energy_manager/member.py",
    "vpp/energy_manager/programs.py", "vpp/energy_manager/resource.py", "vpp/energy_manager/safety.py",
    "vpp/energy_manager/controllers/cloud_schedule.py", "vpp/energy_manager/controllers/flaws.py",
    "vpp/energy_manager/controllers/periods.py", "vpp/energy_manager/controllers/schedule_book.py",
    "vpp/energy_manager/controllers/self_consumption.py",
    "edge_agent/controllers/care.py", "edge_agent/controllers/comfort.py", "edge_agent/controllers/droop.py",
    "edge_agent/controllers/failsafe.py", "edge_agent/controllers/home_mode.py", "edge_agent/controllers/island.py",
    "edge_agent/controllers/override.py", "edge_agent/controllers/owner.py", "edge_agent/controllers/rules.py",
    "edge_agent/controllers/week.py",
    "edge_agent/joining/book.py", "edge_agent/joining/members.py", "edge_agent/joining/scout.py", "edge_agent/rm/plausible.py",
    "edge_agent/rm/runner.py", "edge_agent/rm/duty.py", "edge_agent/rm/manager.py", "edge_agent/local_api/home.py",
)  # fmt: skip
# Met by operators and hubs alone, as `raised` reads them.
OF_OPERATORS = {
    "apps/privacy/deletions.py": {"rows of 7 hold each other"},
    "apps/markets/services.py": {"the quantity is not the profile's sum"},
    "apps/markets/chain/parties.py": {
        "a deposit is for a bid with a price and a quantity above 0",
        "another deposit was asked for with this idempotency key",
        "the bid with this idempotency key is placed; ask for its deposit by its number",
    },
    "apps/settlement/disputes.py": {
        "an interval is corrected twice", "no interval of the event begins at 7",
        "7 kWh is beyond what a connection can carry, 7 kWh",
    },
    "apps/programs/services.py": {
        "the home and the program belong to different organizations", "there is a program named 7 already",
        "7 takes part already",
    },
    # An address, and what another library says.
    "edge_agent/drivers/sunspec/unit.py": {"7: 7"},
    "edge_agent/drivers/mqtt/shelly_rpc.py": {"7: 7", "7: 7 7"},
    "edge_agent/drivers/matter/client.py": {"7: 7 7"},
    "edge_agent/drivers/home_assistant/client.py": {"7: 7"},
    "edge_agent/drivers/home_assistant/device.py": {"7: there is no role 7; there are 7"},
    "edge_agent/drivers/json_socket.py": {"7: 7"},
    "edge_agent/drivers/broker.py": {"broker 7:7: 7", "broker: 7"},
    "apps/hubs/services.py": {"expected 7 bytes, got 7", "not base64", "the signature does not match the key"},
}  # fmt: skip
# Names, patterns, and parts of sentences that `BUILT` has whole.
NO_SENTENCES = {
    "apps/dispatch/steering.py": {"the utility's 7 limit7"},
    "apps/dispatch/steered.py": {r"(?<= at )step (\d+)", "Import limit", "Export limit", "steered by prices"},
    "apps/dispatch/gathering.py": {
        "7 home serves another event that goes first.", "1 home has had its", "7 homes have had their",
        "7 share of 7 event lately and 7 not asked.", "7 share of 7 events lately and 7 not asked.",
    },
    "apps/dispatch/corrections.py": {
        "7 kW were missing; 7 with head-room is asked for 7 kW more.",
        "7 kW were missing; 7 with head-room are asked for 7 kW more.",
    },
    "apps/dispatch/steering_parts.py": {" and 7 more"},
    "vpp/dispatch/explain.py": {
        "7 and 7 more", "battery reaches its", "batteries reach their", "heat pump puts", "heat pumps put",
        "off as much heat as allowed", "home is held by its", "homes are held by their", "home is", "homes are",
        "expected to draw more than the baseline at times",
    },
    "vpp/dispatch/fleet_plan.py": {
        "The plan is at most 7 % from the least cost there is", "7: the search ended before it could prove less.",
        "7; 7 homes that switch follow one answer where the bound mixes several, which leaves 7 % open.",
    },
    "vpp/dispatch/battery_plan.py": {"7 cannot be kept: 7 kW 7 it at 7, in 7 steps in all."},
    "vpp/energy_manager/instruct.py": {" is the nearest possible: 7"},
    "vpp/energy_manager/controllers/flaws.py": {"7 7 1 to 7 intervals, not 7"},
    "edge_agent/controllers/owner.py": {"the 7 limit is at most 7 kW, as installed"},
    "edge_agent/controllers/rules.py": {"7 from 7 to 7"},
}  # fmt: skip
BUILT = (
    "the utility's import limit", "the utility's export limit",
    "1 home serves another event that goes first.", "2 homes serve another event that goes first.",
    "1 home has had its share of 1 event lately and is not asked.",
    "1 home has had its share of 3 events lately and is not asked.",
    "12 homes have had their share of 1 event lately and are not asked.",
    "12 homes have had their share of 3 events lately and are not asked.",
    "2.0 kW were missing; 1 home with head-room is asked for 2.2 kW more.",
    "2.0 kW were missing; 2 homes with head-room are asked for 2.2 kW more.",
    "1 battery reaches its reserve.", "2 batteries reach their reserve.",
    "1 heat pump puts off as much heat as allowed.", "2 heat pumps put off as much heat as allowed.",
    "1 home is held by its export limit.", "2 homes are held by their export limit.",
    "1 home is expected to draw more than the baseline at times.",
    "2 homes are expected to draw more than the baseline at times.",
    "The plan is at most 1.2 % from the least cost there is: the search ended before it could prove less.",
    "The plan is at most 1.2 % from the least cost there is; 3 homes that switch follow one answer where the bound "
    "mixes several, which leaves 0.4 % open.",
    "feeder south cannot be kept: 1.5 kW below it at 18:15, in 2 steps in all.",
    "feeder south cannot be kept: 1.5 kW above it at 18:15, in 2 steps in all.",
    "3.00 kW is the nearest possible: it is full",
    "a schedule has 1 to 10000 intervals, not 0", "limits have 1 to 10000 intervals, not 0",
    "the import limit is at most 11 kW, as installed", "the export limit is at most 11 kW, as installed",
    "on from 06:00 to 07:00", "off from 06:00 to 07:00",
)  # fmt: skip


@pytest.mark.parametrize("path", REFUSING)
def test_what_a_room_refuses_with_is_known(path: str) -> None:
    left = OF_OPERATORS.get(path, set())
    assert [
        f"{at}: {text}" for at, text in raised(path) if PHRASES.find(text) is None and text not in left
    ] == []


@pytest.mark.parametrize("path", GIVING)
def test_what_a_reason_says_is_known(path: str) -> None:
    left = NO_SENTENCES.get(path, set())
    assert [
        f"{at}: {text}" for at, text in given(path) if PHRASES.find(text) is None and text not in left
    ] == []


@pytest.mark.parametrize("text", BUILT)
def test_a_sentence_built_of_parts_is_known(text: str) -> None:
    assert PHRASES.find(text) is not None


def test_what_is_left_is_still_there() -> None:
    raising = {path: {text for _, text in raised(path)} for path in OF_OPERATORS}
    giving = {path: {text for _, text in given(path)} for path in NO_SENTENCES}
    assert [one for path, held in OF_OPERATORS.items() for one in held - raising[path]] == []
    assert [one for path, held in NO_SENTENCES.items() for one in held - giving[path]] == []
