"""OpenADR's processes run only where they are asked for."""

import pytest

from ores_cloud.supervisor import mdns_children, openadr_children


@pytest.mark.parametrize(
    ("environment", "commands"),
    [
        ({}, []),
        ({"OPENADR2B_VTN": "", "OPENADR2B_VEN": "0"}, []),
        (
            {"OPENADR2B_VTN": "--organization 'a b' --port 1"},
            [["openadr2b_vtn", "--organization", "a b", "--port", "1"]],
        ),
        ({"OPENADR2B_VEN": "1"}, [["openadr2b_ven"]]),
        ({"OPENADR3_VEN": "1"}, [["openadr3_ven"]]),
    ],
)
def test_processes_that_are_asked_for(environment: dict[str, str], commands: list[list[str]]) -> None:
    assert [child.command[2:] for child in openadr_children(environment)] == commands


def test_mdns_is_told_only_where_it_is_asked_for_and_the_address_can_be_reached() -> None:
    assert mdns_children({"BIND": "192.0.2.7"}, 8000) == []
    assert mdns_children({"OPENADR_MDNS": "1"}, 8000) == []
    (child,) = mdns_children(
        {"OPENADR_MDNS": "1", "BIND": "0.0.0.0", "OPENADR_MDNS_ADDRESS": "192.0.2.7"}, 8000
    )
    assert child.command[2:] == ["openadr_mdns", "--address", "192.0.2.7", "--port", "8000"]
