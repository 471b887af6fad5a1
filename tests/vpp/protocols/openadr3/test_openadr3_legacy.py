"""3.0.1 in 3.1's form and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.openadr3.common import OpenADRFormatError
from vpp.protocols.openadr3.event import decode_event
from vpp.protocols.openadr3.legacy import (
    LEGACY_OPERATIONS,
    OPERATIONS,
    PROGRAM_ATTRIBUTES,
    from_legacy,
    operation_from_legacy,
    resources_of_legacy,
    resources_path,
    to_legacy,
)
from vpp.protocols.openadr3.program import decode_program
from vpp.protocols.openadr3.report import decode_report
from vpp.protocols.openadr3.subscription import decode_subscription

names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
targets = st.lists(names, min_size=1, max_size=4, unique=True)
starts = st.sampled_from(["2026-06-17T18:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01"])
periods = st.fixed_dictionaries({"start": starts, "duration": st.sampled_from(["PT15M", "P9999Y"])})
payloads = st.lists(
    st.fixed_dictionaries(
        {"type": names, "values": st.lists(st.integers() | names | st.booleans(), max_size=3)}
    ),
    max_size=2,
)
intervals = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 9), "payloads": payloads}, optional={"intervalPeriod": periods}
    ),
    max_size=3,
)
descriptors = st.lists(
    st.fixed_dictionaries({"payloadType": names}, optional={"targets": targets}), max_size=2
)
events = st.fixed_dictionaries(
    {"programID": st.just("p-1"), "intervals": intervals},
    optional={
        "eventName": names, "priority": st.integers(0, 9), "targets": targets, "intervalPeriod": periods,
        "reportDescriptors": descriptors,
        "payloadDescriptors": st.just([{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE"}]),
    },
)  # fmt: skip
programs = st.fixed_dictionaries(
    {"programName": names},
    optional={
        "targets": targets,
        "intervalPeriod": periods,
        "attributes": st.lists(
            st.sampled_from(sorted(PROGRAM_ATTRIBUTES.values())), min_size=1, unique=True
        ).map(
            lambda types: [
                {"type": one, "values": ["x"]} for one in PROGRAM_ATTRIBUTES.values() if one in types
            ]
        ),
    },
)
subscriptions = st.fixed_dictionaries(
    {
        "clientName": names, "programID": st.just("p-1"),
        "objectOperations": st.lists(
            st.fixed_dictionaries({
                "objects": st.just(["EVENT"]), "callbackUrl": st.just("https://x/y"),
                "operations": st.lists(st.sampled_from(sorted(LEGACY_OPERATIONS)), max_size=4),
            }), max_size=2),
    }, optional={"targets": targets},
)  # fmt: skip


class TestRoundTrips:
    @given(events)
    def test_of_events_keep_their_meaning(self, event: dict[str, Any]) -> None:
        assert decode_event(from_legacy(to_legacy(event, kind="EVENT"), kind="EVENT")) == decode_event(event)

    @given(programs)
    def test_of_programs_keep_their_meaning(self, program: dict[str, Any]) -> None:
        there = to_legacy(program, kind="PROGRAM")
        assert "attributes" not in there
        assert decode_program(from_legacy(there, kind="PROGRAM")) == decode_program(program)

    @given(subscriptions)
    def test_of_subscriptions_keep_their_meaning(self, subscription: dict[str, Any]) -> None:
        there = to_legacy(subscription, kind="SUBSCRIPTION")
        for wish in there["objectOperations"]:
            assert set(wish["operations"]) <= set(OPERATIONS)
        back = from_legacy(there, kind="SUBSCRIPTION")
        assert decode_subscription(back) == decode_subscription(subscription)

    @given(intervals)
    def test_of_reports_keep_their_meaning(self, found: list[dict[str, Any]]) -> None:
        report = {
            "eventID": "e-1",
            "clientName": "c",
            "resources": [{"resourceName": "r", "intervals": found}],
        }
        there = to_legacy(report, kind="REPORT", program_id="p-1")
        assert there["programID"] == "p-1"
        back = from_legacy(there, kind="REPORT")
        assert "programID" not in back
        assert decode_report(back) == decode_report(report)

    @given(targets, st.sampled_from(["VEN", "RESOURCE"]))
    def test_of_vens_and_resources_keep_their_meaning(self, held: list[str], kind: Any) -> None:
        name = {"VEN": "venName", "RESOURCE": "resourceName"}[kind]
        one = {
            "objectType": kind,
            name: "x",
            "targets": held,
            "attributes": [{"type": "A", "values": [1]}],
        }
        assert from_legacy(to_legacy({**one, "clientID": "c"}, kind=kind), kind=kind) == one


class TestFromLegacy:
    def test_event_as_a_3_0_1_server_shows_it(self) -> None:
        shown = {
            "id": "e-1", "programID": "p-1", "eventName": None, "priority": None, "targets": [
                {"type": "PROGRAM_NAME", "values": ["Relief"]}, {"type": "GROUP", "values": ["north", "south"]},
                {"type": "VEN_NAME", "values": ["north", "ores"]},
            ],
            "payloadDescriptors": [{"payloadType": "PRICE", "units": None}],
            "intervalPeriod": {"start": "0000-00-00T00:00:00Z", "duration": "PT1H", "randomizeStart": None},
            "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [0.1]}], "intervalPeriod": None}],
        }  # fmt: skip
        assert from_legacy(shown, kind="EVENT") == {
            "id": "e-1", "programID": "p-1", "targets": ["north", "south", "ores"],
            "payloadDescriptors": [{"payloadType": "PRICE", "objectType": "EVENT_PAYLOAD_DESCRIPTOR"}],
            "intervalPeriod": {"start": "0001-01-01T00:00:00Z", "duration": "PT1H"},
            "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [0.1]}]}],
        }  # fmt: skip

    def test_resources_inside_a_ven_name_it(self) -> None:
        ven = {
            "id": "v-1",
            "venName": "ores",
            "resources": [{"resourceName": "r", "targets": [{"type": "GROUP", "values": ["g"]}]}],
        }
        assert from_legacy(ven, kind="VEN") == {"id": "v-1", "venName": "ores"}
        assert resources_of_legacy(ven) == [{"venID": "v-1", "resourceName": "r", "targets": ["g"]}]

    @pytest.mark.parametrize("bad", ["north", ["north"], [{"type": "GROUP"}], [{"values": ["x"]}], {"a": 1}])
    def test_targets_that_are_none_are_refused(self, bad: Any) -> None:
        with pytest.raises(OpenADRFormatError):
            from_legacy({"targets": bad}, kind="EVENT")

    @pytest.mark.parametrize("name", ["PATCH", "", "post"])
    def test_operation_that_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(OpenADRFormatError):
            operation_from_legacy(name)

    def test_both_namings_of_operations_are_read(self) -> None:
        assert [operation_from_legacy(one) for one in ("POST", "CREATE", "PUT", "GET")] == [
            "CREATE", "CREATE", "UPDATE", "READ",
        ]  # fmt: skip


class TestToLegacy:
    def test_what_3_0_1_cannot_say_is_refused(self) -> None:
        with pytest.raises(OpenADRFormatError):
            to_legacy({"programID": "p", "duration": "P9999Y"}, kind="EVENT")
        with pytest.raises(OpenADRFormatError):
            to_legacy({"eventID": "e"}, kind="REPORT")
        with pytest.raises(OpenADRFormatError):
            to_legacy({"clientName": "c", "objectOperations": []}, kind="SUBSCRIPTION")

    def test_now_is_the_year_0(self) -> None:
        event = {"programID": "p", "intervalPeriod": {"start": "0001-01-01T00:00:00Z"}}
        assert to_legacy(event, kind="EVENT")["intervalPeriod"] == {"start": "0000-00-00T00:00:00Z"}

    def test_requests_are_called_by_their_kind(self) -> None:
        assert to_legacy({"objectType": "VEN_VEN_REQUEST", "venName": "x"}, kind="VEN")["objectType"] == "VEN"

    def test_resources_are_kept_under_their_ven(self) -> None:
        assert [resources_path(version, "v") for version in ("3.0.1", "3.1.0")] == [
            "vens/v/resources",
            "resources",
        ]
