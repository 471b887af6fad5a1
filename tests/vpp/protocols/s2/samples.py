"""One valid document of every S2 message type, all about the same resource."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "2026-06-01T12:00:00Z"
LATER = "2026-06-01T18:00:00Z"
L1 = "ELECTRIC.POWER.L1"


def uid(number: int) -> str:
    """An id that tells apart."""
    return str(UUID(int=0xA000 + number))


ACTUATOR, OFF, ON, TIMER, OFF_ON, ON_OFF = (uid(number) for number in range(1, 7))
CONSTRAINTS, ENERGY, PROFILE, CONTAINER, SEQUENCE, RESOURCE, ORDER = (uid(number) for number in range(11, 18))
TYPES = {
    "PEBC": "POWER_ENVELOPE_BASED_CONTROL",
    "PPBC": "POWER_PROFILE_BASED_CONTROL",
    "OMBC": "OPERATION_MODE_BASED_CONTROL",
    "FRBC": "FILL_RATE_BASED_CONTROL",
    "DDBC": "DEMAND_DRIVEN_BASED_CONTROL",
    "NOT_CONTROLABLE": "NOT_CONTROLABLE",
}


def span(low: float, high: float) -> dict[str, float]:
    return {"start_of_range": low, "end_of_range": high}


def watts(low: float, high: float) -> list[dict[str, Any]]:
    return [{**span(low, high), "commodity_quantity": L1}]


TRANSITIONS = [
    {
        "id": OFF_ON,
        "from": OFF,
        "to": ON,
        "start_timers": [TIMER],
        "blocking_timers": [],
        "transition_costs": 0.2,
        "transition_duration": 2000,
        "abnormal_condition_only": False,
    },
    {
        "id": ON_OFF,
        "from": ON,
        "to": OFF,
        "start_timers": [],
        "blocking_timers": [TIMER],
        "abnormal_condition_only": False,
    },
]
TIMERS = [{"id": TIMER, "diagnostic_label": "least time on", "duration": 600_000}]
DETAILS = {
    "message_type": "ResourceManagerDetails",
    "message_id": uid(100),
    "resource_id": RESOURCE,
    "name": "a resource",
    "roles": [{"role": "ENERGY_STORAGE", "commodity": "ELECTRICITY"}],
    "instruction_processing_delay": 100,
    "available_control_types": list(TYPES.values())[:5],
    "currency": "EUR",
    "provides_forecast": True,
    "provides_power_measurement_types": [L1],
}
COMMON: list[dict[str, Any]] = [
    {"message_type": "Handshake", "role": "RM", "supported_protocol_versions": ["9.9", "0.0.2-beta"]},
    {"message_type": "HandshakeResponse", "selected_protocol_version": "0.0.2-beta"},
    DETAILS,
    {"message_type": "SelectControlType", "control_type": "FILL_RATE_BASED_CONTROL"},
    {
        "message_type": "PowerMeasurement",
        "measurement_timestamp": AT,
        "values": [{"commodity_quantity": L1, "value": 1500.0}],
    },
    {
        "message_type": "PowerForecast",
        "start_time": AT,
        "elements": [
            {"duration": 900_000, "power_values": [{"commodity_quantity": L1, "value_expected": 1500.0}]},
            {"duration": 900_000, "power_values": [{"commodity_quantity": L1, "value_expected": 200.0}]},
        ],
    },
    {
        "message_type": "InstructionStatusUpdate",
        "instruction_id": ORDER,
        "status_type": "ACCEPTED",
        "timestamp": AT,
    },
    {"message_type": "RevokeObject", "object_type": "FRBC.Instruction", "object_id": ORDER},
    {"message_type": "SessionRequest", "request": "RECONNECT", "diagnostic_label": "an update"},
]
PEBC: list[dict[str, Any]] = [
    {
        "message_type": "PEBC.PowerConstraints",
        "id": CONSTRAINTS,
        "valid_from": AT,
        "consequence_type": "VANISH",
        "allowed_limit_ranges": [
            {
                "commodity_quantity": L1,
                "limit_type": kind,
                "range_boundary": boundary,
                "abnormal_condition_only": False,
            }
            for kind, boundary in (("UPPER_LIMIT", span(0.0, 0.0)), ("LOWER_LIMIT", span(-5000.0, 0.0)))
        ],
    },
    {
        "message_type": "PEBC.EnergyConstraint",
        "id": ENERGY,
        "valid_from": AT,
        "valid_until": LATER,
        "upper_average_power": 0.0,
        "lower_average_power": -4000.0,
        "commodity_quantity": L1,
    },
    {
        "message_type": "PEBC.Instruction",
        "id": ORDER,
        "execution_time": AT,
        "abnormal_condition": False,
        "power_constraints_id": CONSTRAINTS,
        "power_envelopes": [
            {
                "id": uid(20),
                "commodity_quantity": L1,
                "power_envelope_elements": [{"duration": 60_000, "upper_limit": 0.0, "lower_limit": -2000.0}],
            }
        ],
    },
]
_PART = {
    "id": ORDER,
    "power_profile_id": PROFILE,
    "sequence_container_id": CONTAINER,
    "power_sequence_id": SEQUENCE,
}
PPBC: list[dict[str, Any]] = [
    {
        "message_type": "PPBC.PowerProfileDefinition",
        "id": PROFILE,
        "start_time": AT,
        "end_time": LATER,
        "power_sequences_containers": [
            {
                "id": CONTAINER,
                "power_sequences": [
                    {
                        "id": SEQUENCE,
                        "elements": [
                            {
                                "duration": 1_800_000,
                                "power_values": [{"commodity_quantity": L1, "value_expected": 2000.0}],
                            }
                        ],
                        "is_interruptible": True,
                        "max_pause_before": 600_000,
                        "abnormal_condition_only": False,
                    }
                ],
            }
        ],
    },
    {
        "message_type": "PPBC.PowerProfileStatus",
        "sequence_container_status": [
            {
                "power_profile_id": PROFILE,
                "sequence_container_id": CONTAINER,
                "selected_sequence_id": SEQUENCE,
                "progress": 60_000,
                "status": "EXECUTING",
            }
        ],
    },
    {"message_type": "PPBC.ScheduleInstruction", **_PART, "execution_time": AT, "abnormal_condition": False},
    {
        "message_type": "PPBC.StartInterruptionInstruction",
        **_PART,
        "execution_time": AT,
        "abnormal_condition": False,
    },
    {
        "message_type": "PPBC.EndInterruptionInstruction",
        **_PART,
        "execution_time": AT,
        "abnormal_condition": False,
    },
]
_ACTIVE = {
    "active_operation_mode_id": ON,
    "operation_mode_factor": 0.5,
    "previous_operation_mode_id": OFF,
    "transition_timestamp": AT,
}
_SET = {"operation_mode_factor": 0.5, "execution_time": AT, "abnormal_condition": False, "id": ORDER}
OMBC: list[dict[str, Any]] = [
    {
        "message_type": "OMBC.SystemDescription",
        "valid_from": AT,
        "operation_modes": [
            {"id": OFF, "power_ranges": watts(0.0, 0.0), "abnormal_condition_only": False},
            {
                "id": ON,
                "power_ranges": watts(1000.0, 2000.0),
                "running_costs": span(0.0, 0.0),
                "abnormal_condition_only": False,
            },
        ],
        "transitions": TRANSITIONS,
        "timers": TIMERS,
    },
    {"message_type": "OMBC.Status", **_ACTIVE},
    {"message_type": "OMBC.TimerStatus", "timer_id": TIMER, "finished_at": LATER},
    {"message_type": "OMBC.Instruction", "operation_mode_id": ON, **_SET},
]


def _store_mode(key: str, rate: float, power: float) -> dict[str, Any]:
    low, high = min(0.0, power), max(0.0, power)
    rates = span(min(0.0, rate), max(0.0, rate))
    element = {"fill_level_range": span(0.0, 100.0), "fill_rate": rates, "power_ranges": watts(low, high)}
    return {"id": key, "elements": [element], "abnormal_condition_only": False}


FRBC: list[dict[str, Any]] = [
    {
        "message_type": "FRBC.SystemDescription",
        "valid_from": AT,
        "actuators": [
            {
                "id": ACTUATOR,
                "supported_commodities": ["ELECTRICITY"],
                "operation_modes": [_store_mode(OFF, -0.01, -4000.0), _store_mode(ON, 0.0125, 5000.0)],
                "transitions": TRANSITIONS,
                "timers": TIMERS,
            }
        ],
        "storage": {
            "fill_level_label": "%",
            "provides_leakage_behaviour": True,
            "provides_fill_level_target_profile": True,
            "provides_usage_forecast": True,
            "fill_level_range": span(0.0, 100.0),
        },
    },
    {"message_type": "FRBC.ActuatorStatus", "actuator_id": ACTUATOR, **_ACTIVE},
    {"message_type": "FRBC.StorageStatus", "present_fill_level": 50.0},
    {"message_type": "FRBC.TimerStatus", "timer_id": TIMER, "actuator_id": ACTUATOR, "finished_at": LATER},
    {
        "message_type": "FRBC.LeakageBehaviour",
        "valid_from": AT,
        "elements": [
            {"fill_level_range": span(0.0, 50.0), "leakage_rate": 0.0},
            {"fill_level_range": span(50.0, 100.0), "leakage_rate": 0.001},
        ],
    },
    {
        "message_type": "FRBC.UsageForecast",
        "start_time": AT,
        "elements": [
            {"duration": 3_600_000, "usage_rate_expected": 0.001},
            {"duration": 3_600_000, "usage_rate_expected": 0.002},
        ],
    },
    {
        "message_type": "FRBC.FillLevelTargetProfile",
        "start_time": LATER,
        "elements": [{"duration": 3_600_000, "fill_level_range": span(80.0, 100.0)}],
    },
    {"message_type": "FRBC.Instruction", "actuator_id": ACTUATOR, "operation_mode": ON, **_SET},
]
DDBC: list[dict[str, Any]] = [
    {
        "message_type": "DDBC.SystemDescription",
        "valid_from": AT,
        "actuators": [
            {
                "id": ACTUATOR,
                "supported_commodites": ["ELECTRICITY", "HEAT"],
                "operation_modes": [
                    {
                        "Id": key,
                        "power_ranges": watts(0.0, power),
                        "supply_range": [span(0.0, supply)],
                        "abnormal_condition_only": False,
                    }
                    for key, power, supply in ((OFF, 0.0, 0.0), (ON, 3000.0, 9000.0))
                ],
                "transitions": TRANSITIONS,
                "timers": TIMERS,
            }
        ],
        "present_demand_rate": span(0.0, 0.0),
        "provides_average_demand_rate_forecast": True,
    },
    {"message_type": "DDBC.ActuatorStatus", "actuator_id": ACTUATOR, **_ACTIVE},
    {"message_type": "DDBC.TimerStatus", "timer_id": TIMER, "actuator_id": ACTUATOR, "finished_at": LATER},
    {
        "message_type": "DDBC.AverageDemandRateForecast",
        "start_time": AT,
        "elements": [{"duration": 3_600_000, "demand_rate_expected": 4000.0}],
    },
    {"message_type": "DDBC.Instruction", "actuator_id": ACTUATOR, "operation_mode_id": ON, **_SET},
]
ALL = [*COMMON, *PEBC, *PPBC, *OMBC, *FRBC, *DDBC]
SAMPLES: dict[str, dict[str, Any]] = {
    document["message_type"]: {"message_id": uid(200 + place), **document}
    for place, document in enumerate(ALL)
}
RECEPTION = {"message_type": "ReceptionStatus", "subject_message_id": uid(300), "status": "OK"}
